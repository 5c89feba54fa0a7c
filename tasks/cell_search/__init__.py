"""Cell search on NAS-Bench-201, from published tables."""
