"""The Compression problem as the harness poses it: metered, and without test data."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from onnx import ModelProto
from torch import Tensor, nn

from harness.artifact.export import to_onnx
from harness.errors import UsageError
from harness.run.batches import Batches
from harness.run.meter import FORWARD, FORWARD_AND_BACKWARD, Meter, forward_macs
from harness.run.reference import deployed, quality_of, untrained
from harness.run.training import Options, affordable_steps, batch_macs, fit, loss_of
from harness.types import Split, Task

EXAMPLES = 8
LARGEST_CALIBRATION = 4096


@dataclass
class Problem:
    """Implements harness.problems.Compression for one run."""

    task: Task
    train_split: Split
    validation_split: Split
    trained: nn.Module
    shape: dict[str, Any]
    meter: Meter
    seed: int
    device: torch.device

    @property
    def modality(self) -> str:
        """What the inputs are, for example `image`."""
        return self.task.modality

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.task.classes

    @property
    def keep(self) -> tuple[str, ...]:
        """Names of the reference's modules whose outputs must not be cut."""
        return self.task.keep

    @property
    def mask(self) -> str | None:
        """The input that is 1 where a padded request has something; None without padding."""
        return self.task.mask

    @property
    def context(self) -> Mapping[str, np.ndarray]:
        """What all training examples share, for example a graph; empty for most tasks."""
        return self.train_split.context

    @property
    def example(self) -> tuple[Tensor, ...]:
        """A few training inputs as the deployed model receives them, on the CPU."""
        return tuple(torch.from_numpy(array) for array in self.calibration(EXAMPLES).values())

    def reference(self) -> nn.Module:
        """A fresh copy of the frozen, trained reference in eval mode."""
        return copy.deepcopy(self.trained).to(self.device).eval()

    def build(self, **shape: Any) -> nn.Module:
        """An untrained network of the reference's family, relative to the reference's shape."""
        choices = self.task.choices
        for name, value in shape.items():
            if name not in {"width", "depth", *choices}:
                known = ", ".join(["width", "depth", *choices])
                raise UsageError(f"build takes {known}, not '{name}'")
            if name in choices and value not in choices[name]:
                raise UsageError(f"{name} is one of {', '.join(choices[name])}, not '{value}'")
        scaled = {
            name: shape.get(name, 1.0) * self.shape.get(name, 1.0)
            for name in {*shape, *self.shape} - set(choices)
        }
        chosen = {name: value for name, value in shape.items() if name in choices}
        return untrained(self.task, self.context, scaled | chosen)

    def train(self, model: nn.Module, **options: Any) -> nn.Module:
        """Train from scratch with the task's recipe on a share of the remaining budget."""
        return self._fit(model, 1.0, **options)

    def finetune(self, model: nn.Module, **options: Any) -> nn.Module:
        """As `train`, at the recipe's fine-tuning learning rate."""
        return self._fit(model, self.task.recipe.finetune_factor, **options)

    def validate(self, model: nn.Module, examples: int | None = None) -> float:
        """Quality on the first `examples` of the validation split; charged forward."""
        split = self.validation_split
        count = min(examples or len(split), len(split))
        self.meter.spend(FORWARD * self.macs(model) * count)
        part = Split({k: v[:count] for k, v in split.inputs.items()}, split.targets[:count])
        return quality_of(model.to(self.device), self.task, part, self.device)

    def batches(self, model: nn.Module, count: int) -> Iterator[tuple[Sequence[Tensor], Tensor]]:
        """`count` training batches; each is charged forward and backward of `model`."""
        batches = self._batches()
        per_batch = batch_macs(model.to(self.device), batches, self.task.recipe)
        for step in range(count):
            self.meter.spend(FORWARD_AND_BACKWARD * per_batch)
            yield batches[step]

    def loss(self, model: nn.Module, inputs: Sequence[Tensor], targets: Tensor) -> Tensor:
        """The training loss of one batch, float32 scalar; not charged."""
        return loss_of(model, list(inputs), targets, self.task.recipe, Options())

    def calibration(self, count: int) -> dict[str, np.ndarray]:
        """`count` training examples by input name, spread evenly over the split."""
        if count > LARGEST_CALIBRATION:
            raise UsageError(
                f"{count} calibration examples are above the limit {LARGEST_CALIBRATION}; "
                "use batches(), which are metered"
            )
        index = np.linspace(0, len(self.train_split) - 1, count).astype(int)
        return {name: np.array(array[index]) for name, array in self.train_split.inputs.items()}

    def occurrences(self, name: str) -> np.ndarray:
        """How often each value 0, 1, ... of the integer input `name` occurs in training."""
        return np.bincount(np.asarray(self.train_split.inputs[name]).ravel())

    def export(self, model: nn.Module) -> ModelProto:
        """The module as a checked ONNX graph."""
        return to_onnx(deployed(self.task, model), self.task.inputs, self.example)

    def macs(self, model: nn.Module) -> float:
        """Dense multiply-accumulates of one example's forward pass, as deployed."""
        served = deployed(self.task, model)
        return forward_macs(served, tuple(tensor.to(self.device) for tensor in self.example))

    def remaining_macs(self) -> float:
        """Training compute left in the budget."""
        return self.meter.remaining()

    def _batches(self) -> Batches:
        return Batches(self.train_split, self.task.recipe, self.device, self.seed)

    def _fit(
        self,
        model: nn.Module,
        factor: float,
        share: float = 1.0,
        steps: int | None = None,
        epochs: float | None = None,
        **extra: Any,
    ) -> nn.Module:
        extra["learning_rate"] = factor * extra.get("learning_rate", 1.0)
        options = Options(**extra)
        batches = self._batches()
        model.to(self.device)
        most = min(self.task.recipe.most_epochs, self.meter.budget.most_epochs or float("inf"))
        passes = most if epochs is None else min(epochs, most)
        affordable, per_step = affordable_steps(
            model, batches, self.task.recipe, options, (self.meter, share), passes
        )
        return fit(
            model,
            batches,
            self.task.recipe,
            min(steps or affordable, affordable) if share < 1 or steps is None else steps,
            options=options,
            charge=lambda: self.meter.spend(per_step),
        )
