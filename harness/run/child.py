"""Stage 1 in a forked child: solve and export under limits, with only train and validation data.

The fork server has torch loaded, so a run starts in milliseconds. Only two files cross back to
the parent: `model.onnx` and `solve.json`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from harness import registry
from harness.artifact.export import save
from harness.data import load_split
from harness.errors import OverBudgetError, SlimbenchError
from harness.run import reference, sandbox
from harness.run.compression import Problem
from harness.run.meter import Meter
from harness.types import Budget

LARGEST_FILE_BYTES = 300 * 10**6


@dataclass(frozen=True)
class Job:
    """What the child is told; paths are absolute."""

    task: str
    method_file: str
    setting: dict[str, Any]
    seed: int
    budget: dict[str, Any]
    shape: dict[str, Any]
    device: str
    threads: int
    data: str
    reference: str
    out: str
    hidden: tuple[str, ...] = ()


@dataclass
class Solved:
    """What the child reports in solve.json."""

    status: str = "ok"
    cause: str | None = None
    train_macs: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    sandbox: str = "none"
    precision: str = "float32"


def main(job: Job) -> None:
    """Entry point of the forked child; never returns to the caller's code."""
    out = Path(job.out)
    _redirect_output(out / "log.txt")
    sandboxed = sandbox.enter(
        read_only=[
            registry.ROOT,
            Path(job.method_file),
            Path(job.data) / "train",
            Path(job.data) / "validation",
            Path(job.reference),
        ],
        writable=[out],
        hidden=[Path(path) for path in job.hidden],
    )
    limit = job.budget["memory_bytes"] + 4 * 10**9
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    solved = _run(job)
    solved.sandbox = sandboxed
    part = out / "solve.part"
    part.write_text(json.dumps(asdict(solved)))
    part.replace(out / "solve.json")
    sys.stdout.flush()
    os._exit(0)


def _run(job: Job) -> Solved:
    begin, solved = time.monotonic(), Solved()
    _set_seeds(job.seed)
    torch.set_num_threads(job.threads)
    meter = Meter(Budget(**job.budget))
    try:
        problem = _problem(job, meter)
        method = registry.load_method(Path(job.method_file))
        answer = method.solve(problem, **job.setting)
        graph = problem.export(answer) if isinstance(answer, nn.Module) else answer
        if not isinstance(graph, onnx.ModelProto):
            raise SlimbenchError(
                f"solve returned {type(answer).__name__}, not an nn.Module or an ONNX ModelProto"
            )
        save(graph, Path(job.out) / "model.part")
        (Path(job.out) / "model.part").replace(Path(job.out) / "model.onnx")
    except OverBudgetError as error:
        solved.status, solved.cause = "over_budget", str(error)
    except MemoryError:
        solved.status = "out_of_memory"
        solved.cause = f"memory above the limit {job.budget['memory_bytes'] / 1e9:.0f} GB"
    except Exception as error:  # noqa: BLE001  (the stage runner: any failure becomes a record)
        traceback.print_exc()
        memory = "alloc" in str(error) and "memory" in str(error)
        solved.status = "out_of_memory" if memory else "failed"
        solved.cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    use = resource.getrusage(resource.RUSAGE_SELF)
    solved.train_macs = meter.train_macs
    solved.seconds = time.monotonic() - begin
    solved.cpu_seconds = use.ru_utime + use.ru_stime
    solved.peak_rss_bytes = use.ru_maxrss * 1024
    solved.precision = "bf16" if _bf16(job.device) else "float32"
    return solved


def _problem(job: Job, meter: Meter) -> Problem:
    task = registry.find_task(job.task)
    return Problem(
        task=task,
        train_split=load_split(Path(job.data), "train"),
        validation_split=load_split(Path(job.data), "validation"),
        trained=reference.load(task, Path(job.reference), job.shape),
        shape=job.shape,
        meter=meter,
        seed=job.seed,
        device=torch.device(job.device),
    )


def _bf16(device: str) -> bool:
    from harness.run.training import bf16_is_fast

    return bf16_is_fast(torch.device(device))


def _set_seeds(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (third-party methods may use the global generator)
    torch.manual_seed(seed)


def _redirect_output(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
