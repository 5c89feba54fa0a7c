"""The fresh process that times: sees two artifacts, the inputs and a job, answers one JSON file.

python -m harness.measure.worker JOB.json RESULT.json
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.measure import timing
from harness.measure.runtimes import Load, Model, NotRunnableError, find_runtime

REQUESTS = 200
PASSES = 5
THROUGHPUT_PAIRS = 5


@dataclass(frozen=True)
class Job:
    """What one process does; `mode` is `paired` for A-B blocks, `requests` for p99 and batches."""

    entry: str
    anchor: str
    inputs: str
    expected: str | None
    profile: str
    runtime: str
    threads: int
    precision: str
    memory_bytes: int
    tolerance: float
    cpus: list[int]
    mode: str = "paired"
    throughput_batch: int = 0
    mask: str | None = None
    plan: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """What one process found; `status` and `cause` say why there is nothing."""

    status: str = "ok"
    cause: str | None = None
    version: str = ""
    pairs: list[tuple[float, float]] = field(default_factory=list)
    cold_start_ms: float | None = None
    request_ms: list[float] = field(default_factory=list)
    throughput_pairs: list[tuple[float, float]] = field(default_factory=list)
    checked: int = 0
    mismatched: int = 0
    peak_rss_bytes: int = 0


def main(job_path: str, result_path: str) -> None:
    """Do the job; whatever happens to the models ends as a status and a cause."""
    job = Job(**json.loads(Path(job_path).read_text()))
    result = Result()
    try:
        _limit(job)
        _measure(job, result)
    except NotRunnableError as error:
        result.status, result.cause = "not_runnable", f"not runnable on {job.profile}: {error}"
    except timing.TimingError as error:
        result.status, result.cause = "failed", str(error)
    except MemoryError:
        result.status, result.cause = "failed", _too_big(job)
    except Exception as error:  # noqa: BLE001  a runtime may raise anything; it ends as a cause
        text = " ".join(str(error).split())
        memory = any(word in text for word in ("bad_alloc", "allocate memory", "out of memory"))
        cause = _too_big(job) if memory else f"{type(error).__name__}: {text[:300]}"
        result.status, result.cause = "failed", cause
    result.peak_rss_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if result.status == "ok" and result.peak_rss_bytes > job.memory_bytes:
        result.status, result.cause = "failed", _too_big(job)
    Path(result_path).write_text(json.dumps(asdict(result)))


def _limit(job: Job) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    if job.cpus:
        os.sched_setaffinity(0, job.cpus)
    if job.runtime != "torch_cuda":  # CUDA reserves far more address space than it uses
        resource.setrlimit(resource.RLIMIT_DATA, (job.memory_bytes, job.memory_bytes))
    gc.disable()


def _too_big(job: Job) -> str:
    return (
        f"needs more memory than {job.profile} allows ({job.memory_bytes / 1e9:.1f} GB); make the "
        "model smaller"
    )


def _measure(job: Job, result: Result) -> None:
    runtime = find_runtime(job.runtime)
    result.version = runtime.version()
    importlib.import_module(runtime.LIBRARY)  # no part of the cold start
    requests = _requests(job)
    plan = timing.Plan(**job.plan)
    anchor, entry = _load_both(job, runtime.load, requests, plan, result)
    if not timing.deterministic(entry, requests):
        raise timing.TimingError(
            "the model is not deterministic: one request led to two different outputs; remove "
            "random operators and dropout"
        )
    try:
        if job.mode == "paired":
            _paired((anchor, entry), requests, plan, result)
        else:
            _per_request(job, (anchor, entry), requests, plan, result)
    finally:
        result.checked, result.mismatched = requests.checked, requests.mismatched


def _requests(job: Job) -> timing.Requests:
    with np.load(job.inputs, allow_pickle=False) as file:
        inputs = {name: file[name] for name in file.files}
    expected = None
    if job.expected:
        with np.load(job.expected, allow_pickle=False) as file:
            expected = [file[name] for name in sorted(file.files)]
    return timing.Requests(inputs, expected, job.tolerance, job.mask)


def _load_both(
    job: Job, load: Load, requests: timing.Requests, plan: timing.Plan, result: Result
) -> tuple[Model, Model]:
    """Load both models in an order drawn by lot, as the first one may get the better memory."""
    names = ["anchor", "entry"]
    if np.random.default_rng(plan.seed).random() < 0.5:
        names.reverse()
    models: dict[str, Model] = {}
    for name in names:
        try:
            begin = time.perf_counter_ns()
            models[name] = load(Path(getattr(job, name)), job.threads, job.precision)
            asked = requests if name == "entry" else timing.Requests(requests.inputs)
            models[name](asked.fresh()[1])
            if name == "entry":
                result.cold_start_ms = (time.perf_counter_ns() - begin) / 1e6
        except NotRunnableError as error:
            raise NotRunnableError(
                f"{error} (the anchor)" if name == "anchor" else str(error)
            ) from None
    return models["anchor"], models["entry"]


def _paired(
    models: tuple[Model, Model], requests: timing.Requests, plan: timing.Plan, result: Result
) -> None:
    anchor, entry = models
    unchecked = timing.Requests(requests.inputs)
    timers = (timing.Timer(anchor, unchecked, plan), timing.Timer(entry, requests, plan))
    for timer in timers:
        timer.calibrate()
        timer.warm()
    result.pairs = timing.alternate(*timers, plan)


def _per_request(
    job: Job,
    models: tuple[Model, Model],
    requests: timing.Requests,
    plan: timing.Plan,
    result: Result,
) -> None:
    anchor, entry = models
    share = plan.seconds / 2
    result.request_ms = timing.fastest_per_request(entry, requests, REQUESTS, PASSES, share)
    if not job.throughput_batch:
        return
    unchecked = timing.Requests(requests.inputs)
    one = timing.Timer(anchor, unchecked, plan)
    many = timing.Requests(requests.inputs, mask=job.mask)
    batched = timing.Timer(entry, many, plan, batch=job.throughput_batch)
    try:
        batched.calibrate()
    except Exception:  # noqa: BLE001  a graph with a fixed batch of 1 has no throughput
        return
    one.calibrate()
    batched.warm()
    pairs = timing.Plan(**{**asdict(plan), "seconds": share, "pairs": THROUGHPUT_PAIRS})
    result.throughput_pairs = timing.alternate(one, batched, pairs)


if __name__ == "__main__":
    main(*sys.argv[1:3])
