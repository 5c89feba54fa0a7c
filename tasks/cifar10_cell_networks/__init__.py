"""CIFAR-10 networks of one cell."""
