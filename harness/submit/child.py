"""The sandboxed process that opens a stranger's artifact: it runs the graph and nothing else.

    python -m harness.submit.child JOB.json

It sees the artifact, arrays of inputs and an empty output folder: no targets, no records, no
network, no other process. What it finds goes into `found.json` and `*.npy`; the judging is done
outside. `time` jobs run the paired measuring protocol in the same surroundings.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.errors import SlimbenchError
from harness.run import sandbox, seccomp

ROOT = Path(__file__).resolve().parents[2]
LARGEST_FILE_BYTES = 400 * 10**6
PROC = (Path("/proc/stat"), Path("/proc/cpuinfo"))
MOST_OUTPUTS = 4
SINGLE = 256  # requests given one by one
BLOCK_CALLS, ROUNDS, MOST_ROUNDS = 60, 7, 12
PAUSE_SECONDS = 0.5  # before each round beyond ROUNDS
QUICK_STARTS = 4


@dataclass(frozen=True)
class Job:
    """What the child is told; `inputs[set][name]` is the path of an .npy file."""

    kind: Literal["examine", "time"]
    model: str
    out: str
    threads: int
    seconds: int
    memory_bytes: int
    largest_bytes: int
    owner: int
    hidden: list[str] = field(default_factory=list)
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    anchor: str = ""
    profile: str = ""
    expected: str = ""
    task: str = ""
    task_version: int = 0
    quick: bool = False


def main(path: str) -> None:
    """Enter the sandbox, do the job, write `found.json`; every failure is a cause in it."""
    job = Job(**json.loads(Path(path).read_text()))
    held = _enter(job)
    begin = _clocks()
    try:
        found = _examine(job) if job.kind == "examine" else _time(job)
    except SlimbenchError as error:
        found = {"cause": str(error)}
    except MemoryError:
        found = {"cause": f"needs more memory than the limit {job.memory_bytes / 1e9:.0f} GB"}
    except Exception as error:  # noqa: BLE001  a runtime may raise anything; it ends as a cause
        text = " ".join(str(error).split())[:300]
        found = {"cause": f"the artifact does not run: {type(error).__name__}: {text}"}
    found["sandbox"] = held
    found["clocks"] = {name: end - begin[name] for name, end in _clocks().items()}
    (Path(job.out) / "found.json").write_text(json.dumps(found))


def _enter(job: Job) -> list[str]:
    """Take every protection that this system gives; their names."""
    files = [path for group in job.inputs.values() for path in group.values()]
    given = [job.model, *files, *(path for path in (job.anchor, job.expected) if path)]
    held = sandbox.enter(
        program=[ROOT / "harness", ROOT / "tasks"],
        hidden=map(Path, job.hidden),
        read_only=[*PROC, *map(Path, given)],
        writable=[Path(job.out)],
        owner=job.owner,
    )
    os.chdir(job.out)
    if job.kind == "examine":
        _warm()  # libraries start threads, which a process that enters namespaces must not have
    for limit, value in (
        (resource.RLIMIT_DATA, job.memory_bytes),
        (resource.RLIMIT_FSIZE, LARGEST_FILE_BYTES),
        (resource.RLIMIT_CPU, 2 * job.seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        resource.setrlimit(limit, (value, value))
    refused = seccomp.deny(programs=job.kind == "examine")
    names = ["namespaces"] if held == "namespaces" else []
    return names + (["seccomp"] if refused is None else []) + ["rlimits"]


def _warm() -> None:
    """Load the libraries while files and memory are still unlimited."""
    import onnxruntime  # noqa: F401

    from harness.artifact import check, count  # noqa: F401


def _clocks() -> dict[str, float]:
    """Seconds on four clocks of the kernel; a clock that was tampered with leaves the others."""
    return {
        "perf_counter": time.perf_counter(),
        "monotonic": time.monotonic(),
        "raw": time.clock_gettime(time.CLOCK_MONOTONIC_RAW),
        "boot": time.clock_gettime(time.CLOCK_BOOTTIME),
    }


def _examine(job: Job) -> dict[str, Any]:
    """Check, count and run the artifact; outputs of every set of inputs go to `SET.N.npy`."""
    from harness.artifact.check import check_model
    from harness.artifact.count import count
    from harness.artifact.predict import batch_of, run_in_batches, session

    model = Path(job.model)
    check_model(model, job.largest_bytes)
    counts = count(model).model_dump()
    opened = session(model, job.threads)
    together = batch_of(model)
    if len(opened.get_outputs()) > MOST_OUTPUTS:
        raise SlimbenchError(f"the graph has more than {MOST_OUTPUTS} outputs; export the scores")
    for name, group in job.inputs.items():
        inputs = {key: np.load(path, allow_pickle=False) for key, path in group.items()}
        batch = 1 if name == "single" else together
        for number, output in enumerate(run_in_batches(opened, inputs, batch)):
            np.save(Path(job.out) / f"{name}.{number}.npy", output, allow_pickle=False)
    return {"counts": counts, "streams_ms": _streams(job)}


def _streams(job: Job) -> dict[str, list[float]]:
    """Fastest tenth of calls in ms, one value a round, on four streams of single requests.

    A model may not know whether a request came before: `repeated` gives one request over and
    over, `permuted` the known ones in another order, `fresh` ones that nobody has seen. As long as
    a stream looks faster than the fresh one, more rounds follow: a neighbour's load goes away.
    """
    from harness.measure.runtimes.onnxruntime import load
    from harness.measure.timing import Requests, call_ms
    from harness.submit.audits import faster_than_fresh

    model = load(Path(job.model), 1)
    arrays = {
        name: {key: np.load(path, allow_pickle=False)[:SINGLE] for key, path in group.items()}
        for name, group in job.inputs.items()
        if name in ("single", "fresh")
    }
    random = np.random.default_rng(job.owner)
    order = random.permutation(len(next(iter(arrays["single"].values()))))
    streams = {
        "known": arrays["single"],
        "permuted": {key: value[order] for key, value in arrays["single"].items()},
        "repeated": {key: value[:1] for key, value in arrays["single"].items()},
        "fresh": arrays["fresh"],
    }
    requests = {name: Requests(inputs) for name, inputs in streams.items()}
    for _ in range(20):
        model(requests["fresh"].fresh()[1])
    found: dict[str, list[float]] = {name: [] for name in streams}
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS:
            if not any(faster_than_fresh(found, name) for name in streams):
                break
            time.sleep(PAUSE_SECONDS)
        for name in random.permutation(list(streams)):
            times = [call_ms(model, requests[str(name)])[0] for _ in range(BLOCK_CALLS)]
            found[str(name)].append(float(np.quantile(times, 0.1)))
    return found


def _time(job: Job) -> dict[str, Any]:
    """The measuring protocol on the artifact and the anchor; its record as JSON."""
    from harness.measure import measure
    from harness.measure.profile import load_profile

    os.environ["SLIMBENCH_LOCKS"] = job.out  # the machine's lock is held outside
    os.environ["TMPDIR"] = job.out
    inputs = {k: np.load(path, allow_pickle=False) for k, path in job.inputs["requests"].items()}
    expected = np.load(job.expected, allow_pickle=False)
    found = [
        measure(
            Path(job.model),
            Path(job.anchor),
            load_profile(job.profile),
            inputs,
            [expected],
            task=job.task,
            task_version=job.task_version,
            cap_seconds=job.seconds / 2,
            quick=job.quick,
        )
        for _ in range(QUICK_STARTS if job.quick else 1)
    ]
    pairs = [start for one in found for start in one.pairs]
    worst = next((one for one in found if one.status != "ok"), found[-1])
    return {"measurement": worst.model_copy(update={"pairs": pairs}).model_dump(mode="json")}


def job_as_json(job: Job) -> str:
    """The job as the child reads it."""
    return json.dumps(asdict(job))


if __name__ == "__main__":
    main(*sys.argv[1:2])
