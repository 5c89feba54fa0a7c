"""What a search may find here: the reference's family in width, depth and fusion."""

from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.models.spaces import space, values

FUSIONS = (
    "sequence",
    "graph",
    "concatenation",
    "gated",
    "attention",
    "residual",
)  # of own and graph vector
BATCH_MACS = 1.31e9  # one training batch of 256 users of the reference, by FlopCounterMode
EPOCH = 3 * BATCH_MACS * 87  # training compute of one epoch of the reference
DECISIONS = {"width": (0.25, 0.375, 0.5, 0.75, 1.0), "depth": (0.5, 1.0), "fusion": FUSIONS}


def network(problem: Compression, architecture: Architecture) -> Any:
    """One network of the family, untrained."""
    return problem.build(**values(DECISIONS)(architecture))


SEARCH = TrainedSpace(
    space=space("width, depth and fusion", DECISIONS),
    network=network,
    fidelities=(1, 4),
    search_macs={"smoke": 4.0e9, "standard": 20 * EPOCH, "full": 100 * EPOCH},
    limits=(0.3, 0.6, 1.0),
    most_epochs=20,
)
