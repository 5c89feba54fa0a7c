"""A table search in a forked child: one process a seed, so that no seed knows another's queries.

The case's queryable columns are loaded first; then the sandbox closes over every data folder. What
comes back is the log of queries and the answer: the parent looks up what they were worth. torch is
not loaded: a fork of a process with it costs ten times as much.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.errors import OverBudgetError, SlimbenchError
from harness.run import sandbox
from harness.run.job import SearchJob
from harness.run.search import Problem
from harness.run.table import Table, load_table
from harness.types import Case

LARGEST_REPORT_BYTES = 50 * 10**6
LEAST_WAIT_SECONDS = 1.0
Report = dict[str, Any]


def solve(job: SearchJob) -> None:
    """Run every seed; writes `asked.npz` (logs and answers) and `seeds.json` (status, cause)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = Path(job.out)
    sandbox.redirect_output(out / "log.txt")
    task = registry.find_table_task(job.task)
    case = job.case
    table = load_table(task, case, Path(job.data))
    sandboxed = sandbox.enter(
        program=[registry.ROOT / name for name in sandbox.PROGRAM],
        hidden=[Path(path) for path in job.hidden],
        read_only=[Path(job.method_file)],
        writable=[out],
        owner=job.owner,
    )
    resource.setrlimit(resource.RLIMIT_DATA, (case.budget.memory_bytes + 4 * 10**9,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (sandbox.LARGEST_FILE_BYTES,) * 2)
    reports = _all_seeds(job, table, case)
    arrays: dict[str, np.ndarray] = {}
    for report in reports:
        arrays[f"asked_{report['seed']}"] = np.array(report.pop("asked"), np.int64)
        arrays[f"answer_{report['seed']}"] = np.array(report.pop("answer"), np.int64)
    np.savez(out / "asked.npz", **arrays)  # type: ignore[arg-type]
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"sandbox": sandboxed, "cpu_seconds": use.ru_utime + use.ru_stime, "seeds": reports}
    (out / "seeds.json").write_text(json.dumps(told))


def _all_seeds(job: SearchJob, table: Table, case: Case) -> list[Report]:
    try:
        method = registry.load_method(Path(job.method_file))
    except Exception as error:  # noqa: BLE001  (the stage runner: any failure becomes a record)
        traceback.print_exc()
        return [_failed(seed, "failed", f"{type(error).__name__}: {error}") for seed in job.seeds]
    running: deque[_Seed] = deque()
    reports = []
    for seed in job.seeds:
        if len(running) == job.processes:
            reports.append(running.popleft().report())
        work = partial(_solve_one, method.solve, job.setting, table, case, seed)
        running.append(_Seed.start(seed, case.budget.wall_seconds, work, running))
    return reports + [one.report() for one in running]


@dataclass
class _Seed:
    """One seed in a process of its own, which writes its report into a pipe."""

    seed: int
    wall_seconds: float
    process: int
    pipe: int
    begin: float

    @classmethod
    def start(
        cls, seed: int, wall_seconds: float, work: Callable[[], Report], others: Iterable[_Seed]
    ) -> _Seed:
        """Fork; `others` run at the same time, and this one does not hear them."""
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            for pipe in (reading, *(other.pipe for other in others)):
                os.close(pipe)
            report = work()
            with os.fdopen(writing, "wb") as out:
                out.write(json.dumps(report).encode())
            os._exit(0)
        os.close(writing)
        return cls(seed, wall_seconds, process, reading, time.monotonic())

    def report(self) -> Report:
        """Wait for the report, or a failure with its cause."""
        told, ended = self._read()
        os.close(self.pipe)
        if told is None:
            return _failed(self.seed, "timeout", f"still running after {self.wall_seconds:.0f} s")
        try:
            report = json.loads(told)
            assert report["seed"] == self.seed
        except (ValueError, KeyError, TypeError, AssertionError):
            return _failed(self.seed, "crashed", f"the process ended with exit code {ended}")
        return dict(report)

    def _read(self) -> tuple[bytes | None, int]:
        # a seed that ended while another was waited for still has to write what it found
        end = max(self.begin + self.wall_seconds, time.monotonic() + LEAST_WAIT_SECONDS)
        size = 0
        parts: list[bytes] = []
        while select.select([self.pipe], [], [], max(0.0, end - time.monotonic()))[0]:
            part = os.read(self.pipe, 1 << 16)
            size += len(part)
            if not part or size > LARGEST_REPORT_BYTES:
                code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1]) if not part else -1
                return b"".join(parts), code
            parts.append(part)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        return None, -signal.SIGKILL


def _solve_one(
    solve: Callable[..., Any], setting: dict[str, Any], table: Table, case: Case, seed: int
) -> Report:
    random.seed(seed)  # problem.random is for methods; these are for libraries that they call
    np.random.seed(seed)
    problem = Problem(table, case, seed)
    report = _failed(seed, "ok", None)
    try:
        report["answer"] = answer_rows(solve(problem, **setting), table, case)
    except OverBudgetError as error:
        report |= {"status": "over_budget", "cause": str(error)}
    except MemoryError:
        report |= {"status": "out_of_memory", "cause": "the memory limit was reached"}
    except Exception as error:  # noqa: BLE001  (the stage runner: any failure becomes a record)
        traceback.print_exc()
        first = (str(error).splitlines() or [""])[0]
        report |= {"status": "failed", "cause": f"{type(error).__name__}: {first}"}
    report["asked"] = problem.asked
    return report


def answer_rows(answer: object, table: Table, case: Case) -> list[int]:
    """Rows of the committed architectures. Raises SlimbenchError when there is none."""
    if answer is None or (isinstance(answer, list) and not answer):
        raise SlimbenchError("solve committed no answer; return problem.best() or front()")
    if case.device is None:
        return [table.row(answer)]  # type: ignore[arg-type]
    if not isinstance(answer, list):
        raise SlimbenchError(
            f"solve returned {type(answer).__name__}; a trade-off is answered with a list of "
            "architectures, such as problem.front()"
        )
    return sorted({table.row(one) for one in answer})


def _failed(seed: int, status: str, cause: str | None) -> Report:
    return {"seed": seed, "status": status, "cause": cause, "asked": [], "answer": []}
