"""What a search may find here: sub-networks of the reference, which keep its weights."""

from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.models.spaces import space, values

REFERENCE_MACS = 0.699e9  # one request of 64 tokens, MiniLM-L6-H384, by FlopCounterMode
EPOCH = 3 * REFERENCE_MACS * 67_348  # training compute of one epoch of the reference
DECISIONS = {
    "layers": (0.34, 0.5, 0.67, 0.84, 1.0),
    "heads": (0.25, 0.5, 0.75, 1.0),
    "neurons": (0.125, 0.25, 0.5, 0.75, 1.0),
}


def network(problem: Compression, architecture: Architecture) -> Any:
    """Layers evenly spread, and in each the heads and neurons of largest weights, as shares."""
    from harness.transformer import head_size, highest, keep_heads, keep_layers, keep_neurons

    said = values(DECISIONS)(architecture)
    model: Any = problem.reference()
    count = len(model.layers)
    kept = max(1, round(said["layers"] * count))
    keep_layers(model, [(2 * place + 1) * count // (2 * kept) for place in range(kept)])
    for layer in model.layers:
        after = layer.attention.output.dense.weight  # (width, heads * head size)
        heads = after.square().sum(0).unflatten(0, (-1, head_size(layer))).sum(1)
        keep_heads(layer, highest(heads, max(1, round(said["heads"] * len(heads)))))
        neurons = layer.output.dense.weight.square().sum(0)
        keep_neurons(layer, highest(neurons, max(1, round(said["neurons"] * len(neurons)))))
    return model


SEARCH = TrainedSpace(
    space=space("layers, heads and neurons of the reference", DECISIONS),
    network=network,
    fidelities=(0.1, 0.4),
    search_macs={"smoke": 3 * 7.3e6 * 2048 * 2, "standard": 3 * EPOCH, "full": 30 * EPOCH},
    limits=(0.15, 0.3, 0.5),
    most_epochs=8,
    inherits=True,
)
