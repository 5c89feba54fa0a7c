"""GraphSAGE alone: item vectors from the item graph, a user is the mean of the clicked items.

Source: Hamilton et al. 2017, arXiv:1706.02216 (mean aggregator, two layers, heterogeneous by
torch-geometric). Departs from it: trained by the task's sampled softmax, not by random walks.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.retrieval import NextItem, causal, vectors


class MeanOfClicks(NextItem):
    """What follows is near the mean of what was clicked; the latest click counts most."""

    def __init__(self, items: nn.Module, catalogue: int, decay: float) -> None:
        super().__init__(items, catalogue)
        self.decay = decay
        self.scale = nn.Parameter(torch.tensor(4.0))

    def encode(self, history: Tensor, table: Tensor, last: bool = False) -> Tensor:
        """int64 (n, t) to the weighted mean of the vectors so far, (n, t or 1, width)."""
        seen = causal(history)
        if last:
            seen = seen[:, -1:]
        places = torch.arange(history.shape[1], device=history.device)
        age = (places[:, None] - places)[-seen.shape[1] :].clamp_min(0)
        weights = seen.to(table.dtype) * self.decay**age
        mean: Tensor = (
            self.scale * (weights / weights.sum(2, keepdim=True)) @ vectors(history, table)
        )
        return mean


def solve(problem: Compression, width: float, decay: float) -> nn.Module:
    """A trained graph of vectors; a click counts `decay` times as much as the one after it."""
    whole: Any = problem.build(fusion="graph", width=width)
    model = MeanOfClicks(whole.items, whole.catalogue, decay)
    return problem.train(model, learning_rate=2.0)


METHOD = Method(
    name="graphsage_mean",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 1.0, "decay": 0.7},
        {"width": 1.0, "decay": 1.0},
        {"width": 0.5, "decay": 0.7},
    ),
    source="arXiv:1706.02216",
    modalities=("clicks",),
    small_baseline=True,
)
