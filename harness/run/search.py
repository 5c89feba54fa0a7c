"""The Search problem as the harness poses it: a case of a table, metered, without test values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import OverBudgetError, UsageError
from harness.problems import Compression
from harness.run.table import Table, numbers_of
from harness.types import Architecture, Case

if TYPE_CHECKING:
    from torch import nn

SMOKE_QUERIES = 40
UNTRAINED = "a table's architectures were trained before; ask query() and cost()"
SMOKE_SHARE = 0.1  # of the simulated seconds


class Problem:
    """Implements harness.problems.Search for one seed; `asked` is the log that is scored later.

    An entry of `asked` is `row * len(fidelities) + level`, level 0 being the fewest epochs; a
    negative one is a purchase of zero-cost scores, see harness/run/proxies.py.
    """

    def __init__(self, table: Table, case: Case, seed: int) -> None:
        self.space = table.space
        self.fidelities = case.fidelities
        self.device = case.device
        self.random = Random(seed)
        self.asked: list[int] = []
        self._table = table
        self._case = case
        self._rows = table.rows
        self._quality = table.quality_list
        self._count = len(case.fidelities)
        self._levels: dict[float | None, int] = {f: n for n, f in enumerate(case.fidelities)}
        self._levels[None] = self._count - 1
        self._charge = table.charges_list
        self._spent = 0.0
        self._budget = budget_of(case)

    @property
    def training(self) -> Compression:
        """There is none: raises UsageError."""
        raise UsageError(UNTRAINED)

    def network(self, architecture: Architecture) -> nn.Module:
        """There is none: raises UsageError."""
        raise UsageError(UNTRAINED)

    def train(self, model: nn.Module, share: float) -> nn.Module:
        """There is no training: raises UsageError."""
        raise UsageError(UNTRAINED)

    def estimate(self, architecture: Architecture, model: nn.Module, examples: int) -> float:
        """There are no examples: raises UsageError."""
        raise UsageError(UNTRAINED)

    def supernet(self) -> nn.Module:
        """There is none: raises UsageError."""
        raise UsageError(UNTRAINED)

    def halves(self, size: int) -> tuple[Iterator[Any], Iterator[Any]]:
        """There are no examples: raises UsageError."""
        raise UsageError(UNTRAINED)

    def derive(self, architecture: Architecture) -> None:
        """There are no shared weights: raises UsageError."""
        raise UsageError(UNTRAINED)

    def sample(self) -> Architecture:
        """A random architecture of the space."""
        return self.space.sample(self.random)

    def query(self, architecture: Architecture, fidelity: float | None = None) -> float:
        """Validation quality after `fidelity` epochs; charged, also when asked before.

        Raises OverBudgetError when the budget is spent, UsageError outside the space.
        """
        try:
            row = self._rows[architecture]
            level = self._levels[fidelity]
        except (KeyError, TypeError):
            row, level = self._table.row(architecture), self._level(fidelity)
        if self._spent >= self._budget:
            raise OverBudgetError(self._over(1))
        self._spent += self._charge[level][row]
        self.asked.append(row * self._count + level)
        return self._quality[level][row]

    def query_many(
        self, architectures: Iterable[Architecture] | np.ndarray, fidelity: float | None = None
    ) -> np.ndarray:
        """As `query` for int (n, decisions) architectures; nothing is charged if it raises."""
        level = self._level(fidelity)
        rows = self._table.rows_of(architectures)
        charged = self._table.charges[level][rows]
        if len(rows) and self._spent + charged[:-1].sum() >= self._budget:
            raise OverBudgetError(self._over(len(rows)))
        self._spent += float(charged.sum())
        self.asked.extend((rows * self._count + level).tolist())
        found: np.ndarray = self._table.quality[level][rows]
        return found

    def cost(self, architecture: Architecture, device: str | None = None) -> float:
        """Published cost on a device, or `macs` or `params`; infinite where it cannot run."""
        value = float(self._costs(device)[self._table.row(architecture)])
        return math.inf if math.isnan(value) else value

    def costs(self, architectures: np.ndarray, device: str | None = None) -> np.ndarray:
        """As `cost` for int (n, decisions) architectures; float64 (n,)."""
        values = self._costs(device)[self._table.rows_of(architectures)]
        return np.where(np.isnan(values), np.inf, values)

    def proxy(self, name: str, architectures: np.ndarray | None = None) -> np.ndarray:
        """Zero-cost scores float64 (n,) of int (n, decisions), default all of `space.all()`.

        Charged the CPU seconds they took, equal networks once; a budget of queries takes them as
        a share of a mean full training. -inf where input and output are not connected. Raises
        OverBudgetError, and charges nothing, when the budget does not cover them; UsageError for
        an unknown proxy or a space without.
        """
        known = self._table.proxies
        if known is None:
            raise UsageError(f"the space {self.space.name} has no zero-cost scores; use costs()")
        rows = None if architectures is None else self._table.rows_of(architectures)
        asked = None if rows is None else numbers_of(self._table.architectures[rows], self.space)
        entries = known.entries(name, asked)
        charge = float(known.price(entries).sum()) * self._table.second_charge
        if self._spent + charge > self._budget:
            raise OverBudgetError(
                f"the scores '{name}' cost {charge:.6g}, {self._budget - self._spent:.6g} of "
                f"{self._budget:.6g} are left; ask for fewer architectures"
            )
        self._spent += charge
        self.asked.extend(entries.tolist())
        return known.scores(name, np.arange(len(known.network)) if asked is None else asked)

    def exhausted(self) -> bool:
        """Whether the budget is spent."""
        return self._spent >= self._budget

    def progress(self) -> float:
        """The spent share of the budget, 0 to 1 or a little more."""
        return self._spent / self._budget

    def best(self) -> Architecture:
        """The queried architecture of best validation quality at the most epochs asked for."""
        rows, levels = self._asked()
        top = rows[levels == levels.max()]
        return self._architecture(top[self._table.quality[levels.max()][top].argmax()])

    def front(self) -> list[Architecture]:
        """The queried architectures that none beats in both quality and the device's cost."""
        rows, levels = self._asked()
        rows = np.unique(rows[levels == levels.max()])
        costs = self._costs(None)[rows]
        rows, costs = rows[np.isfinite(costs)], costs[np.isfinite(costs)]
        kept = front_rows(self._table.quality[levels.max()][rows], costs)
        return [self._architecture(row) for row in rows[kept]]

    def _asked(self) -> tuple[np.ndarray, np.ndarray]:
        log = np.array(self.asked)
        if not (log >= 0).any():
            raise UsageError("nothing was queried yet; query at least one architecture first")
        found: tuple[np.ndarray, np.ndarray] = np.divmod(log[log >= 0], self._count)
        return found

    def _architecture(self, row: int) -> Architecture:
        return tuple(self._table.architectures[row].tolist())

    def _level(self, fidelity: float | None) -> int:
        if fidelity is None:
            return self._count - 1
        if fidelity not in self._levels:
            raise UsageError(
                f"fidelity {fidelity} does not exist; this case has {list(self.fidelities)} epochs"
            )
        return self._levels[fidelity]

    def _costs(self, device: str | None) -> np.ndarray:
        chosen = device or self.device
        if chosen is None or chosen not in self._table.costs:
            raise UsageError(
                f"device '{chosen}' has no data for {self._case.dataset}; "
                f"there are {', '.join(sorted(self._table.costs)) or 'none'}"
            )
        return self._table.costs[chosen]

    def _over(self, more: int) -> str:
        unit = "simulated s" if self._case.budget.queries is None else "queries"
        return (
            f"{more} more queries are above the budget: {self._spent:.6g} of {self._budget:.6g} "
            f"{unit} are spent; ask exhausted() before you query"
        )


def small(case: Case) -> Case:
    """The case with a budget for smoke runs."""
    queries, seconds = case.budget.queries, case.budget.simulated_seconds
    return replace(
        case,
        budget=replace(
            case.budget,
            queries=None if queries is None else min(queries, SMOKE_QUERIES),
            simulated_seconds=None if seconds is None else SMOKE_SHARE * seconds,
        ),
    )


def budget_of(case: Case) -> float:
    """The case's one budget: queries (full trainings), else simulated seconds.

    Raises UsageError unless exactly one is given and it is above 0.
    """
    given = (case.budget.queries, case.budget.simulated_seconds)
    limits = [float(one) for one in given if one is not None]
    if len(limits) != 1 or not limits[0] > 0:
        raise UsageError(
            f"case '{case.name}' has a budget of {given[0]} queries and {given[1]} simulated s; "
            "give exactly one, above 0"
        )
    return limits[0]


def front_rows(quality: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Positions that none beats in both, by rising cost; of equals the first is kept."""
    order = np.lexsort((-quality, cost))
    best = np.maximum.accumulate(quality[order])
    better = np.append(True, best[1:] > best[:-1])[: len(order)]
    kept: np.ndarray = order[better]
    return kept
