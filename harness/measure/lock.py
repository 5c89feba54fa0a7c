"""One measurement at a time on a machine, with our own training stopped while it runs.

A training child registers itself; whoever measures takes the lock, stops every registered child
(SIGSTOP), and lets it go on afterwards. What a child lost is kept beside its registration, so that
`paused_seconds` can be taken off its time limit. A measurement that was killed leaves its children
stopped; the next call of `paused_seconds` sees the free lock and wakes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from harness.errors import SlimbenchError


def folder() -> Path:
    """Where lock and registrations lie: `$SLIMBENCH_LOCKS`, else one folder for the machine."""
    path = Path(os.environ.get("SLIMBENCH_LOCKS", Path(tempfile.gettempdir()) / "slimbench-locks"))
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o1777)
    return path


@contextlib.contextmanager
def training_child(pid: int) -> Iterator[None]:
    """Register a process as training that measurements may stop; it may be a group of its own."""
    path = _registration(pid)
    _write(path, {"started": _started(pid), "paused": 0.0, "since": None})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def paused_seconds(pid: int) -> float:
    """How long the registered process has been stopped so far, in seconds; 0 if unknown."""
    entry = _read(_registration(pid))
    if entry is None:
        return 0.0
    if entry["since"] is not None and not _locked():
        _resume(pid)
        entry = _read(_registration(pid)) or entry
    running = time.monotonic() - entry["since"] if entry["since"] is not None else 0.0
    return float(entry["paused"]) + running


@contextlib.contextmanager
def measuring(timeout_seconds: float = 3600.0) -> Iterator[None]:
    """Hold the machine's lock and keep registered training stopped.

    Raises SlimbenchError when another measurement holds the lock for longer than the timeout.
    """
    with (folder() / "measure.lock").open("a") as file:
        _acquire(file.fileno(), timeout_seconds)
        stopped: list[int] = []
        try:
            stopped = _pause_all()
            yield
        finally:
            for pid in stopped:
                _resume(pid)


def _acquire(descriptor: int, timeout_seconds: float) -> None:
    begin = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - begin > timeout_seconds:
                raise SlimbenchError(
                    f"another measurement held {folder() / 'measure.lock'} for more than "
                    f"{timeout_seconds:.0f} s; wait for it or end it"
                ) from None
            time.sleep(0.05)
        else:
            return


def _locked() -> bool:
    with (folder() / "measure.lock").open("a") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _pause_all() -> list[int]:
    """Stop every registered process that still lives, ourselves and our ancestors excepted."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    stopped = []
    for path in folder().glob("*.training"):
        pid, entry = int(path.stem), _read(path)
        if entry is None or entry["started"] != _started(pid):
            path.unlink(missing_ok=True)
        elif pid not in ours:
            _write(path, entry | {"since": entry["since"] or time.monotonic()})
            _signal(pid, signal.SIGSTOP)
            stopped.append(pid)
    return stopped


def _resume(pid: int) -> None:
    path = _registration(pid)
    _signal(pid, signal.SIGCONT)
    entry = _read(path)
    if entry is not None and entry["since"] is not None:
        paused = entry["paused"] + time.monotonic() - entry["since"]
        _write(path, entry | {"paused": paused, "since": None})


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            each.send_signal(number)


def _registration(pid: int) -> Path:
    return folder() / f"{pid}.training"


def _started(pid: int) -> int | None:
    """When the process began, in ticks since boot, which tells it from a later namesake."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def _write(path: Path, entry: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(entry))
    part.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return entry
