"""Batches of padded token sequences: cut to the longest, alike lengths together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def cut_padding(inputs: list[Tensor]) -> list[Tensor]:
    """`[ids, mask]`, each (n, t), without the columns that are padding in every row."""
    longest = int(inputs[1].sum(1).max())
    return [tensor[:, :longest] for tensor in inputs]


def lengths(inputs: list[Tensor]) -> Tensor:
    """Tokens of each sequence, int64 (n,)."""
    return inputs[1].sum(1)
