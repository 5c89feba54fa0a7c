"""What the commands of `harness/cli.py` do, one file a theme."""
