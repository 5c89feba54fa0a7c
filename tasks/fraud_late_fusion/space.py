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
    """A light late fusion with branches of their own sizes, untrained; layers named by role."""
    from tasks.models import fusion

    model: Any = fusion.uneven(**values(DECISIONS)(architecture))
    model.table.layers = by_role(model.table.layers)
    shrink, encoder = model.image.encoder
    model.image.encoder = nn_sequential(shrink=shrink, layers=by_role(encoder))
    return model


def by_role(layers: Any) -> Any:
    """The same layers named by what they do, so that depths share the weights of like layers.

    A convolution that halves the resolution starts a stage, others count within it; the last
    linear layer is the output.
    """
    from torch import nn

    named: dict[str, Any] = {}
    stage, last = 0, len(layers) - 1
    for place, layer in enumerate(layers):
        halves = isinstance(layer, nn.Sequential) and getattr(layer[0], "stride", (1,))[0] > 1
        stage += halves
        kind = "output" if place == last else "down" if halves else type(layer).__name__.lower()
        count = sum(name.startswith(f"{kind}{stage}_") for name in named)
        named[f"{kind}{stage}_{count}"] = layer
    return nn_sequential(**named)


def nn_sequential(**layers: Any) -> Any:
    """Named layers one after another."""
    from torch import nn

    made = nn.Sequential()
    for name, layer in layers.items():
        made.add_module(name, layer)
    return made


SEARCH = TrainedSpace(
    space=space("branch widths, depth and resolution", DECISIONS),
    network=network,
    fidelities=(1, 2),
    # a network of the space costs 43 M MACs on average: about 24 queries at the most epochs
    search_macs={"smoke": 3 * 18e6 * 768 * 2, "standard": 0.36 * EPOCH, "full": 2 * EPOCH},
    limits=(0.001, 0.0025, 0.01),
    most_epochs=6,
)
