"""Which model to take under a constraint, for one task or jointly for several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError
from leaderboard.rows import goodness, goodness_low

Row = dict[str, Any]
SHORT = {
    "latency_ms": "latency_ms_p50",
    "size_mb": "size_bytes",
    "usd_per_million": "usd_per_million",
}
FACTORS = {"size_mb": 1e6}


@dataclass(frozen=True)
class Recommendation:
    """The rows that keep every constraint, best first, or why there is none.

    `unmet` is the constraint that no row meets ("" when only the combination fails), `unknown` is
    whether no row has its figure, such as a latency before anything was timed, and `nearest` the
    row that misses by the smallest factor; None where every row lacks a figure.
    """

    rows: list[Row]
    unmet: str | None = None
    nearest: Row | None = None
    unknown: bool = False


def recommend(rows: Sequence[Row], constraints: Mapping[str, float]) -> Recommendation:
    """The usable rows within `constraints`, such as max_latency_ms, max_size_mb, min_quality.

    A key is max_ or min_ and a numeric column (latency_ms is its median, size_mb is 10^6 bytes).
    Rows of equal standing (quality within the leader's interval) come cheapest first.
    Raises UsageError when a key names no column.
    """
    usable = [row for row in rows if row["usable"]]
    checks = {key: _bound(key, limit, rows) for key, limit in constraints.items()}
    able = [row for row in usable if all(_excess(row, check) <= 1 for check in checks.values())]
    if able:
        return Recommendation(_cheapest_of_the_best(able))
    alone = [
        key for key, check in checks.items() if not any(_excess(row, check) <= 1 for row in usable)
    ]

    def factor(row: Row) -> float:
        return max((_excess(row, check) for check in checks.values()), default=1.0)

    known = [row for row in usable if math.isfinite(factor(row))]
    lacking = [key for key in alone if all(row[checks[key].column] is None for row in usable)]
    return Recommendation(
        [],
        unmet=[*lacking, *alone, ""][0],
        nearest=min(known, key=factor, default=None),
        unknown=bool(lacking and usable),
    )


@dataclass(frozen=True)
class _Check:
    column: str
    is_most: bool
    bound: float


def _bound(key: str, limit: float, rows: Sequence[Row]) -> _Check:
    kind, _, name = key.partition("_")
    column = SHORT.get(name, name)
    if kind not in ("max", "min") or (rows and column not in rows[0]):
        raise UsageError(
            f"constraint '{key}' names no column; write max_ or min_ and one of latency_ms, "
            "size_mb, macs, params, quality, retention, speedup, usd_per_million"
        )
    return _Check(column, kind == "max", limit * FACTORS.get(name, 1.0))


def _excess(row: Row, check: _Check) -> float:
    """How far a row is beyond a bound, as a factor: up to 1 is within, unknown is infinite."""
    value = row[check.column]
    if value is None:
        return math.inf
    over, under = (value, check.bound) if check.is_most else (check.bound, value)
    if under <= 0:
        return 1.0 if over <= under else math.inf
    return float(over / under)


def _cheapest_of_the_best(rows: Sequence[Row]) -> list[Row]:
    """Best quality first, but rows within the leader's interval are ordered by cost."""
    ranked = sorted(rows, key=lambda row: -goodness(row))
    floor = goodness_low(ranked[0])
    equals = [row for row in ranked if goodness(row) >= floor]
    equals.sort(key=lambda row: (_cost(row), -goodness(row)))
    return equals + ranked[len(equals) :]


def _cost(row: Row) -> list[float]:
    return [_or_infinite(row[column]) for column in ("latency_ms_p50", "macs", "size_bytes")]


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


@dataclass(frozen=True)
class _Partial:
    rows: tuple[Row, ...]
    latency_ms: float
    size_bytes: float
    retention: float  # product over the tasks so far


def recommend_jointly(
    rows_by_task: Mapping[str, Sequence[Row]],
    total_latency_ms: float = math.inf,
    total_size_mb: float = math.inf,
) -> dict[str, Row] | None:
    """One row a task with the best product of retentions whose sums keep both limits, or None.

    Exact: after each task only partial choices that no other one dominates are kept.
    """
    partials = [_Partial((), 0.0, 0.0, 1.0)]
    for rows in rows_by_task.values():
        longer = [_extended(partial, row) for partial in partials for row in _priced(rows)]
        partials = _undominated(
            [
                one
                for one in longer
                if one.latency_ms <= total_latency_ms and one.size_bytes <= total_size_mb * 1e6
            ]
        )
    if not partials:
        return None
    best = max(partials, key=lambda one: (one.retention, -one.latency_ms, -one.size_bytes))
    return dict(zip(rows_by_task, best.rows, strict=True))


def _priced(rows: Sequence[Row]) -> list[Row]:
    needed = ("latency_ms_p50", "size_bytes", "retention")
    return [row for row in rows if row["usable"] and all(row[key] is not None for key in needed)]


def _extended(partial: _Partial, row: Row) -> _Partial:
    return _Partial(
        (*partial.rows, row),
        partial.latency_ms + row["latency_ms_p50"],
        partial.size_bytes + row["size_bytes"],
        partial.retention * row["retention"],
    )


def _undominated(partials: Sequence[_Partial]) -> list[_Partial]:
    kept: list[_Partial] = []
    for one in sorted(partials, key=lambda p: (-p.retention, p.latency_ms, p.size_bytes)):
        if not any(
            other.latency_ms <= one.latency_ms and other.size_bytes <= one.size_bytes
            for other in kept
        ):
            kept.append(one)
    return kept
