"""Shuffled training batches that depend on seed and step alone."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from harness.data import Lookup
from harness.types import Recipe, Split

LEAST_STEPS = 32
POOL = 50  # batches that are sorted by length together, as in transformers


class LookupTensor:
    """A tensor whose rows are looked up, as harness.data.Lookup; `rows[index]` makes a tensor."""

    def __init__(self, found: Lookup) -> None:
        self.table = torch.from_numpy(np.array(found.table))
        self.index = torch.from_numpy(np.array(found.index)).long()

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        return self.table[self.index[rows]]


def _rows(array: np.ndarray) -> Tensor:
    if isinstance(array, Lookup):
        return cast(Tensor, LookupTensor(array))
    return torch.from_numpy(np.array(array))


class Batches:
    """Shuffled batches by step number: `batches[step]` depends on seed and step alone.

    So training resumes at any step, and two runs of one seed see the same examples. Batches are
    made smaller where an epoch would have fewer than LEAST_STEPS of them (smoke data only).
    Where the recipe knows lengths, each POOL batches are sorted by them before they are shuffled;
    where it can shorten a batch, it is.
    """

    def __init__(self, split: Split, recipe: Recipe, device: torch.device, seed: int) -> None:
        self.inputs = [_rows(array) for array in split.inputs.values()]
        self.targets = torch.from_numpy(np.array(split.targets)).long()
        self.size = min(recipe.batch_size, max(1, len(split) // LEAST_STEPS))
        self.lengths = recipe.lengths(self.inputs) if recipe.lengths else None
        self.shorten = recipe.shorten
        self.device = device
        self.seed = seed
        self._epoch = -1
        self._order = torch.empty(0)
        self._soft = torch.empty(0)

    @property
    def per_epoch(self) -> int:
        """Full batches in one pass."""
        return len(self.targets) // self.size

    def generator(self, step: int) -> torch.Generator:
        """The step's own random numbers, for augmentation."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + 2 * step + 1)

    def __getitem__(self, step: int) -> tuple[list[Tensor], Tensor]:
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            shuffle = torch.Generator().manual_seed(self.seed * 1_000_003 + 2 * epoch)
            self._order = self._shuffled(shuffle)
            self._epoch = epoch
        index = self._order[position * self.size : (position + 1) * self.size]
        self.index = index
        inputs = [tensor[index].to(self.device) for tensor in self.inputs]
        if self.shorten is not None:
            inputs = self.shorten(inputs)
        return inputs, self.targets[index].to(self.device)

    def soft(self, teacher: nn.Module, inputs: list[Tensor]) -> Tensor:
        """The teacher's outputs float32 (batch, classes) for the batch given last.

        Only examples that it has not seen are computed.
        """
        if not len(self._soft):
            self._soft = torch.full((len(self.targets), 1), torch.nan)
        missing = self._soft[self.index, 0].isnan()
        if missing.any():
            rows = missing.to(self.device)
            with torch.no_grad():
                found = teacher(*(tensor[rows] for tensor in inputs)).float().cpu()
            if self._soft.shape[1] != found.shape[1]:
                self._soft = torch.full((len(self.targets), found.shape[1]), torch.nan)
            self._soft[self.index[missing]] = found
        return self._soft[self.index].to(self.device)

    def _shuffled(self, shuffle: torch.Generator) -> Tensor:
        order = torch.randperm(len(self.targets), generator=shuffle)
        if self.lengths is None:
            return order
        pools = torch.split(order, POOL * self.size)
        order = torch.cat([pool[self.lengths[pool].argsort(stable=True)] for pool in pools])
        whole = order[: self.per_epoch * self.size].view(-1, self.size)
        return whole[torch.randperm(self.per_epoch, generator=shuffle)].flatten()
