"""Baselines: architecture."""
