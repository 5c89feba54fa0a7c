"""CIFAR-10 ResNet slimming."""
