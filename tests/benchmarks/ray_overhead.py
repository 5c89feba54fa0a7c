"""What the Ray engine costs a run: 10,000 runs that do nothing, through dispatch and the store.

    python tests/benchmarks/ray_overhead.py [RUNS]

Prints milliseconds a run for dispatch alone and with a record pushed to a local store, and the
driver's memory at a tenth and at the end.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from harness.run.dispatch import dispatch
from harness.run.ray_cluster import connected
from harness.run.store import Store

LINE = "x" * 3000  # bytes of a record


def nothing(number: int) -> int:
    """A run without work."""
    return number


def one_record(number: int, url: str) -> int:
    """A run whose only work is to leave its record in the store."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "record.json").write_text(LINE)
        Store(url).push(Path(name), f"task/method/smoke/{number:016x}")
    return number


def timed(ray: object, runs: int, *arguments: str) -> dict[str, float]:
    """ms a run, and memory in MB after a tenth and at the end."""
    work = ray.remote(max_retries=0)(one_record if arguments else nothing)
    memory = psutil.Process().memory_info
    begin, early = time.perf_counter(), 0.0
    waiting = list(range(runs))
    done = set()
    for _, found in dispatch(ray, waiting, lambda number: work.remote(number, *arguments)):
        done.add(found)
        if len(done) == runs // 10:
            early = memory().rss / 1e6
    assert done == set(range(runs))
    seconds = time.perf_counter() - begin
    return {
        "ms_a_run": 1000 * seconds / runs,
        "driver_mb_at_a_tenth": early,
        "driver_mb_at_the_end": memory().rss / 1e6,
    }


def main(runs: int = 10_000) -> None:
    """Print the figures as JSON."""
    with tempfile.TemporaryDirectory() as name, connected(None) as ray:
        ray.get([ray.remote(nothing).remote(0) for _ in range(4)])  # the workers start
        store = Store(name)
        store.create()
        found = {
            "runs": runs,
            "dispatch": timed(ray, runs),
            "dispatch_and_store": timed(ray, runs, name),
        }
        begin = time.perf_counter()
        count = len(store.finished("task", "smoke"))
        found["list_finished_ms_a_run"] = 1000 * (time.perf_counter() - begin) / count
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
