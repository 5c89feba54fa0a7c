"""Bundles of table searches: every figure looked up in the table again, one seed run again.

The trace says which architectures were asked about and answered; what they were worth is our
table's word. Which seed is run again follows from the bundle's hash, so nobody can polish one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness import environment, registry, traces
from harness.errors import RefusedError, UsageError
from harness.record_search import SearchRecord
from harness.record_submission import ClaimBlock
from harness.registry import MethodListing
from harness.run import search_runs
from harness.run.search import budget_of
from harness.run.search_score import (
    MOST_ANSWERS,
    SearchRun,
    case_block,
    task_block,
)
from harness.run.table import Table, hidden_columns, load_table
from harness.submit import audits
from harness.submit.archive import plain_arrays
from harness.submit.verdict import Options, SearchVerdict
from harness.traces import TEST, Trace

MOST_LINES = 500_000
SAME_TASK = ("version", "metric", "space", "architectures", "table_sha256")
ROUNDING = 1e-5  # of sums in float32
COMPARED = ("architecture", "queries", "fidelity", "answer")


def judge(
    record: SearchRecord, file: Path, method: MethodListing, sha256: str, options: Options
) -> SearchVerdict:
    """The verdict on one search: its trace against the table, and one of its seeds run again.

    `file` is the trace's npz, `sha256` the bundle's hash. Raises RefusedError for what is no claim
    but a broken bundle, UsageError when the table is not here.
    """
    run = _run(record, method, options)
    trace = read_trace(file)
    if traces.digest(trace) != record.trace_sha256:
        raise RefusedError(f"{file.name} is not the trace that its record names")
    table = load_table(run.prepared.task, run.case, run.prepared.data)
    tests = hidden_columns(run.prepared.task, run.prepared.data)
    case = case_block(table, run.case, tests)
    words = {"title": case.title, "protocol": case.protocol}
    if record.case.model_copy(update=words) != case:
        raise RefusedError(f"the case '{record.case.name}' was changed in the record")
    if run.key != record.key:
        raise RefusedError(f"the key {record.key[:12]}... is not that of these settings and seeds")
    ours = {"task": task_block(run.prepared), "case": case}
    row = SearchVerdict(record.model_copy(update=ours), trace)
    lines = f"{len(trace['seed'])} lines"
    reason = _misread(record, trace, run, table) or _mislooked(trace, run, table, tests)
    row.claims.append(
        audits.refusal("looked_up", None, None, reason)
        if reason
        else audits.claim("looked_up", lines, lines, "each is as in the table")
    )
    if reason is None:
        row.claims.append(_again(record, trace, run, sha256, options))
    return row


def read_trace(path: Path) -> Trace:
    """A stranger's trace from its npz, bounded in size. Raises RefusedError for anything else."""
    trace = plain_arrays(path, "trace", (MOST_LINES, "lines"), 1000 + 8 * MOST_LINES)
    kinds = dict(traces.COLUMNS) | {name: "float32" for name in trace if name.startswith(TEST)}
    found = {name: (str(values.dtype), values.ndim) for name, values in trace.items()}
    if found != {name: (kind, 1) for name, kind in kinds.items()}:
        raise RefusedError(f"{path.name} has other columns than {', '.join(traces.COLUMNS)}")
    if len({len(values) for values in trace.values()}) > 1:
        raise RefusedError(f"{path.name} has columns of different lengths")
    return trace


def write_trace(path: Path, trace: Trace) -> None:
    """The trace as the npz that a bundle holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **trace)  # type: ignore[arg-type]


def _run(record: SearchRecord, method: MethodListing, options: Options) -> SearchRun:
    """The run that the record claims to be, over our table."""
    try:
        task = registry.find_table_task(record.task.name[:80])
        prepared = search_runs.prepare(task, record.scale, options.place)
        (case,) = search_runs.cases_of(prepared, [record.case.name[:80]])
    except UsageError as error:
        raise RefusedError(str(error)) from None
    ours = task_block(prepared)
    if any(getattr(ours, name) != getattr(record.task, name) for name in SAME_TASK):
        raise RefusedError(
            f"the record is of version {record.task.version} and table "
            f"{record.task.table_sha256[:12]}... of {task.name}, ours are version {ours.version} "
            f"and {ours.table_sha256[:12]}...; run it again"
        )
    return SearchRun(prepared, method, record.setting, case, tuple(record.seeds), options.place)


def _misread(record: SearchRecord, trace: Trace, run: SearchRun, table: Table) -> str | None:
    """Why the trace cannot be that of these seeds and this budget, or None."""
    failed = {one.seed for one in record.failures}
    seeds, architectures = np.unique(trace["seed"]), trace["architecture"]
    count = len(table.architectures)
    counted = Counter(architectures[trace["answer"]].tolist()).most_common(MOST_ANSWERS)
    if set(seeds.tolist()) != set(record.seeds) - failed:
        return f"the trace is of {len(seeds)} seeds, the record of {len(record.seeds)}"
    if set(np.unique(trace["seed"][trace["answer"]]).tolist()) != set(seeds.tolist()):
        return "a seed of the trace committed no answer"
    if len(architectures) and not (0 <= architectures.min() <= architectures.max() < count):
        return "the trace names architectures outside the space"
    if not np.isin(trace["fidelity"], run.case.fidelities).all():
        return f"the trace has other epochs than {list(run.case.fidelities)}"
    if sorted(one.count for one in record.answers) != sorted(count for _, count in counted):
        return "the record's answers are not those of its trace"
    return _overspent(trace, run, table)


def _overspent(trace: Trace, run: SearchRun, table: Table) -> str | None:
    """Why the trace cannot have kept the budget, or None; the last query may pass it."""
    asked = ~trace["answer"]
    spent = trace["queries"] if run.case.budget.queries else trace["seconds"]
    most = budget_of(run.case)
    charge = table.charges[_levels(trace, run), trace["architecture"]]
    if (spent[asked] - charge[asked] > most * (1 + ROUNDING)).any():
        return f"the trace spends more than the {most:g} of the case"
    for seed in np.unique(trace["seed"]):
        if (np.diff(spent[asked & (trace["seed"] == seed)]) < 0).any():
            return f"seed {seed} of the trace spends backwards"
    return None


def _levels(trace: Trace, run: SearchRun) -> np.ndarray:
    levels: np.ndarray = np.searchsorted(run.case.fidelities, trace["fidelity"])
    return levels


def _mislooked(
    trace: Trace, run: SearchRun, table: Table, tests: dict[str, np.ndarray]
) -> str | None:
    """The first column that is not what the table says of the architectures, or None."""
    rows = trace["architecture"]
    ours = {"validation": table.quality[_levels(trace, run), rows]}
    ours |= {f"{TEST}{name}": values[rows] for name, values in tests.items()}
    device = run.case.device
    ours["cost"] = table.costs[device][rows] if device else np.full(len(rows), np.nan)
    if missing := sorted(set(ours) - set(trace)):
        return f"the trace lacks '{missing[0]}'"
    for name, values in ours.items():
        wrong = ~np.isclose(trace[name], values.astype(np.float32), rtol=0, equal_nan=True)
        if wrong.any():
            line = int(np.flatnonzero(wrong)[0])
            return (
                f"'{name}' of architecture {rows[line]} is {values[line]:.6g} in the table, "
                f"{trace[name][line]:.6g} in the trace"
            )
    return None


def _again(
    record: SearchRecord, trace: Trace, run: SearchRun, sha256: str, options: Options
) -> ClaimBlock:
    """One seed of the record run again: it must ask and answer the same."""
    seeds = np.unique(trace["seed"])
    if not len(seeds):
        return audits.refusal("one_seed", None, None, "no seed of the search ended well")
    seed = int(seeds[int(sha256[:8], 16) % len(seeds)])
    place = replace(options.place, runs=options.place.runs / "verify")
    found, fresh, _ = search_runs.execute(replace(run, seeds=(seed,), place=place))
    if found.status != "ok":
        return audits.refusal(
            "one_seed", f"seed {seed}", found.status, str(found.failures[0].cause)
        )
    theirs = {name: trace[name][trace["seed"] == seed] for name in COMPARED}
    if all(np.array_equal(theirs[name], fresh[name]) for name in COMPARED):
        return audits.claim(
            "one_seed", f"seed {seed}", f"seed {seed}", "the same queries and answer"
        )
    here = environment.facts()
    if record.environment.get("cpu_flags") != here["cpu_flags"]:
        return ClaimBlock(
            name="one_seed",
            claimed=f"seed {seed}",
            recomputed="other queries",
            verdict="unchecked",
            why="it was run on another class of processor, where sums round differently",
        )
    why = f"seed {seed} run again asks about other architectures or answers another"
    return audits.refusal("one_seed", f"seed {seed}", "other queries", why)
