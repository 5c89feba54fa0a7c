"""One row of the board: the runs of one method at one setting, summed up over their seeds."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from statistics import fmean, pvariance
from typing import Any, TypeVar

from harness.record import Counts, RunRecord
from harness.record_search import SearchRecord
from leaderboard.stale import is_stale

Row = dict[str, Any]
Record = TypeVar("Record", RunRecord, SearchRecord)
TRUST = ("withdrawn", "flagged", "self_reported", "verified", "reproduced")
RANKED_SEEDS = 3


def group_key(run: RunRecord) -> tuple[str, ...]:
    """What runs must share to be averaged: all but the seed."""
    reference = run.task.reference.sha256 if run.task.reference else ""
    setting = json.dumps(run.setting, sort_keys=True)
    return (run.method.name, str(run.method.version), setting, run.scale, reference)


def last_runs(records: Iterable[Record], key: Callable[[Record], Hashable]) -> list[Record]:
    """Of records of equal `key` the one that was run last; one that ended well goes before others.

    What was run again, such as in another precision, counts once.
    """
    last: dict[Hashable, Record] = {}
    for one in sorted(records, key=lambda one: (one.status == "ok", one.created)):
        last[key(one)] = one
    return list(last.values())


def build_row(runs: Sequence[RunRecord], runs_tried: int) -> Row:
    """The columns that follow from the runs of one group alone; quality is a mean over seeds."""
    runs = sorted(runs, key=lambda run: run.seed)
    done = [run for run in runs if run.status == "ok" and run.quality_test is not None]
    verification = min((run.verification for run in runs), key=TRUST.index)
    return (
        _identity(runs[0])
        | _standing(runs, done)
        | {
            "verification": verification,
            "usable": bool(done) and TRUST.index(verification) >= TRUST.index("self_reported"),
            "runs_tried": runs_tried,
            "stale": any(is_stale(run.method) for run in runs),
        }
        | _quality(done)
        | _counts([run.counts for run in done if run.counts])
        | _cost(runs)
        | {"reproduce": reproduce_command(runs)}
    )


def reproduce_command(runs: Sequence[RunRecord]) -> str:
    """The command line that repeats a row, quoted for a POSIX shell."""
    run = runs[0]
    setting = json.dumps(run.setting, sort_keys=True)
    seeds = ",".join(str(one.seed) for one in runs)
    words = ["slimbench", "run", run.task.name, run.method.name, "--settings", setting]
    words += ["--seeds", seeds]
    if run.scale != "standard":
        words += ["--scale", run.scale]
    return shlex.join(words)


def goodness(row: Row) -> float:
    """Quality with its sign turned so that more is better."""
    return float(row["quality"] if row["higher_is_better"] else -row["quality"])


def goodness_low(row: Row) -> float:
    """The pessimistic end of the interval of `goodness`, or its value where none is known."""
    end = row["quality_low"] if row["higher_is_better"] else row["quality_high"]
    if end is None:
        return goodness(row)
    return float(end if row["higher_is_better"] else -end)


def retention(quality: float, reference: float, higher_is_better: bool) -> float:
    """Quality as a share of the reference's; above 1 is better than the reference."""
    above, below = (quality, reference) if higher_is_better else (reference, quality)
    return above / below if below else float("nan")


def _identity(run: RunRecord) -> Row:
    key = "\0".join((run.task.name, str(run.task.version), *group_key(run)))
    return {
        "row_id": hashlib.sha256(key.encode()).hexdigest()[:10],
        "task": run.task.name,
        "task_version": run.task.version,
        "scale": run.scale,
        "method": run.method.name,
        "method_version": run.method.version,
        "family": run.method.family,
        "source": run.method.source,
        "small_baseline": run.method.small_baseline,
        "is_reference": run.method.name == "reference",
        "setting": run.setting,
        "metric": run.task.metric.name,
        "unit": run.task.metric.unit,
        "higher_is_better": run.task.metric.higher_is_better,
    }


def _standing(runs: Sequence[RunRecord], done: Sequence[RunRecord]) -> Row:
    failed = [run for run in runs if run not in done]
    causes = [f"seed {run.seed}: {run.cause or run.status}" for run in failed]
    kinds = Counter(run.status for run in failed)
    status = "ok" if not failed else "partly_failed" if done else kinds.most_common(1)[0][0]
    return {
        "seeds": [run.seed for run in done],
        "seeds_failed": [run.seed for run in failed],
        "status": status,
        "cause": "; ".join(causes) or None,
        "created": max(run.created for run in runs),
        "keys": [run.key for run in done],
        "artifacts": [run.artifact_sha256 for run in done if run.artifact_sha256],
        "found": done[0].found.model_dump() if done and done[0].found else None,
    }


def _quality(done: Sequence[RunRecord]) -> Row:
    shares = [_retentions(run) for run in done]
    return {
        "quality": _mean([run.quality_test for run in done]),
        "quality_low": None,
        "quality_high": None,
        "quality_seeds": [run.quality_test for run in done],
        "quality_validation": _mean([run.quality_validation for run in done]),
        "retention": _mean([test for test, _ in shares]),
        "retention_low": None,
        "retention_high": None,
        "retention_validation": _mean([validation for _, validation in shares]),
        "slices": _means([run.slices_test for run in done]),
        "figures": _means([run.figures_test for run in done]),
        "figures_error": _errors(done),
    }


def _retentions(run: RunRecord) -> tuple[float | None, float | None]:
    """Retention on test and on validation, against the run's own reference."""
    reference, higher = run.task.reference, run.task.metric.higher_is_better
    if reference is None or run.quality_test is None:
        return None, None
    test = retention(run.quality_test, reference.quality_test, higher)
    if run.quality_validation is None:
        return test, None
    return test, retention(run.quality_validation, reference.quality_validation, higher)


def _means(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each named figure over the runs that have it."""
    names = sorted({name for one in found for name in one})
    return {name: fmean(one[name] for one in found if name in one) for name in names}


def _errors(done: Sequence[RunRecord]) -> dict[str, float]:
    """Standard error of each mean figure: of test examples, which seeds share, and of seeds."""
    examples = _means([{k: v**2 for k, v in run.figures_error_test.items()} for run in done])
    found = {}
    for name, variance in examples.items():
        seeds = [run.figures_test[name] for run in done if name in run.figures_test]
        between = pvariance(seeds) / (len(seeds) - 1) if len(seeds) > 1 else 0.0
        found[name] = math.sqrt(variance + between)
    return found


def _counts(counts: Sequence[Counts]) -> Row:
    def mean(read: Callable[[Counts], int]) -> int | None:
        return round(fmean(read(one) for one in counts)) if counts else None

    macs = mean(lambda one: one.macs)
    return {
        "macs": macs,
        "flops": None if macs is None else 2 * macs,
        "params": mean(lambda one: one.params),
        "params_nonzero": mean(lambda one: one.params_nonzero),
        "size_bytes": mean(lambda one: one.size_bytes),
        "size_zstd_bytes": mean(lambda one: one.size_zstd_bytes),
        "peak_memory_bytes": mean(lambda one: one.peak_memory_bytes),
        "macs_int8": _mean([one.macs_int8 for one in counts]),
    }


def _cost(runs: Sequence[RunRecord]) -> Row:
    """Mean cost of one run, failed runs included."""
    return {
        "cost_train_macs": fmean(run.cost.train_macs for run in runs),
        "cost_queries": fmean(run.cost.queries for run in runs),
        "cost_solve_seconds": fmean(run.cost.solve_seconds for run in runs),
        "cost_cpu_seconds": fmean(run.cost.cpu_seconds for run in runs),
        "cost_peak_rss_bytes": max(run.cost.peak_rss_bytes for run in runs),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
