"""Baselines: pruning."""
