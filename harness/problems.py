"""What methods see: a problem to solve, metered, without test data; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from harness.types import Architecture, Space

if TYPE_CHECKING:
    from random import Random

    from onnx import ModelProto
    from torch import Tensor, nn


class Compression(Protocol):
    """What a compression method sees: a trained reference, metered training, no test data."""

    @property
    def modality(self) -> str:
        """What the inputs are, for example `image`."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    @property
    def example(self) -> tuple[Tensor, ...]:
        """A few training inputs as the deployed model receives them, on the CPU."""

    @property
    def keep(self) -> tuple[str, ...]:
        """Names of the reference's modules whose outputs must not be cut."""

    @property
    def mask(self) -> str | None:
        """The input that is 1 where a padded request has something; None without padding."""

    @property
    def context(self) -> Mapping[str, np.ndarray]:
        """What all training examples share, for example a graph; empty for most tasks."""

    def reference(self) -> nn.Module:
        """A fresh copy of the frozen, trained reference in eval mode."""

    def build(self, **shape: Any) -> nn.Module:
        """An untrained network of the reference's family, for example `build(width=0.5)`.

        Takes width, depth and the task's own choices.
        """

    def train(self, model: nn.Module, **options: Any) -> nn.Module:
        """Train from scratch; options: share, steps, epochs, and those of training.Options.

        `share` is the part of the remaining budget to spend, in (0, 1]. The harness's own scoring
        of the finished model is not charged.
        """

    def finetune(self, model: nn.Module, **options: Any) -> nn.Module:
        """As `train`, at the recipe's lower fine-tuning learning rate."""

    def validate(self, model: nn.Module, examples: int | None = None) -> float:
        """Quality on the first `examples` of the validation split; charged to the budget."""

    def batches(self, model: nn.Module, count: int) -> Iterator[tuple[Sequence[Tensor], Tensor]]:
        """`count` training batches (inputs, targets); each is charged forward and backward."""

    def loss(self, model: nn.Module, inputs: Sequence[Tensor], targets: Tensor) -> Tensor:
        """The training loss of one batch, float32 scalar; not charged."""

    def calibration(self, count: int) -> dict[str, np.ndarray]:
        """`count` training examples by input name, as the deployed model receives them."""

    def occurrences(self, name: str) -> np.ndarray:
        """How often each value 0, 1, ... of an integer input occurs in the training split."""

    def export(self, model: nn.Module) -> ModelProto:
        """The module as an ONNX graph whose outputs were checked against torch's."""

    def macs(self, model: nn.Module) -> float:
        """Dense multiply-accumulates of one example's forward pass, as deployed."""

    def remaining_macs(self) -> float:
        """Training compute left in the budget."""


class Search(Protocol):
    """What a search method sees: a space to query under a budget, no test data.

    `device` is the profile whose cost counts beside quality, or None. All of a method's random
    choices come from `random`. Where architectures are trained for every query, `training` is the
    metered Compression problem, and `network`, `train`, `estimate`, `supernet`, `halves` and
    `derive` are for methods that share weights; on tables nothing can be trained, and they raise
    UsageError.
    """

    space: Space
    device: str | None
    random: Random

    @property
    def fidelities(self) -> tuple[float, ...]:
        """The epochs that may be asked for, the fewest first."""

    @property
    def training(self) -> Compression:
        """Metered training, charged to the search."""

    def network(self, architecture: Architecture) -> nn.Module:
        """An untrained network of the space."""

    def train(self, model: nn.Module, share: float) -> nn.Module:
        """Train a model by the task's recipe on a share of the budget left; where it is trained."""

    def estimate(self, architecture: Architecture, model: nn.Module, examples: int) -> float:
        """Validation quality of a model that stands for the architecture; charged as validation.

        `front` and `best` go by estimates as long as nothing was queried.
        """

    def supernet(self) -> nn.Module:
        """All networks of the space in one, untrained: `net(mix, *inputs)` gives (n, classes).

        `mix` float (decisions, choices) is what each choice counts in its decision's sum; only
        choices of `net(mix, *inputs, active)`, bool (decisions, choices), are computed, by default
        those that do not count 0. Every call is charged for what it computes, three times that
        while gradients are kept. Its decisions have equally many choices, its networks one input.
        Raises UsageError in a space that has none.
        """

    def halves(self, size: int) -> tuple[Iterator[Any], Iterator[Any]]:
        """Batches (inputs, targets) of each half of the training split, augmented; free.

        `size` examples each, fewer on tiny data. What the supernet computes on them is charged;
        they are for nothing else. A batch asked for when the budget is spent raises
        OverBudgetError.
        """

    def derive(self, architecture: Architecture) -> None:
        """Say what the answer would be now; kept a few times a search, to show its path; free."""

    def sample(self) -> Architecture:
        """A random architecture of the space."""

    def query(self, architecture: Architecture, fidelity: float | None = None) -> float:
        """Validation quality after `fidelity` epochs (default: the most); charged, also again.

        A query that starts within the budget is finished and counted; the next one raises
        OverBudgetError.
        """

    def query_many(
        self, architectures: Iterable[Architecture] | np.ndarray, fidelity: float | None = None
    ) -> np.ndarray:
        """As `query` for int (n, decisions) architectures, in order; float64 (n,)."""

    def cost(self, architecture: Architecture, device: str | None = None) -> float:
        """Published cost on a device, in its profile's unit, or `macs` or `params`; free.

        Infinite where the device cannot run the architecture.
        """

    def costs(self, architectures: np.ndarray, device: str | None = None) -> np.ndarray:
        """As `cost` for int (n, decisions) architectures; float64 (n,)."""

    def proxy(self, name: str, architectures: np.ndarray | None = None) -> np.ndarray:
        """Zero-cost scores float64 (n,) of int (n, decisions), default all of `space.all()`.

        Charged the seconds they took to compute, also again; in a budget of queries as a share of
        a mean full training. Where the budget does not cover them, OverBudgetError and no charge.
        """

    def exhausted(self) -> bool:
        """Whether the budget is spent."""

    def progress(self) -> float:
        """The spent share of the budget, 0 to 1 or a little more."""

    def best(self) -> Architecture:
        """The queried architecture of best validation quality at the most epochs asked for."""

    def front(self) -> list[Architecture]:
        """The queried architectures that none beats in both quality and the device's cost."""
