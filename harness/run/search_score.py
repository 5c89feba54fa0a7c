"""What a finished table search was worth: every value is looked up here, test quality too.

The child told only what it asked and answered. A log or an answer that cannot be the harness's own
is a failed seed with a cause.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness import data, environment, traces
from harness.errors import UsageError
from harness.record import sha256_of
from harness.record_row import Cost, MetricBlock
from harness.record_search import (
    Answer,
    CaseBlock,
    FailedSeed,
    SearchRecord,
    TableRecord,
    TableTaskBlock,
)
from harness.registry import MethodListing
from harness.run.place import Place
from harness.run.search import budget_of, front_rows
from harness.run.stages import method_block
from harness.run.table import Table, hidden_columns, load_table
from harness.traces import Trace
from harness.types import Case, Scale, Setting, TableTask

MOST_ANSWERS = 5
MOST_FAILURES = 20


@dataclass(frozen=True)
class PreparedTable:
    """A table task with its data in place at one scale."""

    task: TableTask
    scale: Scale
    data: Path
    sha256: str


@dataclass(frozen=True)
class SearchRun:
    """One method at one setting on one case, over its seeds."""

    prepared: PreparedTable
    method: MethodListing
    setting: Setting
    case: Case
    seeds: tuple[int, ...]
    place: Place

    @property
    def key(self) -> str:
        """SHA-256 over everything that decides the outcome."""
        said = ("title", "protocol", "seeds")  # words, and what `seeds` below says
        case = {name: value for name, value in asdict(self.case).items() if name not in said}
        parts = {
            "task": [self.prepared.task.name, self.prepared.task.version],
            "table": self.prepared.sha256,
            "case": case,
            "method": [self.method.name, self.method.version],
            "file": self.method.source_sha256 if self.method.family == "submitted" else None,
            "setting": dict(self.setting),
            "seeds": self.seeds,
            "scale": self.prepared.scale,
        } | self.proxies
        return sha256_of(json.dumps(parts, sort_keys=True).encode())

    @property
    def proxies(self) -> dict[str, str]:
        """The hash of the zero-cost scores, for methods that use them."""
        file = self.prepared.task.proxies
        return {"proxies_sha256": sha256_of(file)} if file and self.method.uses_proxies else {}

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        prepared = self.prepared
        name = prepared.task.name
        return self.place.runs / name / self.method.name / prepared.scale / self.key[:16]


def score(
    run: SearchRun, told: Mapping[str, Any], asked: Mapping[str, np.ndarray]
) -> tuple[SearchRecord, Trace]:
    """Record and trace of what was asked and answered; every value is looked up here."""
    task, case = run.prepared.task, run.case
    table = load_table(task, case, run.prepared.data)
    tests = hidden_columns(task, run.prepared.data)
    failures, parts, queries = [], [], 0
    answers: Counter[int] = Counter()
    for seed in told["seeds"]:
        log, answer = (
            asked.get(f"{name}_{seed['seed']}", np.zeros(0, int)) for name in ("asked", "answer")
        )
        cause = seed["cause"] or _misfit(table, case, log, answer)
        if seed["status"] != "ok" or cause:
            status = "failed" if seed["status"] == "ok" else seed["status"]
            failures.append(FailedSeed(seed=seed["seed"], status=status, cause=cause))
            continue
        answer = _kept(table, case, answer)
        parts.append(trace_of(table, case, tests, seed["seed"], log, answer))
        queries += int((log >= 0).sum())
        answers.update(answer.tolist())
    trace = traces.joined(parts) if parts else {}
    record = SearchRecord(
        key=run.key,
        task=task_block(run.prepared),
        case=case_block(table, case, tests),
        method=method_block(run.method),
        setting=dict(run.setting),
        scale=run.prepared.scale,
        seeds=[seed["seed"] for seed in told["seeds"]],
        status="ok" if not failures else failures[0].status,
        failures=failures[:MOST_FAILURES],
        answers=[
            Answer(architecture=row, text=task.space.text(_architecture(table, row)), count=count)
            for row, count in answers.most_common(MOST_ANSWERS)
        ],
        trace_sha256=traces.digest(trace) if trace else None,
        cost=Cost(queries=queries),
        environment=environment.facts() | {"sandbox": told["sandbox"]} | run.proxies,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return record, trace


def _misfit(table: Table, case: Case, log: np.ndarray, answer: np.ndarray) -> str | None:
    """Why a log or an answer cannot count, or None."""
    count = len(table.architectures)
    if not len(answer) or answer.min() < 0 or answer.max() >= count:
        return "no answer inside the space was committed"
    most = budget_of(case) * (1 + 1e-9)  # sums of shares may differ in their last digits
    try:
        charges = table.spending(log)[2]
    except UsageError as error:
        return str(error)
    if charges[:-1].sum() >= most:
        return f"the log of queries was changed: it spends more than {budget_of(case):g}"
    rows, levels = np.divmod(log[log >= 0], len(case.fidelities))
    asked = rows[levels == len(case.fidelities) - 1]
    if case.device:
        return _unable(table, case.device, asked, answer)
    if not np.isin(answer, rows).all():
        return "the answer was never queried; commit one that was, such as problem.best()"
    return None


def _unable(table: Table, device: str, asked: np.ndarray, answer: np.ndarray) -> str | None:
    """Why an answer cannot be a front against a device, or None."""
    if not np.isin(answer, asked).all():
        return (
            "the answer has architectures that were never queried; a trade-off is answered with "
            "queried ones, such as problem.front()"
        )
    if not np.isfinite(table.costs[device][answer]).any():
        return f"{device} runs none of the answered architectures"
    return None


def _kept(table: Table, case: Case, answer: np.ndarray) -> np.ndarray:
    """The answer; against a device only its front by validation, so that test picks nothing."""
    if case.device is None:
        return answer
    costs = table.costs[case.device]
    able = answer[np.isfinite(costs[answer])]
    kept: np.ndarray = able[front_rows(table.quality[-1][able], costs[able])]
    return kept


def trace_of(
    table: Table,
    case: Case,
    tests: Mapping[str, np.ndarray],
    seed: int,
    log: np.ndarray,
    answer: np.ndarray,
) -> Trace:
    """One seed's lines: each query that changed the best so far (or the front), and the answers.

    What was spent includes purchases of zero-cost scores.
    """
    spent, clock = (np.cumsum(part) for part in table.spending(log)[:2])
    ends = (spent[-1], clock[-1]) if len(log) else (0.0, 0.0)
    spent, clock, log = spent[log >= 0], clock[log >= 0], log[log >= 0]
    rows, levels = np.divmod(log, len(case.fidelities))
    quality = table.quality[levels, rows]
    costs = table.costs[case.device] if case.device else np.full(len(table.architectures), np.nan)
    kept = _front_changes(quality, costs[rows]) if case.device else _best_changes(quality, levels)
    top = len(case.fidelities) - 1
    which = np.concatenate([rows[kept], answer])
    level = np.concatenate([levels[kept], np.full(len(answer), top)])
    columns: dict[str, Any] = {
        "seed": np.full(len(which), seed),
        "queries": np.concatenate([spent[kept], np.full(len(answer), ends[0])]),
        "seconds": np.concatenate([clock[kept], np.full(len(answer), ends[1])]),
        "architecture": which,
        "fidelity": np.array(case.fidelities)[level],
        "validation": table.quality[level, which],
        "cost": costs[which],
        "answer": np.arange(len(which)) >= len(kept),
    }
    found = {name: np.asarray(columns[name]).astype(kind) for name, kind in traces.COLUMNS.items()}
    return found | {
        f"{traces.TEST}{name}": values[which].astype(np.float32) for name, values in tests.items()
    }


def _best_changes(quality: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Positions of queries that beat all before; more epochs always beat fewer."""
    standing = levels * 10.0 + quality
    before = np.maximum.accumulate(np.append(-1.0, standing))[:-1]
    return np.flatnonzero(standing > before)


def _front_changes(quality: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Positions of queries that no earlier one beats or equals in both quality and cost."""
    no_worse = (quality[:, None] >= quality) & (costs[:, None] <= costs)  # [i, j]: i covers j
    covered = np.triu(no_worse, 1).any(axis=0)
    return np.flatnonzero(~covered & np.isfinite(costs))


def task_block(prepared: PreparedTable) -> TableTaskBlock:
    """The task's part of a record."""
    task = prepared.task
    return TableTaskBlock(
        name=task.name,
        version=task.version,
        title=task.title,
        metric=MetricBlock(**vars(task.metric)),
        space=task.space.name,
        architectures=len(data.load_column(prepared.data, "test", "targets")),
        table=task.dataset.name if prepared.scale != "smoke" else "generated",
        table_sha256=prepared.sha256,
        table_origin=task.dataset.origin,
        clock=task.clock,
    )


def case_block(table: Table, case: Case, tests: Mapping[str, np.ndarray]) -> CaseBlock:
    """The case's part of a record, with what enumeration knows."""
    best = int(table.quality[-1].argmax())
    test = tests[case.dataset]
    return CaseBlock(
        name=case.name,
        title=case.title,
        kind="trade_off" if case.device else "quality",
        dataset=case.dataset,
        fidelities=list(case.fidelities),
        full_epochs=case.full_epochs,
        queries=case.budget.queries,
        simulated_seconds=case.budget.simulated_seconds,
        device=case.device,
        protocol=case.protocol,
        best_architecture=best,
        best_architecture_text=table.space.text(_architecture(table, best)),
        best_validation=float(table.quality[-1, best]),
        best_architecture_test=float(test[best]),
        best_test=float(test.max()),
        cost_worst=float(np.nanmax(table.costs[case.device])) if case.device else None,
    )


def _architecture(table: Table, row: int) -> tuple[int, ...]:
    return tuple(table.architectures[row].tolist())


def table_record(prepared: PreparedTable) -> TableRecord:
    """Exact fronts of every device case and Kendall's tau between devices, by enumeration."""
    from scipy.stats import kendalltau

    task = prepared.task
    tests = hidden_columns(task, prepared.data)
    fronts, correlations = {}, {}
    for case in task.cases:
        if case.device is None:
            continue
        table = load_table(task, case, prepared.data)
        test, costs = tests[case.dataset], table.costs[case.device]
        able = np.flatnonzero(np.isfinite(costs))
        rows = able[front_rows(test[able], costs[able])]
        fronts[case.name] = [
            (float(costs[row]), float(table.quality[-1, row]), float(test[row])) for row in rows
        ]
        if case.dataset not in correlations:
            columns = [table.costs[device] for device in task.devices]
            correlations[case.dataset] = [
                [float(kendalltau(a, b, nan_policy="omit").statistic) for b in columns]
                for a in columns
            ]
    return TableRecord(
        task=task_block(prepared),
        scale=prepared.scale,
        devices=list(task.devices),
        correlations=correlations,
        fronts=fronts,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
