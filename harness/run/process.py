"""Forked children with torch loaded, watched by the parent: time, memory, output and signals."""

from __future__ import annotations

import errno
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from harness.measure.lock import paused_seconds, training_child
from harness.run.job import NO_SPACE
from harness.types import Budget

LARGEST_LOG_BYTES = 10 * 10**6
POLL_SECONDS = 0.1
LIST_SECONDS = 1.0  # between looks for grandchildren; one reads the state of every process there is
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(8 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}

_stopping = threading.Event()
_preload = ["harness.run.child", "harness.run.warm"]


def preload(modules: Iterable[str]) -> None:
    """Modules that runs will import, loaded once in the fork server if it has not started yet."""
    _preload.extend(module for module in modules if module not in _preload)


def stopping() -> bool:
    """Whether the user has interrupted."""
    return _stopping.is_set()


def start_over() -> None:
    """Forget an earlier interrupt of this process."""
    _stopping.clear()


def stop_all() -> None:
    """End every child that any thread watches; used when the user interrupts."""
    _stopping.set()


@dataclass(frozen=True)
class Ended:
    """How a child ended: None when it reported by itself, else a status and a cause."""

    status: str | None
    cause: str | None
    seconds: float


def start_server() -> Any:
    """The fork server's context; the first child starts the server and loads torch in it.

    The server keeps freed memory instead of giving it back to the kernel: activations of one
    training step are as large as those of the next, and faulting them in again cost 40% of a
    ResNet-18 step (158 against 222 images/s on two Xeon cores with AMX, torch 2.13, batch 256).
    """
    for name, value in MALLOC.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_preload)
    return context


def run_child(target: Any, job: Any, budget: Budget, log: Path, *, torch: bool = True) -> Ended:
    """Run `target(job)` in a child until it ends or passes a limit.

    The child is forked with torch loaded, or, without it, is a new interpreter.
    """
    if not torch:  # read when numpy is first imported; a process of threads has no sandbox
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = start_server() if torch else multiprocessing.get_context("spawn")
    child: BaseProcess = context.Process(target=target, args=(job,), daemon=True)
    begin = time.monotonic()
    _start_deaf(child)
    try:
        with training_child(child.pid or 0):
            ended = _watch(child, budget, log, begin)
            seconds = time.monotonic() - begin - paused_seconds(child.pid or 0)
    except BaseException:
        _kill(child)
        raise
    if ended is not None:
        _kill(child)
        return ended
    if child.exitcode == NO_SPACE:
        raise OSError(errno.ENOSPC, "no space left on disk", str(log.parent))
    if child.exitcode:
        return Ended("crashed", f"the process ended with exit code {child.exitcode}", seconds)
    return Ended(None, None, seconds)


def _start_deaf(child: BaseProcess) -> None:
    """Start a child that never hears Ctrl-C, not even before its own code runs: we end it."""
    resource_tracker.ensure_running()  # its first start would unblock the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        child.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch(child: BaseProcess, budget: Budget, log: Path, begin: float) -> Ended | None:
    family: list[psutil.Process] = []
    listed = -math.inf
    while True:
        if _stopping.is_set():
            raise InterruptedError("stopped by the user")
        child.join(POLL_SECONDS)
        if not child.is_alive():
            return None
        seconds = time.monotonic() - begin - paused_seconds(child.pid or 0)
        if time.monotonic() - listed > LIST_SECONDS:
            family, listed = _family(child), time.monotonic()
        memory = _memory_bytes(family)
        if seconds > budget.wall_seconds:
            cause = f"still running after the limit of {budget.wall_seconds:.0f} s"
            return Ended("timeout", cause, seconds)
        if memory > budget.memory_bytes:
            limit = budget.memory_bytes
            cause = f"memory {memory / 1e9:.1f} GB is above the limit {limit / 1e9:.1f} GB"
            return Ended("out_of_memory", cause, seconds)
        if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
            return Ended("failed", "printed more than the limit of 10 MB", seconds)


def _family(child: BaseProcess) -> list[psutil.Process]:
    try:
        process = psutil.Process(child.pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _memory_bytes(family: list[psutil.Process]) -> int:
    total = 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def _kill(child: BaseProcess) -> None:
    for process in reversed(_family(child)):
        try:
            process.kill()
        except psutil.Error:
            continue
    child.join(5)
