"""Rows of a table task: what each method's seeds found on each case, from records and traces."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UsageError
from harness.record_search import CaseBlock, SearchRecord
from leaderboard.fronts import hypervolume
from leaderboard.resampling import freedom
from leaderboard.rows import last_runs
from leaderboard.search_hits import hit_queries, reachable, share_at_test_optimum
from leaderboard.ties import t_tail, tie_groups

if TYPE_CHECKING:
    from harness.traces import Trace

Row = dict[str, Any]
Points = Sequence[tuple[float, float, float]]  # (cost, validation, test) of an exact front
OF_MODELS = (  # columns that every board has; an answer from a table has no artifact
    *("quality", "retention", "macs", "params", "size_bytes"),
    *("latency_ms_p50", "latency_ms_p99", "speedup", "speedup_low", "speedup_high", "settled"),
)
LIMITS = (0.25, 0.5, 0.75)  # latency limits, as shares of the exact front's costs in order


def rows_of(
    records: Sequence[SearchRecord],
    traces: Mapping[str, Trace],
    fronts: Mapping[str, Points],
) -> list[Row]:
    """One row a record, case by case, best first, with tie groups.

    `traces` is by the records' keys, `fronts` by case. Raises UsageError when a trace is missing
    or is not the one that its record was written with.
    """
    newest = of_newest_table(records)
    found: list[Row] = []
    cases = {one.case.name: one.case for one in newest}
    for case in sorted(cases, key=lambda name: _order(cases[name])):
        group = [one for one in newest if one.case.name == case]
        rows = [_row(one, _checked(one, traces), fronts.get(case, ())) for one in group]
        rows.sort(key=lambda row: (-row["score"] if row["seeds"] else np.inf, row["row_id"]))
        _add_ties(rows)
        found += rows
    return found


def _order(case: CaseBlock) -> tuple[bool, bool, float, str, str]:
    """Quality before devices, queries before published protocols, short before long."""
    budget = case.queries or case.simulated_seconds or 0.0
    return (case.kind != "quality", bool(case.protocol), budget, case.dataset, case.name)


def of_newest_table(records: Sequence[SearchRecord]) -> list[SearchRecord]:
    """Those of the newest task version, of the table last run on, of each method's newest version.

    Boards never mix tables. What was run again counts once, as it was run last.
    """
    last = max(records, key=lambda one: (one.task.version, one.created), default=None)
    if last is None:
        return []
    table = (last.task.version, last.task.table_sha256)
    found = [one for one in records if (one.task.version, one.task.table_sha256) == table]
    newest: dict[str, int] = {}
    for one in found:
        newest[one.method.name] = max(one.method.version, newest.get(one.method.name, 0))
    of_newest = [one for one in found if one.method.version == newest[one.method.name]]
    return last_runs(of_newest, _question)


def _question(one: SearchRecord) -> tuple[str, ...]:
    return one.method.name, json.dumps(one.setting, sort_keys=True), one.case.name, one.scale


def _checked(record: SearchRecord, traces: Mapping[str, Trace]) -> Trace | None:
    from harness.traces import digest

    if record.trace_sha256 is None:
        return None
    trace = traces.get(record.key)
    if trace is None or digest(trace) != record.trace_sha256:
        state = "missing" if trace is None else "not the one the record was written with"
        raise UsageError(
            f"{record.task.name}, {record.method.name} on {record.case.name}: the trace is "
            f"{state}; restore the Parquet file from git or run it again"
        )
    return trace


def _row(record: SearchRecord, trace: Trace | None, front: Points) -> Row:
    case = record.case
    name = f"{record.method.name}\0{record.method.version}\0{json.dumps(record.setting)}"
    row: Row = {
        "row_id": hashlib.sha256(f"{record.task.name}\0{case.name}\0{name}".encode()).hexdigest()[
            :10
        ],
        "task": record.task.name,
        "case": case.name,
        "case_title": case.title,
        "kind": case.kind,
        "dataset": case.dataset,
        "budget_queries": case.queries,
        "device": case.device,
        "method": record.method.name,
        "method_version": record.method.version,
        "setting": record.setting,
        "source": record.method.source,
        "small_baseline": record.method.small_baseline,
        "status": record.status,
        "seeds": 0,
        "failed": len(record.seeds),
        "cause": record.failures[0].cause if record.failures else None,
        "key": record.key,
        "verification": record.verification,
        "queries": record.cost.queries / len(record.seeds),
        "cpu_seconds": record.cost.cpu_seconds / len(record.seeds),
        **dict.fromkeys(("tie_group", "validation", "test", "test_std", "regret", "score")),
        **dict.fromkeys(("hit_share", "hit_median", "hit_p90", "hypervolume", "hypervolume_std")),
        "test_optimum_share": None,
        "transfer": {},
        "within_limits": [],
        **dict.fromkeys(OF_MODELS),
    }
    if trace is None:
        return row
    answers = {name: values[trace["answer"]] for name, values in trace.items()}
    seeds = np.unique(answers["seed"])
    row |= {"seeds": len(seeds), "failed": len(record.seeds) - len(seeds)}
    if case.kind == "quality":
        return row | _quality(case, trace, answers)
    return row | _trade_off(case, answers, seeds, front)


def _quality(case: CaseBlock, trace: Trace, answers: Trace) -> Row:
    test = answers[f"test_{case.dataset}"].astype(float)
    hits = hit_queries(case, trace, len(test))
    return {
        "validation": float(answers["validation"].mean(dtype=float)),
        "test": float(test.mean()),
        "test_std": _std(test),
        "quality": float(test.mean()),
        "regret": case.best_test - float(test.mean()),
        "score": float(test.mean()),
        "scores": test,
        "hit_share": float(np.isfinite(hits).mean()) if reachable(case) else None,
        "test_optimum_share": share_at_test_optimum(case, test),
        "hit_median": _finite(np.median(hits)),
        "hit_p90": _finite(np.quantile(hits, 0.9, method="higher")),
        "transfer": {
            name.removeprefix("test_"): (
                float(values.mean(dtype=float)),
                _std(values.astype(float)),
            )
            for name, values in answers.items()
            if name.startswith("test_")
        },
    }


def _trade_off(case: CaseBlock, answers: Trace, seeds: np.ndarray, front: Points) -> Row:
    test, cost = answers[f"test_{case.dataset}"].astype(float), answers["cost"].astype(float)
    reference = (0.0, case.cost_worst or 1.0)
    whole = hypervolume([(quality, price) for price, _, quality in front], reference)
    areas, within = [], []
    limits = limits_of(front)
    for seed in seeds:
        mine = answers["seed"] == seed
        points = list(zip(test[mine].tolist(), cost[mine].tolist(), strict=True))
        areas.append(hypervolume(points, reference) / whole if whole else 0.0)
        within.append([_best_within(answers, mine, test, limit) for limit in limits])
    exact = [max(quality for price, _, quality in front if price <= limit) for limit in limits]
    shares = np.array(areas)
    return {
        "hypervolume": float(shares.mean()),
        "hypervolume_std": _std(shares),
        "score": float(shares.mean()),
        "scores": shares,
        "within_limits": [
            {"limit": limit, "test": _mean(column), "met": len(column), "exact": best}
            for limit, column, best in zip(limits, _columns(within), exact, strict=True)
        ],
    }


def limits_of(front: Points) -> list[float]:
    """Cost limits at a quarter, a half and three quarters of the exact front's points."""
    costs = sorted(cost for cost, _, _ in front)
    return [costs[round(share * (len(costs) - 1))] for share in LIMITS] if costs else []


def _best_within(answers: Trace, mine: np.ndarray, test: np.ndarray, limit: float) -> float | None:
    """Test quality of a seed's best answer by validation within the limit; None without one."""
    able = np.flatnonzero(mine & (answers["cost"] <= limit * (1 + 1e-6)))
    return float(test[able[answers["validation"][able].argmax()]]) if len(able) else None


def _columns(within: Sequence[Sequence[float | None]]) -> list[list[float]]:
    return [[one for one in column if one is not None] for column in zip(*within, strict=True)]


def _add_ties(rows: Sequence[Row]) -> None:
    """Welch's t-test over seeds; a method whose seeds all agree has no spread of its own."""
    able = [row for row in rows if row["seeds"] >= 3]

    def differ(leader: int, other: int) -> float:
        first, second = (able[place]["scores"] for place in (leader, other))
        if _std(first) == 0.0 and _std(second) == 0.0:
            return 1.0 if first[0] == second[0] else 0.0
        return welch(first, second)

    for row, group in zip(able, tie_groups(len(able), differ), strict=True):
        row["tie_group"] = group
    for row in rows:
        row.pop("scores", None)


def welch(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p-value that two samples have one mean, their variances their own.

    Source: Welch 1947, doi:10.1093/biomet/34.1-2.28.
    """
    parts = [(float(each.var(ddof=1)) / len(each), len(each)) for each in (first, second)]
    total = sum(part for part, _ in parts)
    t = float(abs(first.mean() - second.mean())) / math.sqrt(total)
    return t_tail(t, freedom(parts, total))


def curve(
    trace: Trace, dataset: str, axis: str, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, 10% and 90% over seeds of the best so far's test quality at each point of `grid`.

    `axis` is `queries` or `seconds`; before a seed's first query its value is NaN and left out.
    """
    lines = np.flatnonzero(~trace["answer"])
    lines = lines[np.argsort(trace["seed"][lines], kind="stable")]
    when, test = trace[axis][lines], trace[f"test_{dataset}"][lines].astype(float)
    starts = np.unique(trace["seed"][lines], return_index=True)[1]
    table = np.full((len(starts), len(grid)), np.nan)  # (seeds, grid)
    for number, (start, end) in enumerate(pairwise([*starts.tolist(), len(lines)])):
        place = np.searchsorted(when[start:end], grid * (1 + 1e-6), side="right") - 1
        table[number] = np.where(place >= 0, test[start:end][np.maximum(place, 0)], np.nan)
    known = np.isfinite(table).all(axis=0)
    table = np.where(known, table, 0.0)
    low, high = np.quantile(table, (0.1, 0.9), axis=0)
    return tuple(np.where(known, one, np.nan) for one in (table.mean(axis=0), low, high))  # type: ignore[return-value]


def attained(trace: Trace, dataset: str, grid: np.ndarray) -> np.ndarray:
    """Median over seeds of the test quality of the answer to take at each cost of `grid`.

    That is the best by validation among those that cost no more.
    """
    lines = trace["answer"]
    seeds, cost = trace["seed"][lines], trace["cost"][lines]
    test = trace[f"test_{dataset}"][lines].astype(float)
    validation = trace["validation"][lines].astype(float)
    able = cost <= grid[:, None]  # (grid, answers)
    columns = []
    for seed in np.unique(seeds):
        known = np.where(able & (seeds == seed), validation, -np.inf)  # (grid, answers)
        chosen = known.argmax(axis=1)
        columns.append(np.where(np.isfinite(known.max(axis=1)), test[chosen], -1.0))
    middle = np.median(np.stack(columns), axis=0)
    return np.where(middle > 0, middle, np.nan)


def read_traces(paths: Sequence[Path]) -> dict[str, Trace]:
    """The traces of all files by their record's key; later files replace earlier ones."""
    from harness.traces import read

    found: dict[str, Trace] = {}
    for path in paths:
        found |= read(path)
    return found


def _std(values: np.ndarray) -> float:
    """Over seeds; exactly 0 where all agree, which rounding of their mean would hide."""
    return float(values.std(ddof=1)) if len(values) > 1 and np.ptp(values) > 0 else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
