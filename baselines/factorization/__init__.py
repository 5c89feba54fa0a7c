"""Baselines: factorization."""
