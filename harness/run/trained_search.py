"""The Search problem on a task's own networks: every query trains one, metered."""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn

from harness.artifact.graph import analyse
from harness.errors import OverBudgetError, UsageError
from harness.measure.operators import cut
from harness.measure.predictor import Predictor, load_predictor, stored_predictor
from harness.measure.profile import load_profile
from harness.run.batches import Batches
from harness.run.compression import Problem
from harness.run.meter import FORWARD, FORWARD_AND_BACKWARD
from harness.run.search import front_rows
from harness.shared_weights import choice_costs
from harness.types import Architecture, Space, Split, TrainedSpace

Asked = tuple[Architecture, float]  # with how many epochs
DERIVED = 20  # how many times a search's answer so far is kept


@dataclass
class TrainedSearch:
    """Implements harness.problems.Search for one run; a question is answered by training.

    Asked again, it is charged again but not trained again. Without `device` a latency `limit` (in
    the cost's unit) makes the answer a reward: quality times limit / cost above the limit (Tan et
    al. 2018, arXiv:1807.11626, section 3, as a hard constraint).
    """

    training: Problem
    found: TrainedSpace
    budget: float
    device: str | None
    limit: float = math.inf
    random: Random = field(default_factory=Random)
    log: list[tuple[Architecture, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with nothing asked. Raises UsageError without a budget above 0."""
        if not self.budget > 0:
            raise UsageError(f"a search's budget is {self.budget} MACs; give more than 0")
        self.space: Space = self.found.space
        self._known: dict[Asked, tuple[float, float]] = {}  # quality and MACs spent
        self._costs: dict[tuple[Architecture | None, str], float] = {}
        self._predictors: dict[str, Predictor] = {}
        self._derived: list[tuple[float, Architecture]] = []  # at which share of the budget

    @property
    def fidelities(self) -> tuple[float, ...]:
        """The epochs that may be asked for, the fewest first."""
        return self.found.fidelities

    def sample(self) -> Architecture:
        """A random architecture of the space."""
        return self.space.sample(self.random)

    def network(self, architecture: Architecture) -> nn.Module:
        """An untrained network of the space, or one cut out of the reference."""
        return self.found.network(self.training, self._inside(architecture))

    def query(self, architecture: Architecture, fidelity: float | None = None) -> float:
        """Validation quality (or reward) after `fidelity` epochs; charged what training it took."""
        epochs = self.fidelities[-1] if fidelity is None else fidelity
        if epochs not in self.fidelities:
            raise UsageError(f"fidelity {epochs} does not exist; ask for {list(self.fidelities)}")
        if self.exhausted():
            raise OverBudgetError(self._over("one more query"))
        asked = (self._inside(architecture), epochs)
        if asked in self._known:
            quality, macs = self._known[asked]
            self.training.meter.spend(macs)
        else:
            before = self.training.meter.train_macs
            model = self.fitted(self.network(asked[0]), epochs=epochs)
            quality = self.training.validate(model)
            self._known[asked] = quality, self.training.meter.train_macs - before
        self.log.append((*asked, quality))
        return quality * self._share(asked[0])

    def query_many(
        self, architectures: Iterable[Architecture] | np.ndarray, fidelity: float | None = None
    ) -> np.ndarray:
        """As `query`, one by one; float64 (n,)."""
        return np.array([self.query(tuple(one), fidelity) for one in architectures])

    def fitted(self, model: nn.Module, **options: Any) -> nn.Module:
        """Trained by the task's recipe: fine-tuned where the space inherits trained weights."""
        return (self.training.finetune if self.found.inherits else self.training.train)(
            model, **options
        )

    def train(self, model: nn.Module, share: float) -> nn.Module:
        """Train a model that methods share between architectures, on a share of the budget left."""
        meter = self.training.meter
        whole, meter.budget = meter.budget, replace(meter.budget, train_macs=self.budget)
        try:
            return self.fitted(model, share=share)
        finally:
            meter.budget = whole

    def estimate(self, architecture: Architecture, model: nn.Module, examples: int) -> float:
        """Validation quality of a model that stands for the architecture, on a few examples.

        Charged as validation; `front` and `best` go by it as long as nothing was queried.
        """
        quality = self.training.validate(model, examples)
        self.log.append((self._inside(architecture), 0, quality))
        return quality

    def supernet(self) -> nn.Module:
        """All networks in one, untrained; every call charges what it computes."""
        if self.found.supernet is None:
            raise UsageError(f"the space {self.space.name} has no supernet; use network()")
        net = self.found.supernet(self.training).to(self.training.device)
        base, added = choice_costs(self, "macs")
        signature = inspect.signature(net.forward)

        def charge(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            mix, inputs, active = bound.arguments.values()
            computed = (mix != 0) if active is None else active
            macs = base + float((added * computed.cpu()).sum())
            factor = FORWARD_AND_BACKWARD if torch.is_grad_enabled() else FORWARD
            self.training.meter.spend(factor * len(inputs) * macs)

        net.register_forward_pre_hook(charge, with_kwargs=True)
        return net

    def halves(self, size: int) -> tuple[Iterator[Any], Iterator[Any]]:
        """Augmented batches of each half of the training split, until the budget is spent; free."""
        if self.found.supernet is None:
            raise UsageError(f"the space {self.space.name} has no supernet; use training.batches()")
        return self._endless(0, size), self._endless(1, size)

    def _endless(self, half: int, size: int) -> Iterator[Any]:
        whole, recipe = self.training.train_split, self.training.task.recipe
        inputs = {name: array[half::2] for name, array in whole.inputs.items()}
        part = Split(inputs, whole.targets[half::2])
        batches = Batches(
            part, replace(recipe, batch_size=size), self.training.device, self.training.seed
        )
        for step in itertools.count():
            if self.exhausted():
                raise OverBudgetError(self._over("one more batch"))
            given, targets = batches[step]
            if recipe.augment is not None:
                given = recipe.augment(given, batches.generator(step))
            yield given, targets

    def derive(self, architecture: Architecture) -> None:
        """Keep what the answer would be now, DERIVED times a search and at its end."""
        inside = self._inside(architecture)
        if self.progress() * DERIVED >= len(self._derived):
            self._derived.append((self.progress(), inside))

    def cost(self, architecture: Architecture, device: str | None = None) -> float:
        """Predicted ms of the deployed network on a profile, or its `macs` or `params`; free."""
        return self._cost(self._inside(architecture), device or self.found.device)

    def costs(self, architectures: np.ndarray, device: str | None = None) -> np.ndarray:
        """As `cost` for int (n, decisions) architectures; float64 (n,)."""
        return np.array([self.cost(tuple(one), device) for one in architectures])

    def reference_cost(self) -> float:
        """The reference's cost, of which limits are shares."""
        return self._cost(None, self.found.device)

    def proxy(self, name: str, architectures: np.ndarray | None = None) -> np.ndarray:
        """There are no zero-cost scores here."""
        raise UsageError(f"the space {self.space.name} has no score '{name}'; use costs()")

    def exhausted(self) -> bool:
        """Whether the budget is spent."""
        return self.progress() >= 1

    def progress(self) -> float:
        """The spent share of the budget, 0 to 1 or a little more."""
        return self.training.meter.train_macs / self.budget

    def best(self) -> Architecture:
        """The queried architecture of best quality (or reward) at the most epochs asked for."""
        known = self.qualities()
        return max(known, key=lambda one: known[one] * self._share(one))

    def front(self) -> list[Architecture]:
        """The queried architectures that none beats in both quality and cost."""
        known = self.qualities()
        names = list(known)
        costs = np.array([self.cost(one) for one in names])
        kept = front_rows(np.array([known[one] for one in names]), costs)
        return [names[row] for row in kept]

    def qualities(self) -> Mapping[Architecture, float]:
        """Validation quality of every architecture asked for at the most epochs asked for."""
        if not self.log:
            raise UsageError("nothing was queried yet; query at least one architecture first")
        most = max(epochs for _, epochs, _ in self.log)
        return {one: quality for one, epochs, quality in self.log if epochs == most}

    def report(self, answers: Sequence[Any]) -> dict[str, Any]:
        """What was asked and answered, in plain values. Raises UsageError without an answer."""
        if not answers or answers[0] is None:
            raise UsageError("solve committed no answer; return problem.best() or front()")
        known = self.qualities() if self.log else {}
        members = []
        for answer in answers:
            one = self._inside(answer)
            words = {"architecture": one, "text": self.space.text(one)}
            members.append(words | {"quality": known.get(one), "cost": self.cost(one)})
        return {
            "space": self.space.name,
            "members": members,
            "device": self.found.device,
            "reference_cost": self.reference_cost(),
            "queries": len(self.log),
            "asked": self.log,
            "derived": [(share, one, self.space.text(one)) for share, one in self._derived],
        }

    def _inside(self, architecture: Architecture) -> Architecture:
        """The architecture in plain whole numbers. Raises UsageError outside the space."""
        sizes = [len(names) for names in self.space.choices]
        try:
            chosen = tuple(map(operator.index, architecture))
        except TypeError:
            raise UsageError(self.space.outside(architecture)) from None
        inside = [0 <= one < size for one, size in zip(chosen, sizes, strict=False)]
        if len(chosen) != len(sizes) or not all(inside):
            raise UsageError(self.space.outside(chosen))
        return chosen

    def _over(self, what: str) -> str:
        return (
            f"{what} is above the budget: {self.training.meter.train_macs:.3e} of "
            f"{self.budget:.3e} MACs are spent; ask exhausted() first"
        )

    def _share(self, architecture: Architecture) -> float:
        if self.device is not None or math.isinf(self.limit):
            return 1.0
        return min(1.0, self.limit / self.cost(architecture))

    def _cost(self, architecture: Architecture | None, device: str) -> float:
        key = (architecture, device)
        if key not in self._costs:
            if architecture is None:
                model = self.training.reference()
            else:
                model = self.network(architecture)
            self._costs[key] = self._cost_of(model, device)
        return self._costs[key]

    def _cost_of(self, model: nn.Module, device: str) -> float:
        if device == "macs":
            return self.training.macs(model.to(self.training.device))
        if device == "params":
            return float(sum(parameter.numel() for parameter in model.parameters()))
        if device not in self._predictors:
            profile = load_profile(device)
            path = stored_predictor(self.training.task.name, profile)
            self._predictors[device] = load_predictor(path, profile)
        pieces = cut(analyse(self.training.export(model.eval())))
        return self._predictors[device].predict_operators(pieces)
