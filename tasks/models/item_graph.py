"""Item vectors from the graph of items and attributes, fused with a vector of the item's own.

Source: Hamilton et al. 2017, arXiv:1706.02216 (GraphSAGE, mean aggregator), as a heterogeneous
graph by torch-geometric. The item's own vector is also its feature in the graph. Gate: Arevalo et
al. 2017, arXiv:1702.01992, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import harness.torchvision_ops  # noqa: F401  (must come before torch-geometric)
from harness.retrieval import Table

from torch_geometric.nn import HeteroConv, SAGEConv  # isort: skip

CLOSED = -2.0  # bias of a residual gate at first
DROPPED = 0.5  # share of items that go without their graph vector in a residual's training
START = 0.02  # of each number of an item's own vector, and of its graph vector
HAS, OF = ("item", "has", "attribute"), ("attribute", "of", "item")


class GraphEncoder(nn.Module):
    """Two layers of GraphSAGE: attributes gather their items, items gather attributes, twice.

    An item without attributes keeps its own part alone.
    """

    forward_edges: Tensor
    backward_edges: Tensor

    def __init__(self, edges: np.ndarray, attributes: int, width: int) -> None:
        """`edges`: int (2, e), item ids from 1 and attributes from 0."""
        super().__init__()
        pairs = torch.from_numpy(np.array(edges)).long()
        self.register_buffer("forward_edges", pairs, persistent=False)
        self.register_buffer("backward_edges", pairs.flip(0), persistent=False)
        self.attributes = nn.Parameter(0.02 * torch.randn(attributes, width))
        size = (width, width)
        self.first = HeteroConv({HAS: SAGEConv(size, width), OF: SAGEConv(size, width)})
        self.second = SAGEConv(size, width)

    def forward(self, items: Tensor, attributes: Tensor) -> Tensor:
        """(items + 1, width) and (attributes, width) features to the items' vectors."""
        nodes = {"item": items, "attribute": attributes}
        edges = {HAS: self.forward_edges, OF: self.backward_edges}
        nodes = {name: torch.relu(each) for name, each in self.first(nodes, edges).items()}
        found: Tensor = self.second((nodes["attribute"], nodes["item"]), self.backward_edges)
        return found

    def some(self, items: Tensor, attributes: Tensor, numbers: Tensor) -> Tensor:
        """As `forward`, only the items `numbers`, int64 (k,): (k, width).

        Attributes still gather all their items.
        """
        place = numbers.new_full((len(items),), -1)
        place[numbers] = torch.arange(len(numbers), device=numbers.device)
        source, target = self.backward_edges
        kept = place[target] >= 0
        edges = torch.stack([source[kept], place[target[kept]]])
        gather, spread = self.first.convs[HAS], self.first.convs[OF]
        tags = torch.relu(gather((items, attributes), self.forward_edges))
        found = torch.relu(spread((attributes, items[numbers]), edges))
        above: Tensor = self.second((tags, found), edges)
        return above


class GraphItems(nn.Module):
    """The item table: `fusion` is graph, concatenation, gated, attention or residual.

    Residual adds a gated graph vector to the item's own; in training half of the items go without,
    as stochastic depth does with layers (Huang et al. 2016, arXiv:1603.09382), so that own vectors
    do not lean on it.
    """

    def __init__(self, weight: Tensor, graph: GraphEncoder, fusion: str) -> None:
        super().__init__()
        width = weight.shape[1]
        self.weight = nn.Parameter(weight)
        self.graph = graph
        self.fusion = fusion
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.norm.weight, START)  # free to grow as fast as the own vectors
        outputs = 1 if fusion == "attention" else width
        inputs = width if fusion == "attention" else 2 * width
        self.mix = None if fusion == "graph" else nn.Linear(inputs, outputs)
        if fusion == "residual" and self.mix is not None:
            nn.init.constant_(self.mix.bias, CLOSED)

    def forward(self, change: Tensor | float = 0.0) -> Tensor:
        """(items + 1, width); `change` is added to all features, as when the catalogue changes."""
        own = self.weight + change
        return self.joined(own, self.graph(own, self.graph.attributes + change))

    def some(self, numbers: Tensor) -> Tensor:
        """The vectors (k, width) of items int64 (k,)."""
        found = self.graph.some(self.weight, self.graph.attributes, numbers)
        return self.joined(self.weight[numbers], found)

    def joined(self, own: Tensor, found: Tensor) -> Tensor:
        """Own and graph vectors (k, width) as one."""
        found = self.norm(found)
        joined: Tensor = found
        if self.mix is not None and self.fusion == "attention":
            both = torch.stack([own, found], 1)  # (k, 2, width)
            joined = (self.mix(torch.tanh(both)).softmax(1) * both).sum(1)
        elif self.mix is not None:
            mixed = self.mix(torch.cat([own, found], 1))
            gate = torch.sigmoid(mixed)
            if self.fusion == "concatenation":
                joined = mixed
            elif self.fusion == "residual":
                joined = own + gate * self._dropped(found)
            else:
                joined = gate * own + (1 - gate) * found
        return joined

    def _dropped(self, found: Tensor) -> Tensor:
        if not self.training:
            return found
        return found * (torch.rand(len(found), 1, device=found.device) > DROPPED).to(found.dtype)


def table(context: Mapping[str, Any], width: int, fusion: str) -> nn.Module:
    """The module that yields the item table; `sequence` leaves the graph in `context` out."""
    _, items, attributes = (int(size) for size in context["sizes"])
    weight = START * torch.randn(items + 1, width)
    if fusion == "sequence":
        return Table(weight)
    encoder = GraphEncoder(context["item_attribute"], attributes, width)
    return GraphItems(weight, encoder, fusion)
