"""Make a CIFAR-10 MobileNetV2 smaller and faster; the card is README.md beside this file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import Budget, Limit
from tasks.cifar10_resnet_slimming.task import TASK as RESNET
from tasks.datasets import cifar10

REFERENCE_MACS = 88.0e6  # one image, by FlopCounterMode
EPOCH = 3 * REFERENCE_MACS * 45_000  # training compute of one epoch of the reference


def build(**shape: Any) -> Any:
    """An untrained MobileNetV2; `width` and `depth` scale it."""
    from tasks.models import mobilenetv2

    return mobilenetv2.build(cifar10.MEAN, cifar10.STD, **shape)


TASK = replace(
    RESNET,
    name="cifar10_mobilenetv2_slimming",
    title="CIFAR-10 MobileNetV2 slimming",
    limits=(Limit("macs", "at_most", 0.6 * REFERENCE_MACS), Limit("retention", "at_least", 0.99)),
    budgets={
        "smoke": Budget(train_macs=3 * 5.1e6 * 1024 * 2, most_epochs=2, wall_seconds=120),
        "standard": Budget(train_macs=2 * EPOCH, wall_seconds=3 * 3600),
        "full": Budget(train_macs=100 * EPOCH, wall_seconds=24 * 3600),
    },
    build=build,
    smoke_shape={"width": 0.25, "depth": 0.25},
    reference_epochs=15,
    reference_train_macs=15 * EPOCH,
    search=None,
    folder=Path(__file__).parent,
)
