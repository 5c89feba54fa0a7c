"""Models that rank a catalogue: a table of item vectors, and an encoder of what was clicked.

A task of this kind asks of a model: `catalogue` (the number of items), and `forward(history)`,
scores (n, items + 1) whose column 0 is the padding. A NextItem also has `items()`, the table, and
`encode(history, table)`, so that training predicts at every position. A model whose `ranks` is
true returns item ids itself.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Table(nn.Module):
    """A vector for each item; row 0 is the padding."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self) -> Tensor:
        """(items + 1, width)."""
        return self.weight


class NextItem(nn.Module):
    """`items` yields the table; a subclass says how a history is encoded."""

    def __init__(self, items: nn.Module, catalogue: int) -> None:
        super().__init__()
        self.items = items
        self.catalogue = catalogue

    def encode(self, history: Tensor, table: Tensor, last: bool = False) -> Tensor:
        """int64 (n, t), left-padded with 0, to what follows each position, (n, t, width).

        With `last`, only what follows the last click: (n, 1, width).
        """
        raise NotImplementedError

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t) to scores (n, items + 1) of what comes next."""
        table = self.items()
        return functional.linear(self.encode(history, table, last=True)[:, 0], table)

    def cached(self) -> nn.Module:
        """The same model with its item vectors stored: exact, and what made them is gone.

        Items that say `compact` stay as they are: small parts that loading puts together.
        """
        if isinstance(self.items, Table) or getattr(self.items, "compact", False):
            return self
        with torch.no_grad():
            table = self.items().detach().clone()
        items, self.items = self.items, Table(table)
        try:
            return copy.deepcopy(self)
        finally:
            self.items = items


def stored(model: Any) -> Any:
    """The model with its item vectors stored; other models as they are."""
    return model.cached() if hasattr(model, "cached") else model


def without(history: Tensor, gone: Tensor) -> Tensor:
    """Histories int64 (n, t) without the clicks where `gone` (bool) is true, padded on the left."""
    stays = (history > 0) & ~gone
    number = stays.long().cumsum(1)
    place = torch.where(stays, history.shape[1] - number[:, -1:] + number, 0)  # 0: what goes
    moved = torch.zeros_like(functional.pad(history, (1, 0))).scatter(1, place, history)
    return moved[:, 1:]


def rows(items: Any, numbers: Tensor) -> Tensor:
    """The vectors (k, width) of items int64 (k,); `items.some(numbers)` need not make the rest."""
    if hasattr(items, "some"):
        found: Tensor = items.some(numbers)
        return found
    return functional.embedding(numbers, items())


def vectors(history: Tensor, table: Tensor) -> Tensor:
    """The rows of the table for int64 (n, t): (n, t, width)."""
    return functional.embedding(history, table)


def causal(history: Tensor) -> Tensor:
    """bool (n, t, t): whether a position (row) sees another: clicks up to its own, and itself."""
    steps = history.shape[1]
    own = torch.eye(steps, dtype=torch.bool, device=history.device)
    return ((history > 0)[:, None, :] & own.logical_not().tril()) | own


class Recent(nn.Module):
    """A model that is shown the latest `clicks` of a history only."""

    def __init__(self, model: NextItem, clicks: int) -> None:
        super().__init__()
        self.model, self.clicks, self.catalogue = model, clicks, model.catalogue

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t) to scores (n, items + 1)."""
        scores: Tensor = self.model(history[:, -self.clicks :])
        return scores

    def cached(self) -> nn.Module:
        """The same with the item vectors stored."""
        return Recent(stored(self.model), self.clicks)


class Projected(NextItem):
    """A trained encoder between narrower item vectors: `up` to its width, and `down` again."""

    def __init__(self, inner: Any, items: nn.Module, basis: Tensor) -> None:
        """`basis`: orthonormal rows (narrow, width) that the narrow vectors are written in.

        `inner` has `contextual(clicks, history, last)` and a catalogue.
        """
        super().__init__(items, int(inner.catalogue))
        self.inner = inner
        self.inner.items = nn.Identity()
        narrow, width = basis.shape
        self.up = nn.Linear(narrow, width, bias=False)
        self.down = nn.Linear(width, narrow, bias=False)
        self.up.weight.data = basis.T.clone().contiguous()
        self.down.weight.data = basis.clone().contiguous()

    def encode(self, history: Tensor, table: Tensor, last: bool = False) -> Tensor:
        """int64 (n, t) to what follows each position, (n, t or 1, narrow)."""
        clicks = self.up(vectors(history, table))
        encoded: Tensor = self.down(self.inner.contextual(clicks, history, last))
        return encoded


def principal(table: Tensor, features: int) -> tuple[Tensor, Tensor]:
    """The table (items + 1, features) in its strongest directions, and these as rows."""
    _, _, right = torch.linalg.svd(table.detach().float(), full_matrices=False)
    basis = right[:features]
    return table.detach() @ basis.T, basis
