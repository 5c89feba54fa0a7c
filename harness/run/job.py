"""What goes into a forked child and what comes back; free of torch, to keep the parent light."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.types import Case

NO_SPACE = 28  # exit code of a child that found no space left on disk


@dataclass(frozen=True)
class Job:
    """What the child is told; paths are absolute, `owner` is the commanding process.

    `solve` runs a compression method, `search` a search method; `train` trains the `architecture`
    that a search found. `cost_of` says what a network costs, `limit` what share of the reference's
    cost it may have.
    """

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
    kind: Literal["solve", "search", "train", "reference"] = "solve"
    checkpoint: str | None = None
    architecture: tuple[int, ...] = ()
    cost_of: str = "macs"
    limit: float | None = None
    owner: int = field(default_factory=os.getpid)


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
    found: dict[str, Any] | None = None  # what a search asked and answered, see trained_search.py


@dataclass(frozen=True)
class SearchJob:
    """What the child of a table search is told: one method on one case, all seeds.

    `processes` seeds run at a time.
    """

    task: str
    case: Case
    method_file: str
    setting: dict[str, Any]
    seeds: tuple[int, ...]
    data: str
    out: str
    hidden: tuple[str, ...] = ()
    processes: int = 1
    owner: int = field(default_factory=os.getpid)


def start_search(job: SearchJob) -> None:
    """Entry point of the forked child of a table search."""
    from harness.run import search_child

    search_child.solve(job)


def start(job: Job) -> None:
    """Entry point of the forked child."""
    from harness.run import child

    child.solve(job)
