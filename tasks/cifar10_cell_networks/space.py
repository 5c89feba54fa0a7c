"""What a search may find here: the cells of NAS-Bench-201, as small networks that are trained."""

from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.datasets import cifar10
from tasks.datasets.nasbench201 import OPERATIONS, SPACE

WIDTH, CELLS = 8, 1  # channels of the first stage and cells of each; the table's have 16 and 5
LARGEST = (OPERATIONS.index("nor_conv_3x3"),) * 6
REFERENCE_MACS = 12.67e6  # one image, the largest cell, by FlopCounterMode
EPOCH = 3 * REFERENCE_MACS * 45_000  # training compute of one epoch of the reference


def network(problem: Compression, architecture: Architecture) -> Any:
    """The network of a cell, untrained."""
    from tasks.models.cell import Cell, deployable

    sizes = cifar10.MEAN, cifar10.STD, _width(problem), CELLS
    return deployable(lambda channels: Cell(architecture, channels), *sizes)


def supernet(problem: Compression) -> Any:
    """All networks in one, untrained."""
    from tasks.models.cell import Supernet, deployable

    width = _width(problem)
    return Supernet(lambda make: deployable(make, cifar10.MEAN, cifar10.STD, width, CELLS))


def _width(problem: Compression) -> int:
    reference: Any = problem.reference()
    channels: int = reference.features[0].out_channels  # fewer at smoke scale
    return channels


SEARCH = TrainedSpace(
    space=SPACE,
    network=network,
    supernet=supernet,
    table="cell_search",
    fidelities=(1, 4),
    search_macs={"smoke": 3 * 3.6e6 * 1024 * 2, "standard": 5 * EPOCH, "full": 100 * EPOCH},
    limits=(0.25, 0.5, 1.0),
    most_epochs=10,
)
