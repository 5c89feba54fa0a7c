"""Runs of search methods on a table task: one run is a method, a setting, a case and its seeds.

A child process solves; the parent looks up what was asked and answered, test quality too, and
writes one record and one trace. Killed anywhere, finished runs are reused.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness import data, environment, traces
from harness.errors import UsageError
from harness.record import (
    Answer,
    CaseBlock,
    Cost,
    FailedSeed,
    MetricBlock,
    SearchRecord,
    TableRecord,
    TableTaskBlock,
    merge_into,
    parse_line,
    sha256_of,
    to_line,
    write_atomically,
)
from harness.registry import MethodListing
from harness.run import process
from harness.run.job import SearchJob, start_search
from harness.run.matrix import PUBLISHED, choose_settings
from harness.run.search import Table, budget_of, front_rows, load_table, small
from harness.run.stages import Place, locked, method_block
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
        parts = {
            "task": [self.prepared.task.name, self.prepared.task.version],
            "table": self.prepared.sha256,
            "case": asdict(self.case),
            "method": [self.method.name, self.method.version],
            "file": self.method.source_sha256 if self.method.family == "submitted" else None,
            "setting": dict(self.setting),
            "seeds": self.seeds,
            "scale": self.prepared.scale,
        }
        return sha256_of(json.dumps(parts, sort_keys=True).encode())

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        prepared = self.prepared
        name = prepared.task.name
        return self.place.runs / name / self.method.name / prepared.scale / self.key[:16]


def prepare(task: TableTask, scale: Scale, place: Place) -> PreparedTable:
    """The table in place: generated at smoke scale, else from the data cache, checksums tested."""
    if scale == "smoke":
        folder = place.runs / "smoke_data" / task.dataset.name
        with locked(place.runs / "smoke_data" / f"{task.dataset.name}.lock"):
            if not (folder / "checksums.json").is_file():
                data.store(task.dataset.generate(0), folder)
    else:
        folder = place.data / task.dataset.name
    data.verify(folder)
    return PreparedTable(task, scale, folder, data.data_sha256(folder))


def plan(
    prepared: PreparedTable,
    methods: Iterable[MethodListing],
    place: Place,
    cases: Sequence[str] = (),
    seeds: Sequence[int] = (),
    settings: str | None = None,
) -> list[SearchRun]:
    """All runs, case by case; no `seeds` means as many as the case asks for (2 at smoke scale).

    Raises UsageError for an unknown case or a method that solves none of the cases.
    """
    known = {case.name: case for case in prepared.task.cases}
    for name in cases:
        if name not in known:
            raise UsageError(
                f"no case is named '{name}'; {prepared.task.name} has {', '.join(known)}"
            )
    chosen = [known[name] for name in cases or known]
    if prepared.scale == "smoke":
        chosen = [small(case) for case in chosen]
    runs = []
    for method in methods:
        fitting = [
            case for case in chosen if not method.modalities or case.kind in method.modalities
        ]
        if method.solves not in prepared.task.poses or not fitting:
            raise UsageError(
                f"method '{method.name}' solves {method.solves} problems "
                f"({'/'.join(method.modalities) or 'any'}); no chosen case of "
                f"'{prepared.task.name}' is one"
            )
        for case in fitting:
            asked = seeds or range(2 if prepared.scale == "smoke" else case.seeds)
            runs += [
                SearchRun(prepared, method, setting, case, tuple(asked), place)
                for setting in choose_settings(method, settings)
            ]
    return runs


def run_all(
    runs: Sequence[SearchRun], workers: int = 1
) -> Iterator[tuple[SearchRun, SearchRecord, bool]]:
    """Execute on `workers` processes; yields each run, its record and whether it was reused."""
    process.start_over()
    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(_one, run) for run in runs]):
            yield future.result()
    except BaseException:
        process.stop_all()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one(run: SearchRun) -> tuple[SearchRun, SearchRecord, bool]:
    record, trace, reused = execute(run)
    publish(run, record, trace)
    return run, record, reused


def execute(run: SearchRun) -> tuple[SearchRecord, Trace, bool]:
    """The run's record and trace, and whether they were there already."""
    done = run.folder / "record.json"
    with locked(run.folder / "lock"):
        if done.is_file():
            record = parse_line(done.read_text(), str(done))
            assert isinstance(record, SearchRecord)
            return record, traces.read(run.folder / "trace.parquet").get(record.key, {}), True
        record, trace = _solve(run)
        if len(trace.get("seed", ())):
            traces.merge_into(run.folder / "trace.parquet", record.key, trace)
        write_atomically(done, to_line(record).encode())
    return record, trace, False


def _solve(run: SearchRun) -> tuple[SearchRecord, Trace]:
    out = run.folder / "solve"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    begin = time.monotonic()
    job = SearchJob(
        task=run.prepared.task.name,
        case=run.case.name,
        small=run.prepared.scale == "smoke",
        method_file=str(run.method.path.resolve()),
        setting=dict(run.setting),
        seeds=run.seeds,
        data=str(run.prepared.data),
        out=str(out),
        hidden=(str(run.place.results), str(run.place.runs), str(run.place.data)),
    )
    whole = replace(run.case.budget, wall_seconds=run.case.budget.wall_seconds * len(run.seeds))
    ended = process.run_child(start_search, job, whole, out / "log.txt", torch=False)
    told, asked = _read(out, run, ended.cause)
    begin_score = time.monotonic()
    record, trace = score(run, told, asked)
    shutil.move(out / "log.txt", run.folder / "log.txt")
    shutil.rmtree(out, ignore_errors=True)
    cost = record.cost.model_copy(
        update={
            "solve_seconds": begin_score - begin,
            "cpu_seconds": told["cpu_seconds"],
            "score_seconds": time.monotonic() - begin_score,
        }
    )
    return record.model_copy(update={"cost": cost}), trace


def _read(out: Path, run: SearchRun, cause: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the child wrote: status by seed, and logs and answers by seed."""
    try:
        told: dict[str, Any] = json.loads((out / "seeds.json").read_text())
        with np.load(io.BytesIO((out / "asked.npz").read_bytes()), allow_pickle=False) as stored:
            return told, dict(stored)
    except (OSError, ValueError, KeyError):
        why = cause or "the process ended without a result; see log.txt in its folder"
        seeds = [{"seed": seed, "status": "crashed", "cause": why} for seed in run.seeds]
        return {"sandbox": "none", "cpu_seconds": 0.0, "seeds": seeds}, {}


def score(
    run: SearchRun, told: Mapping[str, Any], asked: Mapping[str, np.ndarray]
) -> tuple[SearchRecord, Trace]:
    """Record and trace of what was asked and answered; every value is looked up here."""
    task, case = run.prepared.task, run.case
    table = load_table(task, case, run.prepared.data)
    tests = test_columns(task, run.prepared.data)
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
        parts.append(trace_of(table, case, tests, seed["seed"], log, answer))
        queries += len(log)
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
        environment=environment.facts() | {"sandbox": told["sandbox"]},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return record, trace


def _misfit(table: Table, case: Case, log: np.ndarray, answer: np.ndarray) -> str | None:
    """Why a log or an answer cannot be the harness's own, or None."""
    rows, levels = np.divmod(log, len(case.fidelities))
    count = len(table.architectures)
    if not len(answer) or answer.min() < 0 or answer.max() >= count:
        return "no answer inside the space was committed"
    if len(rows) and (rows.min() < 0 or rows.max() >= count):
        return "the log of queries was changed: it names architectures outside the space"
    if table.charges[levels, rows][:-1].sum() >= budget_of(case):
        return f"the log of queries was changed: it spends more than {budget_of(case):g}"
    return None


def test_columns(task: TableTask, folder: Path) -> dict[str, np.ndarray]:
    """Test quality of every architecture by data set; only the parent process reads it."""
    names = dict.fromkeys(case.dataset for case in task.cases)
    return {name: data.load_column(folder, "test", f"input_{name}_test") for name in names}


def trace_of(
    table: Table,
    case: Case,
    tests: Mapping[str, np.ndarray],
    seed: int,
    log: np.ndarray,
    answer: np.ndarray,
) -> Trace:
    """The lines of one seed: each query that changed the best so far (or the front), the answers."""
    rows, levels = np.divmod(log, len(case.fidelities))
    quality = table.quality[levels, rows]
    costs = table.costs[case.device] if case.device else np.full(len(table.architectures), np.nan)
    kept = _front_changes(quality, costs[rows]) if case.device else _best_changes(quality, levels)
    spent = np.cumsum(np.array(case.fidelities)[levels] / case.full_epochs)
    clock = np.cumsum(table.seconds[levels, rows])
    last = np.full(len(answer), len(log) - 1)
    top = len(case.fidelities) - 1
    when = np.concatenate([kept, last])
    which = np.concatenate([rows[kept], answer])
    level = np.concatenate([levels[kept], np.full(len(answer), top)])
    columns: dict[str, Any] = {
        "seed": np.full(len(when), seed),
        "queries": spent[when] if len(log) else np.zeros(len(when)),
        "seconds": clock[when] if len(log) else np.zeros(len(when)),
        "architecture": which,
        "fidelity": np.array(case.fidelities)[level],
        "validation": table.quality[level, which],
        "cost": costs[which],
        "answer": np.arange(len(when)) >= len(kept),
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
    tests = test_columns(task, prepared.data)
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


def publish(run: SearchRun, record: SearchRecord, trace: Trace) -> None:
    """Merge record and trace into the results; a run without a sandbox is not published."""
    results = run.place.results
    if results == PUBLISHED and record.environment.get("sandbox") == "none":
        return
    folder = results / record.task.name
    with locked(results / ".lock"):
        name = f"{record.method.name}.{record.scale}"
        if trace:
            traces.merge_into(folder / f"{name}.parquet", record.key, trace)
        merge_into(folder / f"{name}.jsonl", [record])


def publish_table(prepared: PreparedTable, place: Place) -> None:
    """Write what enumeration says beside the records, once for each table."""
    path = place.results / prepared.task.name / f"table.{prepared.scale}.jsonl"
    with locked(place.results / ".lock"):
        if not path.is_file() or prepared.sha256 not in path.read_text():
            merge_into(path, [table_record(prepared)])
