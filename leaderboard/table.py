"""A task's table at one scale on one profile: rows with intervals, limits, fronts and ties."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.record import MeasurementRecord, ProfileBlock, RunRecord, TaskBlock
from leaderboard.fronts import pareto_front
from leaderboard.history import add_history
from leaderboard.limits import limit_columns
from leaderboard.rows import build_row, goodness, group_key, last_runs
from leaderboard.summary import Summary, summarise
from leaderboard.timing import timing_columns
from leaderboard.uncertainty import Evidence, add_intervals, add_tie_groups, evidence_of

if TYPE_CHECKING:
    from leaderboard.board import Board

Row = dict[str, Any]
AXES = ("latency_ms_p50", "macs", "size_bytes")


@dataclass(frozen=True)
class Table:
    """Rows best first (failed, withdrawn, superseded ones last), their task, and what they say."""

    task: TaskBlock
    scale: str
    profile: ProfileBlock | None
    rows: list[Row]
    evidence: Sequence[Evidence]
    done: Sequence[Sequence[RunRecord]]

    @cached_property
    def summary(self) -> Summary:
        """Headlines and hypervolumes, whose resamples only pages need."""
        return summarise(self.rows, self.evidence, self.done)


def table(board: Board, task: str, scale: str, profile: ProfileBlock | None) -> Table | None:
    """Everything the board says about the newest version of a task; None without runs."""
    records = board.records(task)
    runs = [run for run in records.runs if run.scale == scale]
    if not runs:
        return None
    version = max(run.task.version for run in runs)
    runs = [run for run in runs if run.task.version == version]
    groups = _groups(runs)
    measured = _newest_of(records.measurements, version, profile)
    rows = _rows(groups, runs, measured, profile)
    add_history(rows, records)
    done = [_finished(group) for group in groups]
    evidence = evidence_of(done, board.predictions_of)
    add_intervals(rows, evidence)
    order = sorted(range(len(rows)), key=lambda i: _rank(rows[i]))
    rows = [rows[i] for i in order]
    evidence = [evidence[i] for i in order]
    done = [done[i] for i in order]
    latest = max(runs, key=lambda run: run.created).task
    _add_comparisons(rows, evidence, latest)
    return Table(latest, scale, profile, rows, evidence, done)


def _groups(runs: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """Runs to be averaged, one a seed."""
    groups: dict[tuple[str, ...], list[RunRecord]] = defaultdict(list)
    for run in last_runs(runs, lambda run: (*group_key(run), run.seed)):
        groups[group_key(run)].append(run)
    return [sorted(group, key=lambda run: run.seed) for _, group in sorted(groups.items())]


def _finished(group: Sequence[RunRecord]) -> list[RunRecord]:
    return [run for run in group if run.status == "ok" and run.quality_test is not None]


def _newest_of(
    records: Sequence[MeasurementRecord], version: int, profile: ProfileBlock | None
) -> dict[str, MeasurementRecord]:
    """The measurement of each artifact on exactly this version of a profile."""
    if profile is None:
        return {}
    wanted = (profile.name, profile.sha256, version)
    return {
        one.artifact_sha256: one
        for one in sorted(records, key=lambda one: one.created)
        if (one.profile.name, one.profile.sha256, one.task_version) == wanted
    }


def _rows(
    groups: Sequence[Sequence[RunRecord]],
    runs: Sequence[RunRecord],
    measured: dict[str, MeasurementRecord],
    profile: ProfileBlock | None,
) -> list[Row]:
    each = {(*group_key(run), str(run.seed)) for run in runs}  # run again, it is the same try
    tried = Counter(method for method, *_ in each)
    rows = [build_row(group, tried[group[0].method.name]) for group in groups]
    newest: dict[str, int] = defaultdict(int)
    for row in rows:
        newest[row["method"]] = max(newest[row["method"]], row["method_version"])
    for row in rows:
        row.update(timing_columns(row["artifacts"], measured, profile))
        row["superseded"] = row["method_version"] < newest[row["method"]]
        row["usable"] = row["usable"] and not row["superseded"]
    return rows


def _rank(row: Row) -> tuple[bool, float, str]:
    known = row["usable"]
    return (not known, -goodness(row) if known else 0.0, row["row_id"])


def _add_comparisons(rows: Sequence[Row], evidence: Sequence[Evidence], task: TaskBlock) -> None:
    for row in rows:
        row.update(limit_columns(row, task.limits))
        row["pareto_axes"] = []
    for axis in AXES:
        shown = [row for row in rows if row["usable"] and row[axis] is not None]
        front = pareto_front([(goodness(row), row[axis]) for row in shown])
        for row, is_on in zip(shown, front, strict=True):
            row["pareto_axes"] += [axis] * is_on
    axis = main_axis(rows)
    for row in rows:
        row["pareto"] = axis in row["pareto_axes"]
    add_tie_groups(rows, evidence)


def main_axis(rows: Sequence[Row]) -> str:
    """The cost that the board plots first: latency once any row is timed, until then MACs."""
    return AXES[0] if any(row[AXES[0]] is not None for row in rows) else AXES[1]
