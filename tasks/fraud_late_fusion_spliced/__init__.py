"""Fraud detection by late fusion, spliced from real pieces."""
