"""What a search may find here: perceptrons of up to three layers."""

from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.models.spaces import space, values

EPOCH = 3 * 2.38e6 * 55_000  # training compute of one epoch of the reference
DECISIONS = {f"layer{number}": (0, 8, 16, 32, 64, 128, 256) for number in (1, 2, 3)}


def network(problem: Compression, architecture: Architecture) -> Any:
    """A perceptron of up to three layers; 0 units leave one out."""
    from tasks.models import mlp

    units = values(DECISIONS)(architecture).values()
    return mlp.layered(28 * 28, [each for each in units if each])


SEARCH = TrainedSpace(
    space=space("up to three layers", DECISIONS),
    network=network,
    fidelities=(1, 4),
    search_macs={"smoke": 3 * 1.26e5 * 2048 * 8, "standard": 2 * EPOCH, "full": 50 * EPOCH},
    limits=(0.01, 0.025, 0.05),
    most_epochs=60,
)
