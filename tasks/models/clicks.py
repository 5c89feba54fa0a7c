"""A causal Transformer over clicks whose items may come from a graph, and the ranking behind it.

Source: Kang and McAuley 2018, arXiv:1808.09781 (SASRec). Departs from it: normalisation before
each part and GELU (as GPT-2), a softmax over many sampled items with the correction for their
share (Klenitskiy and Vasilev 2023, arXiv:2309.07602, section 3; Jean et al. 2015,
arXiv:1412.2007, section 3.1), and a start: the padding before the first click predicts it.

Sub-modules of a layer are named as in transformers' BertLayer, so that what cuts heads, neurons
or layers of one cuts the other.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.retrieval import NextItem, causal, rows, stored, vectors

MASKED = -1e4
LENGTHS = (4, 7, 13, 25)  # up to which histories are encoded together: little padding
NEGATIVES = 1024


class SelfAttention(nn.Module):
    """Attention of query positions over all positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.num_attention_heads, self.all_head_size = heads, width
        self.attention_head_size = width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, asking: Tensor, hidden: Tensor, bias: Tensor) -> Tensor:
        """(n, q, width), (n, t, width) and bias (n, 1, q, t) to (n, q, heads * head size)."""
        size = self.attention_head_size
        query, key, value = (
            part.unflatten(2, (-1, size)).transpose(1, 2)  # (n, heads, q or t, size)
            for part in (self.query(asking), self.key(hidden), self.value(hidden))
        )
        weights = (query @ key.transpose(2, 3) / size**0.5 + bias).softmax(-1)
        mixed: Tensor = (weights @ value).transpose(1, 2).flatten(2)
        return mixed


class Dense(nn.Module):
    """Holds one linear layer, `dense`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        mapped: Tensor = self.dense(hidden)
        return mapped


class Attention(nn.Module):
    """`self`, then `output`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self = SelfAttention(width, heads)
        self.output = Dense(width, width)

    def forward(self, asking: Tensor, hidden: Tensor, bias: Tensor) -> Tensor:
        """As SelfAttention, back at full width."""
        mixed: Tensor = self.output(self.self(asking, hidden, bias))
        return mixed


class Layer(nn.Module):
    """Attention and feed-forward, each behind a normalisation and around a shortcut."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.before_output = nn.LayerNorm(width)
        self.intermediate = Dense(width, 4 * width)
        self.output = Dense(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, bias: Tensor, last: bool) -> Tensor:
        """(n, t, width) to the same, or to the last position alone, (n, 1, width)."""
        normal = self.before_attention(hidden)
        if last:
            hidden, bias, asking = hidden[:, -1:], bias[:, :, -1:], normal[:, -1:]
        else:
            asking = normal
        hidden = hidden + self.dropout(self.attention(asking, normal, bias))
        inner = functional.gelu(self.intermediate(self.before_output(hidden)))
        outer: Tensor = hidden + self.dropout(self.output(inner))
        return outer


class ClickModel(NextItem):
    """`items` (a module that yields the table), `positions`, `before`, `layers` and `norm`."""

    def __init__(
        self, items: nn.Module, catalogue: int, shape: dict[str, int], dropout: float
    ) -> None:
        """`shape`: width, heads, layers, length."""
        super().__init__(items, catalogue)
        width = shape["width"]
        self.positions = nn.Parameter(0.02 * torch.randn(shape["length"], width))
        self.before = nn.LayerNorm(width)  # item vectors are small beside what the layers add
        self.layers = nn.ModuleList(
            Layer(width, shape["heads"], dropout) for _ in range(shape["layers"])
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def encode(self, history: Tensor, table: Tensor, last: bool = False) -> Tensor:
        """int64 (n, t), left-padded with 0, to what follows each position, (n, t, width).

        With `last`, only what follows the last click: (n, 1, width); exactly the same vector.
        """
        return self.contextual(vectors(history, table), history, last)

    def contextual(self, clicks: Tensor, history: Tensor, last: bool = False) -> Tensor:
        """As `encode`, from the clicks' vectors (n, t, width)."""
        hidden = self.dropout(self.before(clicks + self.positions[-history.shape[1] :]))
        bias = torch.where(causal(history)[:, None], 0.0, MASKED).to(hidden.dtype)
        for layer in self.layers:
            hidden = layer(hidden, bias, last and layer is self.layers[-1])
        encoded: Tensor = self.norm(hidden[:, -1:] if last else hidden)
        return encoded


def examples(model: nn.Module, inputs: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (m, 1 + NEGATIVES) and targets (m,) at all positions of a batch with a next item.

    Class 0 is the next item, the others are items drawn uniformly, the same for the whole batch
    and for every model that sees it. Histories of like length go through the model together, and
    only the vectors of items that occur are computed. A model without `encode` is asked for what
    follows the whole history, among all items.
    """
    history = inputs[0]
    net: Any = model
    if not hasattr(net, "encode"):
        return net(history)[:, 1:], targets[:, -1] - 1
    draw = torch.Generator().manual_seed(int(targets.sum()))
    drawn = torch.randint(1, net.catalogue + 1, (1 + NEGATIVES,), generator=draw)
    drawn = drawn.to(targets.device)  # the first gives its place to the next item
    occurs = torch.zeros(net.catalogue + 1, dtype=torch.bool, device=targets.device)
    for ids in (history, targets, drawn, drawn.new_zeros(1)):
        occurs[ids] = True
    place = occurs.cumsum(0) - 1  # of an item's vector in the table of those that occur
    table = rows(net.items, occurs.nonzero()[:, 0])
    hidden, right = [], []
    for group in by_length((targets > 0).sum(1)):
        steps = int((targets[group] > 0).sum(1).amax())
        following = targets[group, -steps:]
        there = following > 0
        hidden.append(net.encode(place[history[group, -steps:]], table)[there])
        right.append(following[there])
    asked, wanted = torch.cat(hidden), torch.cat(right)
    logits = asked @ vectors(place[drawn], table).mT  # (m, 1 + NEGATIVES)
    logits = logits.masked_fill_(drawn == wanted[:, None], MASKED)
    own = (asked * vectors(place[wanted], table)).sum(1)
    logits[:, 0] = own - math.log(net.catalogue / NEGATIVES)
    return logits, torch.zeros_like(wanted)


def by_length(lengths: Tensor) -> list[Tensor]:
    """The numbers of the sequences of like length, int64 (k,) each."""
    groups = torch.bucketize(lengths, torch.tensor(LENGTHS, device=lengths.device))
    found = [(groups == group).nonzero()[:, 0] for group in range(len(LENGTHS) + 1)]
    return [numbers for numbers in found if len(numbers)]


class Ranked(nn.Module):
    """The deployed graph: the ten items of highest score that are not in the history.

    Ids that are no item count as padding. Scores that are equal go by the renumbered, hence
    random, id (tasks/datasets/amazon.py), which says nothing about the published one.
    """

    def __init__(self, model: nn.Module, top: int) -> None:
        super().__init__()
        self.model = stored(model)
        self.catalogue, self.top = int(self.model.catalogue), top

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, 50), left-padded with 0, to int64 (n, 10), the best first; in float32."""
        if torch.is_autocast_enabled(history.device.type):
            with torch.autocast(history.device.type, enabled=False):
                return self.forward(history)
        known = torch.where((history > 0) & (history <= self.catalogue), history, 0)
        if getattr(self.model, "ranks", False):
            ranked: Tensor = self.model(known)
            return ranked
        scores = self.model(known)  # (n, items + 1)
        seen = functional.pad(known, (0, 1))  # the padding is never an answer
        best: Tensor = scores.scatter(1, seen, float("-inf")).topk(self.top).indices
        return best
