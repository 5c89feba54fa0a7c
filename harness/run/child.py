"""Stage 1 in a forked child: solve and export under limits, with only train and validation data.

The fork server has torch loaded, so a run starts in milliseconds. Only two files cross back to
the parent: `model.onnx` and `solve.json`.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import time
import traceback
from dataclasses import asdict, replace
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
from harness.record import write_atomically
from harness.run import reference, sandbox
from harness.run.compression import Problem
from harness.run.job import NO_SPACE, Job, Solved
from harness.run.meter import Meter
from harness.run.trained_search import TrainedSearch
from harness.types import Budget


def solve(job: Job) -> None:
    """Solve and export inside the forked child; writes solve.json and model.onnx."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children itself
    out = Path(job.out)
    sandbox.redirect_output(out / "log.txt")
    if job.kind == "reference":
        _train_reference(job)
        return
    sandboxed = sandbox.enter(
        program=[registry.ROOT / name for name in sandbox.PROGRAM],
        hidden=[Path(path) for path in job.hidden],
        read_only=[
            Path(job.method_file),
            Path(job.data) / "train",
            Path(job.data) / "validation",
            Path(job.reference),
            *_checkpoint_folders(job.checkpoint),
        ],
        writable=[out],
        owner=job.owner,
    )
    limit = job.budget["memory_bytes"] + 4 * 10**9
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    largest = sandbox.LARGEST_FILE_BYTES + 2 * _checkpoint_bytes(job.checkpoint)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    solved = _run(job)
    solved.sandbox = sandboxed
    write_atomically(out / "solve.json", json.dumps(asdict(solved)).encode())


def _checkpoint_folders(checkpoint: str | None) -> list[Path]:
    """The folder of pretrained weights, and those that its links lead to, as in the hub's cache."""
    if checkpoint is None:
        return []
    folder = Path(checkpoint)
    return [folder, *sorted({file.resolve().parent for file in folder.iterdir()} - {folder})]


def _checkpoint_bytes(checkpoint: str | None) -> int:
    return sum(file.stat().st_size for file in Path(checkpoint).iterdir()) if checkpoint else 0


def _train_reference(job: Job) -> None:
    torch.set_num_threads(job.threads)
    reference.train(
        registry.find_variant(job.task, job.checkpoint),
        Path(job.data),
        Path(job.out),
        seed=job.seed,
        device=job.device,
        shape=job.shape,
        epochs=job.setting.get("epochs"),
        say=lambda line: print(line, flush=True),  # noqa: T201  (goes to the log file)
    )


def _run(job: Job) -> Solved:
    begin, solved = time.monotonic(), Solved()
    set_seeds(job.seed)
    torch.set_num_threads(job.threads)
    meter = Meter(Budget(**job.budget))
    try:
        problem = _problem(job, meter)
        if job.kind == "search":
            solved.found = _search(job, problem)
        else:
            _save(problem, _answer(job, problem), Path(job.out))
    except OverBudgetError as error:
        solved.status, solved.cause = "over_budget", str(error)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            os._exit(NO_SPACE)
        traceback.print_exc()
        solved.status, solved.cause = "failed", f"{type(error).__name__}: {error}"
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
    return solved


def _answer(job: Job, problem: Problem) -> Any:
    """What the method made, or the network that a search found, trained by the task's recipe."""
    if job.kind == "train":
        search = _searchable(job, problem)
        found = search.network(job.architecture)
        return search.fitted(found, epochs=search.found.most_epochs)
    return registry.load_method(Path(job.method_file)).solve(problem, **job.setting)


def _save(problem: Problem, answer: Any, out: Path) -> None:
    graph = problem.export(answer) if isinstance(answer, nn.Module) else answer
    if not isinstance(graph, onnx.ModelProto):
        raise SlimbenchError(
            f"solve returned {type(answer).__name__}, not an nn.Module or an ONNX ModelProto"
        )
    save(graph, out / "model.part")
    (out / "model.part").replace(out / "model.onnx")


def _search(job: Job, problem: Problem) -> dict[str, Any]:
    """Let the method search; what it asked, what it answered, and what that costs."""
    search = _searchable(job, problem)
    method = registry.load_method(Path(job.method_file))
    problem.meter.budget = replace(problem.meter.budget, train_macs=None)  # a query is finished
    if job.limit is None:
        search.device = job.cost_of
    else:
        search.limit = job.limit * search.reference_cost()
    answer = method.solve(search, **job.setting)
    return search.report(answer if isinstance(answer, list) else [answer])


def _searchable(job: Job, problem: Problem) -> TrainedSearch:
    assert problem.task.search is not None
    found = replace(problem.task.search, device=job.cost_of)
    budget = job.budget["train_macs"]
    return TrainedSearch(problem, found, budget, None, random=random.Random(job.seed))


def _problem(job: Job, meter: Meter) -> Problem:
    task = registry.find_variant(job.task, job.checkpoint)
    train = load_split(Path(job.data), "train")
    return Problem(
        task=task,
        train_split=train,
        validation_split=load_split(Path(job.data), "validation"),
        trained=reference.load(task, Path(job.reference), job.shape, train.context),
        shape=job.shape,
        meter=meter,
        seed=job.seed,
        device=torch.device(job.device),
    )


def set_seeds(seed: int) -> None:
    """Seed every generator that a method may use."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
