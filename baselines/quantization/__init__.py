"""Baselines: quantization."""
