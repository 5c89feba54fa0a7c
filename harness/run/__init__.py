"""Solving: stages, the watched child process, the meter, the one training loop."""
