"""Stale item vectors: the cache was filled before the catalogue became what it is now.

Source: cached embeddings of GraphSAGE as served at Pinterest, Ying et al. 2018, arXiv:1806.01973,
section 3.4. The rows with `edges` computed the vectors when that share of the item-attribute edges
was not known yet; in those with `items` that share of the items was not in the catalogue, so that
they are neither shown nor known in a history: clicks on them are left out. Refilling the cache
gives the reference. Version 1 left a vector of zeros in place of such a click.
"""

from typing import Any

import torch
from torch import nn

from harness import Compression, Method
from harness.retrieval import stored, without


def solve(problem: Compression, edges: float, items: float) -> nn.Module:
    """The reference with vectors of a time before `edges` and `items` (shares) came."""
    model: Any = problem.reference()
    graph = model.items.graph
    known = torch.rand(graph.forward_edges.shape[1]) >= edges
    for name in ("forward_edges", "backward_edges"):
        setattr(graph, name, getattr(graph, name)[:, known])
    model = stored(model)
    new = torch.rand(len(model.items.weight)) < items
    new[0] = False  # the padding is known
    return Known(model, new) if items else model


class Known(nn.Module):
    """A model that neither sees nor answers with items that it does not know."""

    unknown: torch.Tensor

    def __init__(self, model: Any, unknown: torch.Tensor) -> None:
        super().__init__()
        self.model, self.catalogue = model, model.catalogue
        self.register_buffer("unknown", unknown)

    def forward(self, history: torch.Tensor) -> torch.Tensor:
        """int64 (n, t) to scores (n, items + 1)."""
        scores: torch.Tensor = self.model(without(history, self.unknown[history]))
        return scores + torch.where(self.unknown, -1e9, 0.0)


METHOD = Method(
    name="stale_cache",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"edges": 0.1, "items": 0.0},
        {"edges": 0.5, "items": 0.0},
        {"edges": 0.0, "items": 0.05},
        {"edges": 0.0, "items": 0.2},
    ),
    source="arXiv:1806.01973",
    modalities=("clicks",),
)
