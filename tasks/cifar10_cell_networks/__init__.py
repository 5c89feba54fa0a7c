"""CIFAR-10 MobileNetV2 slimming."""
