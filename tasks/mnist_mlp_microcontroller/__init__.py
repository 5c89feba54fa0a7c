"""MNIST on a microcontroller."""
