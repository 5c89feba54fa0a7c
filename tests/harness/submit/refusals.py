"""What every hostile bundle leads to: its own reason, nothing run or written, no crash."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from pathlib import Path

from harness.submit.verdict import Verdict

CPU_SECONDS = 10  # of this process and its children; the wall clock also counts the neighbours


def assert_refused(
    judged: Callable[[Path], Verdict], bundle: Path, reason: str, outside: Path
) -> Verdict:
    """Judge a bundle; `outside` is a folder around it in which nothing may change."""
    before, spent = _tree(outside), _cpu_seconds()
    verdict = judged(bundle)
    assert not verdict.accepted
    said = " | ".join(verdict.reasons())
    assert re.search(reason, said), said
    assert "\n" not in said and len(said) < 2000
    assert _tree(outside) == before
    assert _cpu_seconds() - spent < CPU_SECONDS
    return verdict


def _tree(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        found[str(path)] = status.st_mtime_ns if not path.is_dir() else 0
    return found


def _cpu_seconds() -> float:
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)
