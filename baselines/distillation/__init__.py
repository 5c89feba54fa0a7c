"""Baselines: distillation."""
