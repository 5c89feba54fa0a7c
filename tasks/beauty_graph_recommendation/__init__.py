"""Beauty graph recommendation."""
