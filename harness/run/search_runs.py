"""Runs of search methods on a table task: one run is a method, a setting, a case and its seeds.

A child process solves; the parent looks up what was asked and answered, test quality too, and
writes one record and one trace. Killed anywhere, finished runs are reused.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness import data, registry, traces
from harness.errors import UsageError
from harness.record import merge_into, parse_line, to_line, write_atomically
from harness.record_search import SearchRecord
from harness.registry import MethodListing
from harness.run import process
from harness.run.job import SearchJob, start_search
from harness.run.locked import locked
from harness.run.matrix import PUBLISHED, choose_settings
from harness.run.place import Place
from harness.run.search import small
from harness.run.search_score import PreparedTable, SearchRun, score, table_record
from harness.traces import Trace
from harness.types import Case, Scale, TableTask

START_SECONDS = 60.0  # until the child has started and read the table; its seeds have own limits


def prepare(task: TableTask, scale: Scale, place: Place) -> PreparedTable:
    """The table in place: generated at smoke scale, else from the data cache, checksums tested."""
    if scale == "smoke":
        folder = place.runs / "smoke_data" / task.dataset.name
        with locked(place.runs / "smoke_data" / f"{task.dataset.name}.lock"):
            if not data.is_prepared(folder):
                data.store(task.dataset.generate(0), folder)
    else:
        folder = place.data / task.dataset.name
    data.verify(folder)
    return PreparedTable(task, scale, folder, data.data_sha256(folder))


def cases_of(prepared: PreparedTable, names: Sequence[str]) -> list[Case]:
    """The named cases, all without names; at smoke scale with small budgets.

    Raises UsageError for an unknown name.
    """
    known = {case.name: case for case in prepared.task.cases}
    for name in names:
        if name not in known:
            raise UsageError(
                f"no case is named '{name}'; {prepared.task.name} has {', '.join(known)}"
            )
    chosen = [known[name] for name in names or known]
    return [small(case) for case in chosen] if prepared.scale == "smoke" else chosen


def fits(method: MethodListing, task: TableTask, case: Case) -> bool:
    """Whether a method takes a case; one that names kinds of data needs networks to train."""
    kinds = method.modalities
    if set(kinds) - registry.CASE_KINDS:
        return False
    scored = task.proxies is not None or not method.uses_proxies
    return method.solves in task.poses and scored and (not kinds or case.kind in kinds)


def plan(
    prepared: PreparedTable,
    methods: Iterable[MethodListing],
    cases: Sequence[Case],
    place: Place,
    seeds: Sequence[int] = (),
    settings: str | None = None,
) -> list[SearchRun]:
    """All runs, case by case; no `seeds` means as many as the case asks for (2 at smoke scale).

    Raises UsageError for a method that takes none of the cases.
    """
    runs = []
    for method in methods:
        taken = [case for case in cases if fits(method, prepared.task, case)]
        if not taken:
            raise UsageError(
                f"method '{method.name}' solves {method.solves} problems "
                f"({'/'.join(method.modalities) or 'any'}"
                f"{', with zero-cost scores' if method.uses_proxies else ''}); no chosen case of "
                f"'{prepared.task.name}' is one"
            )
        for case in taken:
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
        case=run.case,
        method_file=str(run.method.path.resolve()),
        setting=dict(run.setting),
        seeds=run.seeds,
        data=str(run.prepared.data),
        out=str(out),
        hidden=(str(run.place.results), str(run.place.runs), str(run.place.data)),
        processes=run.place.threads,
    )
    seconds = START_SECONDS + run.case.budget.wall_seconds * len(run.seeds)
    whole = replace(run.case.budget, wall_seconds=seconds)
    ended = process.run_child(start_search, job, whole, out / "log.txt", torch=False)
    told, asked = _read(out, run, ended.cause)
    begin_score = time.monotonic()
    record, trace = score(run, told, asked)
    if (out / "log.txt").is_file():
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
