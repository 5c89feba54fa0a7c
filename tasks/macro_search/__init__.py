"""Macro search on NAS-Bench-Macro."""
