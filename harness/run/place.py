"""Where runs lie, what is ready for them, and what decides one of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import data, environment
from harness.errors import UsageError
from harness.measure.predictor import stored_predictor
from harness.measure.profile import load_profile
from harness.record import ReferenceBlock, sha256_of
from harness.registry import MethodListing
from harness.run.table import COUNTED
from harness.types import Budget, Scale, Setting, Task

TRAINING_LOOP = 1


@dataclass(frozen=True)
class Place:
    """Where runs, data and records lie, and what hardware solves them."""

    runs: Path
    data: Path
    results: Path
    device: str = "cpu"
    threads: int = 2

    def reference_of(self, task: Task) -> Path:
        """Where the frozen reference lies: with the task, or with the runs.

        With the runs are those of variants, and of other data than the frozen one was trained on.
        """
        if task.checkpoint:
            return self.runs / task.name / "reference" / "trained"
        card, prepared = task.folder / "reference.json", self.data / task.dataset.name
        if task.dataset.generated or not data.is_prepared(prepared):
            return task.folder
        found = data.data_sha256(prepared)
        if not card.is_file() or json.loads(card.read_text())["data_sha256"] == found:
            return task.folder
        return self.runs / task.name / "reference" / f"data.{found[:8]}"

    def rebuild_of(self, task: Task, seed: int) -> Path:
        """Where a reference is trained, by data and seed."""
        found = data.data_sha256(self.data / task.dataset.name)
        return self.runs / task.name / "reference" / f"rebuild.{found[:8]}.seed{seed}"

    def threads_for(self, task: Task) -> int:
        """The given threads, capped by the task."""
        return min(self.threads, task.threads or self.threads)


@dataclass(frozen=True)
class Prepared:
    """A task made ready at one scale: its data folder and its frozen reference."""

    task: Task
    scale: Scale
    data: Path
    data_sha256: str
    reference: Path
    shape: dict[str, Any]
    block: ReferenceBlock
    anchor: Path


@dataclass(frozen=True)
class Run:
    """One cell of the matrix."""

    prepared: Prepared
    method: MethodListing
    setting: Setting
    seed: int
    place: Place
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        budget = self.prepared.task.budgets[self.prepared.scale]
        if self.setting.get("budget") == "reference":
            if not self.method.small_baseline:
                raise UsageError(
                    "only small baselines may ask for the reference's compute, not "
                    f"'{self.method.name}'"
                )
            budget = reference_budget(self.prepared, budget)
        search = self.prepared.task.search
        if self.is_search and search is not None and not search.inherits:
            budget = reference_budget(self.prepared, budget)
        object.__setattr__(self, "budget", budget)

    @property
    def is_search(self) -> bool:
        """Whether the method searches for an architecture, which is then trained."""
        return self.method.solves == "Search"

    @property
    def cost_of(self) -> str:
        """What a searched network's cost is; at smoke scale no predictor is asked."""
        search = self.prepared.task.search
        cost = "macs" if search is None else str(self.setting.get("cost", search.device))
        return cost if cost in COUNTED or self.prepared.scale != "smoke" else "macs"

    @property
    def search_macs(self) -> float:
        """What its search may spend, which rows of several limits may share."""
        search = self.prepared.task.search
        if search is None or not self.is_search or (self.search_folder / "search.json").is_file():
            return 0.0
        return search.search_macs[self.prepared.scale]

    @property
    def key(self) -> str:
        """SHA-256 over everything that decides the solution."""
        return sha256_of(json.dumps(self._parts(), sort_keys=True).encode())

    @property
    def search_key(self) -> str:
        """As `key`, over what decides the search: without the limit where one serves all."""
        parts = self._parts()
        if "trade_off" in self.method.modalities:
            parts["setting"] = {k: v for k, v in self.setting.items() if k != "limit"}
        return sha256_of(json.dumps(parts, sort_keys=True).encode())

    def _parts(self) -> dict[str, Any]:
        prepared = self.prepared
        parts: dict[str, Any] = {
            "task": [prepared.task.name, prepared.task.version],
            "reference": prepared.block.sha256,
            "data": prepared.data_sha256,
            "method": [self.method.name, self.method.version],
            "file": self.method.source_sha256 if self.method.family == "submitted" else None,
            "setting": dict(self.setting),
            "seed": self.seed,
            "scale": prepared.scale,
            "budget": _stated(self.budget),
            "device": self.place.device,
            "precision": environment.precision(self.place.device),
            "training_loop": TRAINING_LOOP,
        }
        if self.is_search and prepared.task.search is not None:
            search = prepared.task.search
            parts["search"] = [
                search.space.name,
                search.fidelities,
                search.search_macs[prepared.scale],
                search.most_epochs,
                self.cost_of,
            ]
            if self.cost_of not in COUNTED:
                path = stored_predictor(prepared.task.name, load_profile(self.cost_of))
                parts["search"].append(sha256_of(path))
        return parts

    @property
    def threads(self) -> int:
        """Threads to train and score on."""
        return self.place.threads_for(self.prepared.task)

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self._home / self.key[:16]

    @property
    def search_folder(self) -> Path:
        """The folder of its search, which rows of several limits share."""
        return self._home / f"search-{self.search_key[:16]}"

    @property
    def _home(self) -> Path:
        return self.place.runs / self.prepared.task.name / self.method.name / self.prepared.scale


def _stated(budget: Budget) -> dict[str, Any]:
    """The budget as keys have always hashed it; a limit that came later counts where it is set."""
    parts = asdict(budget)
    if budget.most_epochs is None:
        del parts["most_epochs"]
    return parts


def reference_budget(prepared: Prepared, budget: Budget) -> Budget:
    """The budget plus the compute that trained the reference, which compression inherits.

    At smoke scale, where the reference is a toy, simply twice the budget.
    """
    if budget.train_macs is None:
        return budget
    smoke = prepared.scale == "smoke"
    whole = budget.train_macs + (budget.train_macs if smoke else prepared.task.reference_train_macs)
    seconds = budget.wall_seconds * whole / budget.train_macs
    return replace(budget, train_macs=whole, wall_seconds=seconds)
