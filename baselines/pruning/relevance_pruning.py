"""Relevance-based pruning: cut the channels that carry least of the decision.

Source: Yeom et al. 2021, arXiv:1912.08881 (layer-wise relevance propagation). Departs from it: its
rules do not pass residual additions in captum, so relevance is gradient times activation, to which
epsilon-LRP reduces in ReLU networks (Ancona et al. 2018, arXiv:1711.06104), by captum; in
networks with other activations it is gradient times activation and no more.
"""

import torch
from captum.attr import LayerGradientXActivation
from torch import Tensor, nn

from harness import Compression, Method
from harness.structured import ChannelScores, prune

BATCHES = 2


def relevance(problem: Compression, model: nn.Module) -> dict[nn.Module, Tensor]:
    """Mean absolute relevance of each output channel of each layer, on training batches."""
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    scores = {layer: torch.zeros(layer.weight.shape[0]) for layer in layers}
    for inputs, targets in problem.batches(model, BATCHES):
        part = tuple(tensor[:128] for tensor in inputs)
        found = LayerGradientXActivation(model, layers).attribute(
            part if len(part) > 1 else part[0], target=targets[:128]
        )
        for layer, value in zip(layers, found, strict=True):
            spread = value.detach() if isinstance(layer, nn.Conv2d) else value.detach().mT
            by_channel = spread.flatten(2).sum(2) if value.ndim > 2 else value.detach()
            scores[layer] += by_channel.abs().mean(0).cpu()
    return {layer: score / score.norm().clamp_min(1e-12) for layer, score in scores.items()}


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """Cut the least relevant channels, the same share in every layer, then fine-tune."""
    model = problem.reference()
    scores = ChannelScores(relevance(problem, model))
    return problem.finetune(prune(problem, model, scores, speed_up))


METHOD = Method(
    name="relevance_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:1912.08881",
    modalities=("image", "text", "vector"),  # a table read and written is not followed
)
