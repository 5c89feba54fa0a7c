"""Fisher pruning: heads and neurons cut together by Fisher information per saved MAC, distilled.

Source: Kwon et al. 2022, arXiv:2204.09656, section 4.1 (diagonal Fisher information of the gates,
search under a MAC limit). Departs from it: the cut model is distilled instead of tuned in closed
form.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.transformer import gate_scores, head_size, keep_heads, keep_neurons

BATCHES = 100


def choose(
    scores: list[tuple[Tensor, Tensor]], costs: tuple[float, float], limit: float
) -> list[tuple[Tensor, Tensor]]:
    """Heads and neurons to keep in each layer (bool): the most information within `limit` MACs.

    `costs`: MACs of one head and of one neuron. The best head and neuron of each layer stay.
    """
    kept = [(heads == heads.max(), neurons == neurons.max()) for heads, neurons in scores]
    spent = sum(float(h.sum()) * costs[0] + float(n.sum()) * costs[1] for h, n in kept)
    candidates = [
        (float(score) / costs[kind], layer, kind, index)
        for layer, pair in enumerate(scores)
        for kind in (0, 1)
        for index, score in enumerate(pair[kind])
        if not kept[layer][kind][index]
    ]
    for _, layer, kind, index in sorted(candidates, reverse=True):
        if spent + costs[kind] <= limit:
            kept[layer][kind][index] = True
            spent += costs[kind]
    return kept


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """The reference at 1 / `speed_up` of its MACs."""
    model: Any = problem.reference()
    tokens, width = problem.example[0].shape[1], model.classifier.in_features
    size = head_size(model.layers[0])
    costs = (4 * width * size * tokens + 2 * size * tokens**2, 2 * width * tokens)
    scores = gate_scores(problem, model, BATCHES, 2)
    kept = choose(scores, costs, problem.macs(model) / speed_up)
    for layer, (heads, neurons) in zip(model.layers, kept, strict=True):
        keep_heads(layer, torch.nonzero(heads).flatten())
        keep_neurons(layer, torch.nonzero(neurons).flatten())
    return problem.finetune(model, teacher=problem.reference(), temperature=2.0, keep_soft=True)


METHOD = Method(
    name="fisher_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:2204.09656",
    modalities=("text",),
)
