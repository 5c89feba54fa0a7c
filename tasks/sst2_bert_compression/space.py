"""What a search may find here: sub-networks of the reference, which keep its weights.

Source: the lowest layers stay (top-layer dropping, Sajjad et al. 2020, arXiv:2004.03844); heads
and neurons, chosen layer by layer, are put in order of their weights first, as in Hou et al. 2020,
arXiv:2004.04037, section 2.1, so that a smaller network's weights are leading slices of a larger
one's. 67 million networks; a reference of more layers has as many decisions, each for a sixth.
"""

from collections.abc import Hashable
from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.models.spaces import space, values

REFERENCE_MACS = 0.699e9  # one request of 64 tokens, MiniLM-L6-H384, by FlopCounterMode
EPOCH = 3 * REFERENCE_MACS * 67_348  # training compute of one epoch of the reference
PARTS = 6  # of the reference's depth, in MiniLM a layer each
LAYERS = tuple(range(2, PARTS + 1))
HEADS, NEURONS = (0.25, 0.5, 0.75, 1.0), (0.125, 0.25, 0.5, 0.75, 1.0)
DECISIONS: dict[str, tuple[float, ...]] = {"layers": LAYERS} | {
    f"{word}{part}": shares
    for part in range(1, PARTS + 1)
    for word, shares in (("heads", HEADS), ("neurons", NEURONS))
}


def canonical(architecture: Architecture) -> Hashable:
    """The decisions without those on layers that are not there."""
    return architecture[: 1 + 2 * LAYERS[architecture[0]]]


def network(problem: Compression, architecture: Architecture) -> Any:
    """The lowest layers, and in each its share of heads and neurons, of largest weights first."""
    from harness.transformer import head_size, keep_heads, keep_layers, keep_neurons

    said = values(DECISIONS)(architecture)
    model: Any = problem.reference()
    whole = len(model.layers)
    keep_layers(model, range(max(1, round(said["layers"] * whole / PARTS))))
    for place, layer in enumerate(model.layers):
        part = 1 + place * PARTS // whole
        after = layer.attention.output.dense.weight  # (width, heads * head size)
        heads = after.square().sum(0).unflatten(0, (-1, head_size(layer))).sum(1)
        keep_heads(layer, _first(heads, said[f"heads{part}"]))
        neurons = layer.output.dense.weight.square().sum(0)
        keep_neurons(layer, _first(neurons, said[f"neurons{part}"]))
    return model


def _first(scores: Any, share: float) -> Any:
    """Places of a share of the scores, the highest first: a smaller share's are the first ones."""
    return scores.argsort(descending=True, stable=True)[: max(1, round(share * len(scores)))]


SEARCH = TrainedSpace(
    space=space("layers, and heads and neurons of each", DECISIONS, canonical),
    network=network,
    fidelities=(0.1, 0.4),
    search_macs={"smoke": 3 * 7.3e6 * 2048 * 2, "standard": 3 * EPOCH, "full": 30 * EPOCH},
    limits=(0.15, 0.3, 0.5),
    most_epochs=8,
    inherits=True,
)
