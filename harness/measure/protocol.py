"""The measuring protocol: several short fresh processes until the paired speed-up settles."""

from __future__ import annotations

import datetime
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.artifact.graph import takes_ways
from harness.errors import UsageError
from harness.measure.load import Label, foreign_cores, idlest_cpus, label, read_load
from harness.measure.lock import measuring
from harness.measure.machine import machine
from harness.measure.profile import Profile, anchors, mismatch
from harness.measure.runtimes import NotRunnableError, find_runtime
from harness.measure.timing import MATCHING_SHARE, Plan
from harness.measure.worker import Job, Result
from harness.paired import anchor_ms, settled
from harness.record import MeasurementRecord, sha256_of

QUICK_SECONDS = 1.0
REQUEST_SHARE = 0.2
REQUESTS_KEPT = 1000
PACKAGE_ROOT = Path(__file__).parents[2]
Status = Literal["ok", "not_runnable", "off_profile", "failed"]


@dataclass
class Findings:
    """What the processes of one session found so far."""

    status: Status = "ok"
    cause: str | None = None
    version: str = ""
    results: list[Result] = field(default_factory=list)
    requests: Result | None = None
    foreign: float = 0.0

    @property
    def pairs(self) -> list[list[tuple[float, float]]]:
        """Raw blocks by process start."""
        return [[(a, b) for a, b in result.pairs] for result in self.results]


@dataclass
class Session:
    """One entry against one anchor on one profile; `record` does the work."""

    entry: Path
    anchor: Path
    profile: Profile
    inputs: dict[str, np.ndarray]
    expected: list[np.ndarray] | None
    cap_seconds: float
    quick: bool
    throughput_batch: int
    mask: str | None = None

    def record(self, task: str, task_version: int) -> MeasurementRecord:
        """Measure and return the row; every failure is a status with a cause."""
        self._check_arguments()
        found = Findings()
        self._run(found)
        frozen = anchors(self.profile).get(sha256_of(self.anchor))
        first = found.requests
        return MeasurementRecord(
            task=task,
            task_version=task_version,
            artifact_sha256=sha256_of(self.entry),
            anchor_sha256=sha256_of(self.anchor),
            anchor_nominal_ms=frozen.nominal_ms if frozen else _anchor_ms(found),
            profile=self.profile.block(found.version or None),
            status=found.status,
            cause=found.cause,
            pairs=found.pairs,
            request_ms=first.request_ms if first else [],
            throughput_batch=self.throughput_batch if first and first.throughput_pairs else None,
            throughput_pairs=first.throughput_pairs if first else [],
            trimmed_length=float(self.inputs[self.mask].sum(1).mean()) if self.mask else None,
            by_request=found.status == "ok" and takes_ways(self.entry),
            cold_start_ms=[
                result.cold_start_ms for result in found.results if result.cold_start_ms is not None
            ],
            settled=bool(found.pairs) and not self.quick and settled(found.pairs),
            outputs_match=_match(found),
            foreign_load=found.foreign,
            load_label=_label(found),
            environment=self._environment(found, frozen is not None),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def _check_arguments(self) -> None:
        for path in (self.entry, self.anchor):
            if not path.is_file():
                raise UsageError(f"{path} is not a file; give the path of an ONNX model")
        if self.profile.kind not in ("measured", "remote"):
            raise UsageError(
                f"profile {self.profile.name} is {self.profile.kind}; nothing can be timed on it"
            )
        lengths = {name: len(array) for name, array in self.inputs.items()}
        if len(set(lengths.values())) != 1 or min(lengths.values()) == 0:
            raise UsageError(f"inputs must hold the same number of requests, at least 1: {lengths}")
        count = next(iter(lengths.values()))
        for position, array in enumerate(self.expected or []):
            if len(array) != count:
                raise UsageError(
                    f"expected output {position} has {len(array)} rows for {count} requests"
                )

    def _run(self, found: Findings) -> None:
        try:
            found.version = find_runtime(self.profile.runtime).version()
        except NotRunnableError as error:
            found.status, found.cause = (
                "not_runnable",
                f"not runnable on {self.profile.name}: {error}",
            )
            return
        off_profile = mismatch(self.profile, machine(), found.version)
        with measuring(), tempfile.TemporaryDirectory(prefix="slimbench-measure-") as name:
            folder = Path(name)
            self._lay_out(folder)
            before = read_load()
            self._paired(folder, found)
            if found.status == "ok" and not self.quick:
                self._per_request(folder, found)
            found.foreign = foreign_cores(before, read_load())
        if found.status == "ok" and _match(found) is False:
            found.status, found.cause = "failed", _mismatch_cause(found)
        if found.status == "ok" and off_profile:
            found.status, found.cause = "off_profile", off_profile

    def _lay_out(self, folder: Path) -> None:
        """Copy what the processes may see into their folder."""
        shutil.copyfile(self.entry, folder / "entry.onnx")
        shutil.copyfile(self.anchor, folder / "anchor.onnx")
        kept = {name: array[:REQUESTS_KEPT] for name, array in self.inputs.items()}
        np.savez(folder / "inputs.npz", **kept)  # type: ignore[arg-type]
        if self.expected is not None:
            rows = {f"output_{i:03}": each[:REQUESTS_KEPT] for i, each in enumerate(self.expected)}
            np.savez(folder / "expected.npz", **rows)  # type: ignore[arg-type]

    def _paired(self, folder: Path, found: Findings) -> None:
        cap = QUICK_SECONDS if self.quick else self.cap_seconds
        end = time.monotonic() + cap * (1.0 if self.quick else 1 - REQUEST_SHARE)
        for plan in self._plans(cap):
            begin = time.monotonic()
            result = self._start(folder, "paired", plan, max(end - begin, 1.0))
            found.version = result.version or found.version
            if result.status != "ok":
                _note_failure(found, result)
                return
            found.results.append(result)
            now = time.monotonic()
            if self.quick or settled(found.pairs) or now + (now - begin) > end:
                return

    def _plans(self, cap: float) -> Iterator[Plan]:
        while True:
            seed = secrets.randbits(32)
            if self.quick:
                yield Plan(20.0, pairs=3, seconds=0.3, dropped=1, warm_blocks=1, seed=seed)
            else:
                yield Plan(seconds=cap / 8, seed=seed)

    def _per_request(self, folder: Path, found: Findings) -> None:
        seconds = self.cap_seconds * REQUEST_SHARE
        plan = Plan(seconds=seconds * 0.8, seed=secrets.randbits(32))
        result = self._start(folder, "requests", plan, 2 * seconds)
        if result.status == "ok":
            found.requests = result
        else:
            _note_failure(found, result)

    def _start(self, folder: Path, mode: str, plan: Plan, timeout: float) -> Result:
        """Run one fresh process to its end, or to `timeout` seconds after its start-up."""
        job = Job(
            entry="entry.onnx",
            anchor="anchor.onnx",
            inputs="inputs.npz",
            expected=None if self.expected is None else "expected.npz",
            profile=self.profile.name,
            runtime=self.profile.runtime,
            threads=self.profile.threads,
            precision=self.profile.precision,
            memory_bytes=self.profile.memory_bytes,
            tolerance=self.profile.tolerance,
            cpus=idlest_cpus(self.profile.threads) if self.profile.pinned else [],
            mode=mode,
            throughput_batch=self.throughput_batch,
            mask=self.mask,
            plan=asdict(plan),
        )
        (folder / "job.json").write_text(json.dumps(asdict(job)))
        answer = folder / "result.json"
        answer.unlink(missing_ok=True)
        command = [sys.executable, "-m", "harness.measure.worker", "job.json", "result.json"]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=_environment(self.profile),
                timeout=timeout + find_runtime(self.profile.runtime).STARTUP_SECONDS,
                capture_output=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            cause = (
                f"timing did not end within the cap of {self.cap_seconds:.0f} s; raise it with "
                "`slimbench measure ... --cap SECONDS`"
            )
            return Result("failed", cause)
        if not answer.is_file():
            return Result("failed", _crash_cause(done))
        fields = json.loads(answer.read_text())
        for key in ("pairs", "throughput_pairs"):
            fields[key] = [(a, b) for a, b in fields[key]]
        return Result(**fields)

    def _environment(self, found: Findings, frozen: bool) -> dict[str, Any]:
        facts = machine().facts()
        peaks = [result.peak_rss_bytes for result in found.results]
        return facts | {
            "anchor_frozen": frozen,
            "quick": self.quick,
            "peak_rss_bytes": max(peaks, default=0),
            "starts": len(found.results),
        }


def _environment(profile: Profile) -> dict[str, str]:
    kept = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "HOME", "TMPDIR", "LANG")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    return own | {"PYTHONPATH": str(PACKAGE_ROOT), "OMP_NUM_THREADS": str(profile.threads)}


def _note_failure(found: Findings, result: Result) -> None:
    found.status = "not_runnable" if result.status == "not_runnable" else "failed"
    found.cause = result.cause


def _crash_cause(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return (
            f"the timing process was ended by signal {-done.returncode}, as by a memory limit or a "
            "crash of the runtime"
        )
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return (
        f"the timing process ended with {done.returncode}: {lines[-1] if lines else 'no message'}"
    )


def _processes(found: Findings) -> list[Result]:
    return found.results + ([found.requests] if found.requests else [])


def _match(found: Findings) -> bool | None:
    checked = sum(result.checked for result in _processes(found))
    mismatched = sum(result.mismatched for result in _processes(found))
    return mismatched <= (1 - MATCHING_SHARE) * checked if checked else None


def _mismatch_cause(found: Findings) -> str:
    checked = sum(result.checked for result in _processes(found))
    mismatched = sum(result.mismatched for result in _processes(found))
    return (
        f"{mismatched} of {checked} outputs of the timed run differ from the scored predictions "
        f"(at most {1 - MATCHING_SHARE:.0%} may); the artifact is not what was scored"
    )


def _label(found: Findings) -> Label | None:
    return label(found.foreign) if found.results else None


def _anchor_ms(found: Findings) -> float:
    """The anchor's median over the starts of this session, where none is frozen; 0 if none ran."""
    return statistics.median(anchor_ms(found.pairs)) if found.pairs else 0.0
