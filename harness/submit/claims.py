"""What must hold of a bundle's records before any artifact is opened; nothing here needs ONNX.

Every function raises RefusedError in one sentence that states the value and what was expected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from harness import registry
from harness.errors import RefusedError, UsageError
from harness.measure.machine import Machine
from harness.measure.profile import anchors, list_profiles, load_profile, mismatch
from harness.paired import settled
from harness.record import MeasurementRecord, RunRecord, TaskBlock, sha256_of
from harness.record_search import SearchRecord
from harness.submit.bundle import MOST_ROWS, Bundle
from harness.types import Task

NAME = re.compile(r"[a-z][a-z0-9_]{1,60}", re.ASCII)
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
LONGEST_SETTING = 2000  # characters of JSON
CLOCK_SKEW = timedelta(hours=1)
OLDEST = datetime(2025, 1, 1, tzinfo=UTC)
REFERENCE_SPREAD = 0.003  # share of examples that may differ on another kind of processor
MOST_STARTS, MOST_BLOCKS = 200, 50


def check_records(bundle: Bundle) -> None:
    """One method; names, dates, keys, numbers and hashes are of the right kind and agree."""
    runs = bundle.rows
    if not runs:
        raise RefusedError("records.jsonl holds no run; pack one with `slimbench submit`")
    if len(runs) > MOST_ROWS:
        raise RefusedError(f"{len(runs)} runs are above the limit {MOST_ROWS}; submit in parts")
    names = {(run.method.name, run.method.version) for run in runs}
    if len(names) > 1:
        raise RefusedError(f"one bundle holds one method, this one {sorted(names)[:3]}")
    if bundle.runs and bundle.searches:
        raise RefusedError("a bundle holds runs or searches of a table; submit them apart")
    for run in runs:
        _check_row(run)
    for one_run in bundle.runs:
        _check_run(one_run)
    if len({run.key[:16] for run in runs}) < len(runs):
        raise RefusedError("two runs of the bundle have the same key; submit each run once")
    if bundle.card.tries < len(runs):
        raise RefusedError(
            f"the card says {bundle.card.tries} tries, the bundle alone holds {len(runs)} runs"
        )
    _check_date("bundle.json", bundle.manifest.created)
    known = {run.artifact_sha256 for run in bundle.runs}
    for one in bundle.measurements:
        if one.artifact_sha256 not in known:
            raise RefusedError("a measurement is of an artifact that no run of the bundle made")
        _check_date("a measurement", one.created)
    _check_method(bundle)


def _where(run: RunRecord | SearchRecord) -> str:
    seed = f"seed {run.seed}" if isinstance(run, RunRecord) else f"case {run.case.name[:60]!a}"
    return f"run of {seed}"


def _check_row(run: RunRecord | SearchRecord) -> None:
    where = _where(run)
    made = run.artifact_sha256 if isinstance(run, RunRecord) else run.trace_sha256
    made_name = "artifact_sha256" if isinstance(run, RunRecord) else "trace_sha256"
    if not NAME.fullmatch(run.method.name):
        raise RefusedError(
            f"method name {run.method.name[:60]!a} is no name: use 2 to 61 of a-z, 0-9 and _"
        )
    if not NAME.fullmatch(run.method.family):
        raise RefusedError(f"method family {run.method.family[:60]!a} is no name")
    for name, value in (("key", run.key), (made_name, made)):
        if not HASH.fullmatch(value or ""):
            raise RefusedError(f"{where}: {name} {str(value)[:70]!a} is no sha256")
    if run.status != "ok":
        raise RefusedError(f"{where} has the status '{run.status}'; submit finished runs")
    if run.verification != "self_reported":
        raise RefusedError(f"{where} calls itself '{run.verification}'; that is given on this side")
    if len(json.dumps(run.setting)) > LONGEST_SETTING:
        raise RefusedError(f"{where}: the setting has more than {LONGEST_SETTING} characters")
    if len(run.method.source) > 300:
        raise RefusedError(f"{where}: the source has more than 300 characters")
    if bad := _not_finite(run.model_dump()):
        raise RefusedError(f"{where}: '{bad}' is NaN or infinite")
    _check_date(where, run.created)
    seeds = [run.seed] if isinstance(run, RunRecord) else run.seeds
    if not seeds or len(set(seeds)) < len(seeds):
        raise RefusedError(f"{where}: seeds are missing or given twice")
    if not all(0 <= seed < 2**32 for seed in seeds):
        raise RefusedError(f"{where}: a seed is a whole number from 0 to 2^32 - 1")


def _check_run(run: RunRecord) -> None:
    where = _where(run)
    if run.counts is None or run.quality_test is None or run.quality_validation is None:
        raise RefusedError(f"{where} lacks its quality or its counts; run it again")


def _not_finite(value: Any, path: str = "") -> str | None:
    """The path of the first number that is not finite, or None."""
    if isinstance(value, float) and not math.isfinite(value):
        return path
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    found = (_not_finite(inner, f"{path}.{key}".strip(".")) for key, inner in items)
    return next((one for one in found if one is not None), None)


def _check_date(where: str, text: str) -> None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{where}: '{text[:40]}' is no ISO date") from None
    if date.tzinfo is None:
        raise RefusedError(f"{where}: the date {text} names no time zone")
    if date > datetime.now(UTC) + CLOCK_SKEW:
        raise RefusedError(f"{where}: the date {text} lies in the future")
    if date < OLDEST:
        raise RefusedError(f"{where}: the date {text} is before slimbench was")


def _check_method(bundle: Bundle) -> None:
    method = bundle.rows[0].method
    if len({run.method.source_sha256 for run in bundle.rows}) > 1:
        raise RefusedError("the runs were made by different versions of the method's file")
    known = registry.methods().get(method.name)
    if known is not None:
        if (method.source_sha256, method.version) != (known.source_sha256, known.version):
            raise RefusedError(
                f"the name '{method.name}' is taken by a method whose source or version differs; "
                "choose another name, or submit runs of the current file"
            )
        ours = (known.family, known.small_baseline, known.source)
        if (method.family, method.small_baseline, method.source) != ours:
            raise RefusedError(f"family, role or source of '{method.name}' were changed")
        return
    if method.small_baseline:
        raise RefusedError(f"'{method.name}' calls itself a small baseline; only ours are")
    found = sha256_of(bundle.method) if bundle.method else None
    if found is not None and found != method.source_sha256:
        raise RefusedError("method.py is not the file that made the runs: its sha256 differs")
    if found is None and method.family != "model":
        raise RefusedError("method.py is missing; only a compressed model alone may go without")


def find_task(run: RunRecord) -> Task:
    """The task of a run. Raises RefusedError when it is unknown here."""
    try:
        return registry.find_task(run.task.name[:80])
    except UsageError as error:
        raise RefusedError(str(error)) from None


def check_task(run: RunRecord, ours: TaskBlock) -> None:
    """The run's task block is today's: version, metric, limits, examples and reference."""
    theirs = run.task
    if theirs.version != ours.version:
        raise RefusedError(
            f"{ours.name}: the run is of task version {theirs.version}, current is {ours.version}; "
            "run it again"
        )
    for name in ("title", "modality", "metric", "limits", "test_examples"):
        if getattr(theirs, name) != getattr(ours, name):
            raise RefusedError(f"{ours.name}: '{name}' was changed in the record")
    mine, other = ours.reference, theirs.reference
    if mine is None or other is None or mine.sha256 != other.sha256:
        raise RefusedError(f"{ours.name}: the run was compared with another reference")
    if (mine.macs, mine.params) != (other.macs, other.params) or any(
        abs(getattr(mine, name) - getattr(other, name)) > REFERENCE_SPREAD
        for name in ("quality_test", "quality_validation")
    ):
        raise RefusedError(f"{ours.name}: the reference's figures were changed in the record")


def check_measurement(one: MeasurementRecord, run: RunRecord, anchor_sha256: str) -> None:
    """A claimed timing is of this task, an unchanged profile, its machine and its anchor."""
    if (one.task, one.task_version) != (run.task.name, run.task.version):
        raise RefusedError(f"the timing is of task '{one.task[:60]}', the run of {run.task.name}")
    if one.profile.name not in list_profiles():
        raise RefusedError(f"no profile is named {one.profile.name[:60]!a} here")
    profile = load_profile(one.profile.name)
    if one.profile.sha256 != profile.sha256:
        raise RefusedError(f"profile {profile.name} was changed since; measure again")
    if one.status != "ok":
        raise RefusedError(f"the timing has the status '{one.status}'; leave it out")
    facts = dict.fromkeys(("vendor", "family", "model", "flags", "cores", "name", "system"), "")
    facts |= {k: v for k, v in one.environment.items() if k in facts}
    try:
        flags = frozenset(map(str, facts.pop("flags")))
        there = Machine(**facts, flags=flags)  # type: ignore[arg-type]
        if reason := mismatch(profile, there, one.profile.runtime_version):
            raise RefusedError(f"measured off profile: {reason}")
    except TypeError:
        raise RefusedError("the timing does not say on which machine it was made") from None
    if one.anchor_sha256 != anchor_sha256:
        raise RefusedError("the timing is against another anchor than the task's reference")
    frozen = anchors(profile).get(anchor_sha256)
    if frozen is not None and one.anchor_nominal_ms != frozen.nominal_ms:
        raise RefusedError(
            f"the anchor's nominal latency {one.anchor_nominal_ms} ms is not the frozen "
            f"{frozen.nominal_ms} ms"
        )
    _check_pairs(one)


def _check_pairs(one: MeasurementRecord) -> None:
    if not 1 <= len(one.pairs) <= MOST_STARTS or any(len(s) > MOST_BLOCKS for s in one.pairs):
        raise RefusedError(f"the timing holds {len(one.pairs)} process starts, not 1 to 200")
    if not all(0 < t < 1e7 for start in one.pairs for pair in start for t in pair):
        raise RefusedError("a block of the timing is not a positive finite time in ms")
    if not all(one.pairs):
        raise RefusedError("a process start of the timing holds no block")
    if one.settled and not settled(one.pairs):
        raise RefusedError("the timing calls itself settled, its blocks say that it is not")


def check_duplicate(run: RunRecord, published: Sequence[RunRecord], predictions_match: Any) -> None:
    """No published row of another method is the same model, and no key is another run's.

    `predictions_match(row)` says whether a published row gives the same label on every example.
    """
    for row in published:
        if row.key == run.key and row.artifact_sha256 != run.artifact_sha256:
            raise RefusedError(f"the key {run.key[:12]}... belongs to another published run")
        if row.method.name == run.method.name:
            continue
        same = row.artifact_sha256 == run.artifact_sha256
        alike = (
            row.counts is not None
            and run.counts is not None
            and ((row.counts.macs, row.counts.params) == (run.counts.macs, run.counts.params))
        )
        if same or (alike and predictions_match(row)):
            raise RefusedError(
                f"the artifact is that of the published row '{row.method.name}' "
                f"(seed {row.seed}); submit your own"
            )
