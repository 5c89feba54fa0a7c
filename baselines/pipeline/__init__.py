"""Baselines: pipeline."""
