"""SST-2 BERT compression."""
