"""Readers of official data sets."""
