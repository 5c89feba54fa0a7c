"""What a search may find here: widths of the three branches, depth, and the image's resolution."""

from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.models.spaces import space, values

REFERENCE_MACS = 5.75e9  # the budget's unit; a request costs the trained monolith 5.52e9
EPOCH = 3 * REFERENCE_MACS * 40_000  # dense, though 32,000 training requests have no image
DECISIONS = {
    "table": (32, 64, 128, 256),  # hidden units
    "log": (16, 32, 64, 128),  # channels
    "image": (0.25, 0.5, 1.0, 2.0),  # times the channels of the light encoder
    "depth": (0.5, 1.0, 2.0),
    "resolution": (64, 128, 256),
}


def network(problem: Compression, architecture: Architecture) -> Any:
    """A light late fusion with branches of their own sizes, untrained."""
    from tasks.models import fusion

    return fusion.uneven(**values(DECISIONS)(architecture))


SEARCH = TrainedSpace(
    space=space("branch widths, depth and resolution", DECISIONS),
    network=network,
    fidelities=(1, 3),
    search_macs={"smoke": 3 * 18e6 * 768 * 2, "standard": 0.06 * EPOCH, "full": 2 * EPOCH},
    limits=(0.001, 0.0025, 0.01),
    most_epochs=6,
)
