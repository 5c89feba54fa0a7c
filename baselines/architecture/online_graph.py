"""The graph computed for every request, with all neighbours or a few: what caching buys.

Source: neighbour sampling, Hamilton et al. 2017, arXiv:1706.02216, section 3.1. Departs from it:
the sample is drawn once, when the graph is exported, so that answers repeat.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Compression, Method


class Online(nn.Module):
    """Computes the item vectors from a graph that the request may change.

    The change is zero, but a runtime cannot know it, or it would compute them when loading.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.catalogue = model, model.catalogue

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t) to scores (n, items + 1)."""
        table = self.model.items(0.0 * history[:1, :1].float())
        asked = self.model.encode(history, table, last=True)[:, 0]
        return functional.linear(asked, table)


def sampled(edges: Tensor, neighbours: int) -> Tensor:
    """At most `neighbours` random edges into each target, edges[1], of int64 (2, e)."""
    order = torch.randperm(edges.shape[1])
    order = order[edges[1, order].argsort(stable=True)]
    targets = edges[1, order].numpy()
    place = np.arange(len(targets)) - np.searchsorted(targets, targets, side="left")
    return edges[:, order[torch.from_numpy(place < neighbours)]]


def solve(problem: Compression, neighbours: int) -> nn.Module:
    """The trained reference with at most `neighbours` neighbours a node; 0 keeps all."""
    model: Any = problem.reference()
    graph = model.items.graph
    if neighbours:
        for name in ("forward_edges", "backward_edges"):
            setattr(graph, name, sampled(getattr(graph, name), neighbours))
    return Online(model)


METHOD = Method(
    name="online_graph",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"neighbours": 0}, {"neighbours": 10}, {"neighbours": 3}, {"neighbours": 1}),
    source="arXiv:1706.02216",
    modalities=("clicks",),
)
