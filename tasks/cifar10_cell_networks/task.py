"""Small CIFAR-10 networks of one cell, found with shared weights; the card is README.md."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import Budget, Limit
from tasks.cifar10_cell_networks.space import CELLS, EPOCH, LARGEST, REFERENCE_MACS, SEARCH, WIDTH
from tasks.cifar10_resnet_slimming.task import LONG_RECIPE
from tasks.cifar10_resnet_slimming.task import TASK as RESNET
from tasks.datasets import cifar10


def build(width: float = 1.0, depth: float = 1.0) -> Any:
    """An untrained network of 3x3 convolutions on every edge, more or less wide and deep."""
    from tasks.models.cell import Cell, deployable

    channels, cells = max(2, round(WIDTH * width)), max(1, round(CELLS * depth))
    return deployable(lambda c: Cell(LARGEST, c), cifar10.MEAN, cifar10.STD, channels, cells)


TASK = replace(
    RESNET,
    name="cifar10_cell_networks",
    title="CIFAR-10 networks of one cell",
    limits=(Limit("macs", "at_most", 0.5 * REFERENCE_MACS), Limit("retention", "at_least", 0.99)),
    budgets={
        "smoke": Budget(train_macs=3 * 3.6e6 * 1024 * 2, most_epochs=2, wall_seconds=120),
        "standard": Budget(train_macs=5 * EPOCH, wall_seconds=3 * 3600),
        "full": Budget(train_macs=100 * EPOCH, wall_seconds=24 * 3600),
    },
    recipe=LONG_RECIPE,
    build=build,
    smoke_shape={"width": 0.5},
    reference_epochs=10,
    reference_train_macs=10 * EPOCH,
    search=SEARCH,
    folder=Path(__file__).parent,
)
