"""Fraud detection by late fusion."""
