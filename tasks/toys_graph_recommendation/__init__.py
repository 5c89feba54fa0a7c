"""Toys graph recommendation."""
