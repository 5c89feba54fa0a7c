"""Attention-head pruning: cut the heads whose gates move the loss least, then fine-tune.

Source: Michel et al. 2019, arXiv:1905.10650, section 4.1 (importance |d loss / d gate|, normalised
by layer). Departs from it: gradients by batch, and training after the cut.
"""

from typing import Any

import torch
from torch import nn

from harness import Compression, Method
from harness.transformer import head_importance, keep_heads

BATCHES = 50


def solve(problem: Compression, heads: float) -> nn.Module:
    """The reference with the share `heads` of its heads, one a layer at least."""
    model: Any = problem.reference()
    scores = head_importance(problem, model, BATCHES)
    ranked = torch.cat(scores).sort(descending=True).values
    threshold = ranked[max(1, round(heads * len(ranked))) - 1]
    for layer, score in zip(model.layers, scores, strict=True):
        stay = score >= torch.minimum(threshold, score.max())
        keep_heads(layer, stay.nonzero().flatten())
    return problem.finetune(model)


METHOD = Method(
    name="head_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"heads": 0.75}, {"heads": 0.5}, {"heads": 0.25}),
    source="arXiv:1905.10650",
    modalities=("clicks", "text"),
)
