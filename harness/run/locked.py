"""A file lock between processes of one machine."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.run import process


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive file lock; a second process waits here until the first is done.

    Raises InterruptedError when the user stops the matrix meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if process.stopping():
                    raise InterruptedError("stopped by the user") from None
                time.sleep(0.1)
        yield
