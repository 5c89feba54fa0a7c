"""The queryable columns of one case of a table task, and what each query of them costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data import is_prepared, load_column
from harness.errors import UsageError
from harness.run import proxies
from harness.run.proxies import Proxies
from harness.types import Architecture, Case, Space, TableTask

COUNTED = ("macs", "params")  # known of an architecture without training it


@dataclass(frozen=True)
class Table:
    """The columns of one case over its architectures; row r is `architectures[r]`.

    `quality`, `seconds` and `charges` (what a query costs in the budget's unit) are float64
    (fidelities, rows), `costs[device]` is float64 (rows,). The lists hold the same numbers for
    queries one by one, made once for all seeds. `shares` (fidelities,) are parts of a full
    training, of which one takes `training_seconds` on average; `second_charge` is what a second of
    computing zero-cost scores costs in the budget's unit.
    """

    space: Space
    architectures: np.ndarray
    quality: np.ndarray
    seconds: np.ndarray
    costs: Mapping[str, np.ndarray]
    charges: np.ndarray
    rows: Mapping[Architecture, int]
    row_of_number: np.ndarray
    quality_list: list[list[float]]
    charges_list: list[list[float]]
    shares: np.ndarray
    training_seconds: float
    second_charge: float
    proxies: Proxies | None

    def row(self, architecture: Architecture) -> int:
        """The row of an architecture. Raises UsageError outside the space."""
        try:
            return self.rows[architecture]
        except (KeyError, TypeError):
            raise UsageError(self.space.outside(architecture)) from None

    def rows_of(self, architectures: Iterable[Architecture] | np.ndarray) -> np.ndarray:
        """Rows (n,) of int (n, decisions) architectures. Raises UsageError outside the space."""
        sizes = [len(names) for names in self.space.choices]
        asked = np.asarray(
            architectures if isinstance(architectures, np.ndarray) else list(architectures)
        )
        if asked.ndim != 2 or asked.shape[1] != len(sizes) or asked.dtype.kind not in "iu":
            raise UsageError(
                f"query_many takes whole numbers (n, {len(sizes)}), not {asked.dtype} {asked.shape}"
            )
        inside = (asked.min(axis=0) >= 0) & (asked.max(axis=0) < sizes) if len(asked) else True
        if not np.all(inside):
            bad = asked[((asked < 0) | (asked >= sizes)).any(axis=1)][0]
            raise UsageError(self.space.outside(tuple(bad.tolist())))
        found: np.ndarray = self.row_of_number[numbers_of(asked, self.space)]
        if found.size and found.min() < 0:
            bad = asked[found.argmin()]
            raise UsageError(self.space.outside(tuple(bad.tolist())))
        return found

    def spending(self, log: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queries (full trainings), seconds and charge of each entry of a log, float64 (n,).

        Raises UsageError for an entry that no Problem of this table writes.
        """
        rows, levels = np.divmod(log, len(self.quality))
        bought = log < 0
        outside = rows.max(initial=0) >= len(self.architectures)
        if outside or (self.proxies is None and bought.any()):
            raise UsageError(
                "the log of queries was changed: it names architectures outside the space"
            )
        rows, levels = np.where(bought, 0, rows), np.where(bought, 0, levels)
        queries, seconds = self.shares[levels], self.seconds[levels, rows]
        charges = self.charges[levels, rows]
        if self.proxies is not None and bought.any():
            price = self.proxies.price(log[bought])
            queries[bought], seconds[bought] = price / self.training_seconds, price
            charges[bought] = price * self.second_charge
        return queries, seconds, charges


def numbers_of(architectures: np.ndarray, space: Space) -> np.ndarray:
    """Each architecture as one number, int64 (n,): its choices as digits."""
    number = architectures[:, 0].astype(np.int64)
    for place, names in enumerate(space.choices[1:], start=1):
        number *= len(names)
        number += architectures[:, place]
    return number


def hidden_columns(task: TableTask, folder: Path) -> dict[str, np.ndarray]:
    """Test quality of every architecture by data set; only the parent process reads it."""
    names = dict.fromkeys(case.dataset for case in task.cases)
    return {name: load_column(folder, "test", f"input_{name}_test") for name in names}


def hidden_quality(task: TableTask, folder: Path) -> Callable[[Architecture], dict[str, float]]:
    """Looks an architecture's test quality up by data set; nothing without the prepared table."""
    if not is_prepared(folder):
        return lambda _: {}
    rows = load_column(folder, "validation", "targets").tolist()
    known = {tuple(one): row for row, one in enumerate(rows)}
    columns = hidden_columns(task, folder)
    return lambda one: {name: float(column[known[one]]) for name, column in columns.items()}


def load_table(task: TableTask, case: Case, folder: Path) -> Table:
    """The queryable columns of a case from a prepared data folder; test values stay on disk.

    Raises DataError without the data, UsageError when the case's device has none.
    """

    def column(name: str) -> np.ndarray:
        return load_column(folder, "validation", f"input_{case.dataset}_{name}")

    architectures = load_column(folder, "validation", "targets")
    named = {**dict(task.devices), **{name: name for name in COUNTED}}
    costs = {
        device: column(name)
        for device, name in named.items()
        if (folder / "validation" / f"input_{case.dataset}_{name}.npy").is_file()
    }
    if case.device is not None and case.device not in costs:
        raise UsageError(
            f"device '{case.device}' has no data for {case.dataset}; "
            f"there are {', '.join(sorted(costs)) or 'none'}"
        )
    row_of_number = np.full(math.prod(len(names) for names in task.space.choices), -1, np.int32)
    row_of_number[numbers_of(architectures, task.space)] = np.arange(len(architectures))
    quality = np.stack([column(f"validation_{epochs}") for epochs in case.fidelities])
    seconds = np.stack([column(f"seconds_{epochs}") for epochs in case.fidelities])
    shares = np.array(case.fidelities) / case.full_epochs
    training_seconds = float(seconds[-1].mean() / shares[-1])
    charges, second_charge = seconds, 1.0
    if case.budget.queries is not None:
        second_charge = 1 / training_seconds if training_seconds else math.inf
        charges = np.repeat(shares[:, None], len(architectures), axis=1)
    return Table(
        space=task.space,
        architectures=architectures,
        quality=quality,
        seconds=seconds,
        costs=costs,
        charges=charges,
        quality_list=quality.tolist(),
        charges_list=charges.tolist(),
        rows={tuple(one): row for row, one in enumerate(architectures.tolist())},
        row_of_number=row_of_number,
        shares=shares,
        training_seconds=training_seconds,
        second_charge=second_charge,
        proxies=proxies.load(task.proxies, len(row_of_number)) if task.proxies else None,
    )
