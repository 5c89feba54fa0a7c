"""The parent's side of the sandboxed process: limits, the end of it, and what it left behind.

What the child writes is read as data from a stranger too: sizes, types and shapes are checked.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from harness.environment import ROOT
from harness.errors import RefusedError
from harness.record import Counts
from harness.record_row import Row
from harness.submit.child import Job, job_as_json
from harness.types import Input

LARGEST_ANSWER_BYTES = 5 * 10**6
LARGEST_LOG_BYTES = 10**6
KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG")


class Found(Row):
    """What the child reports; `cause` says why there is nothing else."""

    sandbox: list[str]
    clocks: dict[str, float]
    cause: str | None = None
    counts: Counts | None = None
    streams_ms: dict[str, list[float]] = Field(default_factory=dict)
    measurement: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ended:
    """A finished child: its report, its folder of outputs, and how long it took by our clock."""

    found: Found
    folder: Path
    seconds: float

    def outputs(self, name: str, examples: int, answer: Input) -> list[np.ndarray]:
        """The graph's outputs on one set of inputs, the first as `answer` says, (examples, ...).

        Raises RefusedError when they are missing, misshapen, or not finite.
        """
        paths = sorted(self.folder.glob(f"{name}.[0-9].npy"))
        arrays = [_load(path) for path in paths]
        shape, kind = (examples, *answer.shape), np.dtype(answer.dtype).kind
        if not arrays or arrays[0].shape != shape or arrays[0].dtype.kind != kind:
            shown = f"{arrays[0].dtype} {arrays[0].shape}" if arrays else "nothing"
            words = "floats" if kind == "f" else "whole numbers"
            raise RefusedError(f"the artifact returns {shown} on '{name}', not {words} {shape}")
        if not np.isfinite(arrays[0]).all():
            raise RefusedError(f"the artifact returns NaN or infinite values on '{name}'")
        return arrays


def run_job(job: Job) -> Ended:
    """Run a job in its sandbox to the end. Raises RefusedError when it fails or passes a limit."""
    out = Path(job.out)
    (out / "job.json").write_text(job_as_json(job))
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "harness.submit.child", str(out / "job.json")]
    begin = time.monotonic()
    with (out / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=out,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        _wait(child, job.seconds, out / "log.txt")
    seconds = time.monotonic() - begin
    return Ended(_read(out / "found.json", child.returncode), out, seconds)


def _wait(child: subprocess.Popen[bytes], limit: int, log: Path) -> None:
    end = time.monotonic() + limit
    try:
        while child.poll() is None:
            if time.monotonic() > end:
                raise RefusedError(f"the artifact is still running after the limit of {limit} s")
            if log.stat().st_size > LARGEST_LOG_BYTES:
                raise RefusedError("the artifact's runtime printed more than 1 MB")
            time.sleep(0.02)
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _read(path: Path, code: int) -> Found:
    if path.is_symlink() or not path.is_file():
        how = f"signal {-code}" if code < 0 else f"code {code}"
        last = (path.with_name("log.txt").read_bytes()[-300:].splitlines() or [b"no message"])[-1]
        raise RefusedError(
            f"the artifact ended the process that opened it ({how}), as by a memory or time limit "
            f"or a crash of the runtime: {last.decode(errors='replace')!a}"
        )
    if path.stat().st_size > LARGEST_ANSWER_BYTES:
        raise RefusedError("the process that opened the artifact wrote too long an answer")
    try:
        found = Found.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RefusedError(f"the process that opened the artifact misbehaved: {error}") from None
    if found.cause is not None:
        raise RefusedError(found.cause[:400])
    return found


def _load(path: Path) -> np.ndarray:
    try:
        if path.is_symlink():
            raise ValueError("a link")
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise RefusedError(f"the outputs {path.name} are no plain numbers: {error}") from None
    return array


def save_inputs(
    folder: Path, groups: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, dict[str, str]]:
    """Write sets of inputs where a child may read them; the paths by set and input name."""
    paths: dict[str, dict[str, str]] = {}
    for number, (group, inputs) in enumerate(groups.items()):
        paths[group] = {}
        for name, array in inputs.items():
            path = folder / f"inputs.{number}.{name}.npy"
            np.save(path, np.ascontiguousarray(array), allow_pickle=False)
            paths[group][name] = str(path)
    return paths
