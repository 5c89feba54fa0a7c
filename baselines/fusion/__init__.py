"""Baselines: fusion."""
