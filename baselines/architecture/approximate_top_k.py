"""Approximate top-k: only the items of the clusters nearest to the request are scored.

Source: inverted file index, Jegou et al. 2011, doi:10.1109/TPAMI.2010.57, section IV, with exact
vectors in the lists. Departs from it: clusters of equal size, so that the graph has fixed shapes.
Version 1 scored candidates outside a product, which counted no MACs, and compared each with every
click.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Compression, Method
from harness.retrieval import stored

CLUSTERS, ROUNDS = 64, 10


def equal_clusters(table: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Centroids (count, width) and members int64 (count, size) of rows 1 and up; 0 fills up.

    Rows choose their nearest cluster that has room, those nearest to any centroid first.
    """
    rows = table[1:]
    size = -(-len(rows) // count)
    centres = rows[torch.randperm(len(rows))[:count]].clone()
    members = torch.zeros(count, size, dtype=torch.long)
    for _ in range(ROUNDS):
        distances = torch.cdist(rows, centres)
        wishes = distances.argsort(1).tolist()
        filled: list[list[int]] = [[] for _ in range(count)]
        for row in distances.amin(1).argsort().tolist():
            home = next(cluster for cluster in wishes[row] if len(filled[cluster]) < size)
            filled[home].append(row)
        centres = torch.stack(
            [rows[own].mean(0) if own else c for own, c in zip(filled, centres, strict=True)]
        )
    for line, own in zip(members, filled, strict=True):
        line[: len(own)] = torch.tensor(own) + 1
    return centres, members


class Clustered(nn.Module):
    """Scores the members of the `probes` clusters whose centroids score highest."""

    ranks = True
    centres: Tensor
    members: Tensor
    lists: Tensor
    place: Tensor

    def __init__(self, model: Any, clusters: int, probes: int) -> None:
        super().__init__()
        self.model, self.catalogue, self.probes = model, model.catalogue, probes
        table = model.items().detach()
        centres, members = equal_clusters(table, clusters)
        self.register_buffer("centres", centres)
        self.register_buffer("members", members.int())
        self.register_buffer("lists", table[members])  # (clusters, size, width)
        model.items = nn.Identity()
        self.register_buffer("place", self._places(members))

    def _places(self, members: Tensor) -> Tensor:
        """Where each item lies among all lists' members, int32 (items + 1,)."""
        places = torch.zeros(self.catalogue + 1, dtype=torch.int32)
        flat = members.flatten()
        places[flat] = torch.arange(len(flat), dtype=torch.int32)
        return places

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t) to the ten best item ids found, int64 (n, 10)."""
        rows = self.lists.flatten(0, 1)
        clicks = rows[self.place[history].long()] * (history > 0)[:, :, None]
        asked = self.model.contextual(clicks, history, last=True)[:, 0]  # (n, width)
        near = functional.linear(asked, self.centres).topk(self.probes).indices
        found = self.members[near].flatten(1).long()  # (n, candidates)
        scores = (self.lists[near].flatten(1, 2) @ asked[:, :, None])[:, :, 0]
        seen = functional.pad(history, (0, 1))  # the padding fills up clusters
        blank = functional.pad(torch.zeros_like(asked[:, :1]), (0, self.catalogue))
        hidden = blank.scatter(1, seen, float("-inf"))  # (n, items + 1)
        order = (scores + hidden.gather(1, found)).topk(10).indices
        return found.gather(1, order)


def solve(problem: Compression, probes: int) -> nn.Module:
    """The reference that looks into `probes` of 64 clusters."""
    model: Any = stored(problem.reference())
    clusters = max(4, min(CLUSTERS, model.catalogue // 30))
    return Clustered(model, clusters, min(probes, clusters))


METHOD = Method(
    name="approximate_top_k",
    version=2,
    solves=Compression,
    solve=solve,
    settings=({"probes": 16}, {"probes": 8}, {"probes": 4}),
    source="doi:10.1109/TPAMI.2010.57",
    modalities=("clicks",),
)
