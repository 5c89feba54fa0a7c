"""What many nodes would meet first: store requests a run, and how publishing grows with its file.

    python tests/benchmarks/cluster_limits.py

Prints JSON: calls on the store for one run in four pushes and for the driver's pull, by name, and
milliseconds to publish one more record into a method's file of so many.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import fsspec

from harness.record import merge_into
from harness.run.store import Store

sys.path.append(str(Path(__file__).parents[1] / "leaderboard"))
CALLS = ("exists", "makedirs", "put_file", "get_file", "mv", "find", "touch")
STAGES = (  # files that each stage of a run leaves, as `saved()` finds them
    ("log.txt", "model.onnx", "solve.json"),
    ("counts.json", "score.json", "predictions.npz"),
    ("record.json",),
    (),
)
SIZES = (10, 100, 1000)


def requests_of_a_run() -> dict[str, int]:
    """Calls on the store by name, for a worker's pushes and the driver's pull."""
    calls: Counter[str] = Counter()
    store = Store("memory://lab", patience_seconds=0)
    store.create()
    for name in CALLS:
        plain = getattr(store.files, name)

        def counted(*given, name=name, plain=plain, **named):
            calls[name] += 1
            return plain(*given, **named)

        setattr(store.files, name, counted)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        store.pull("task/method/standard/key", folder)
        for files in STAGES:
            for file in files:
                (folder / file).write_text(file)
            store.push(folder, "task/method/standard/key")
        store.pull("task/method/standard/key", Path(name) / "driver")
    fsspec.filesystem("memory").rm("/lab", recursive=True)
    return dict(calls)


def publishing() -> dict[int, float]:
    """ms to merge one record into a file of so many, best of three."""
    from board_records import run

    found = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "method.standard.jsonl"
        for size in SIZES:
            merge_into(path, [run(seed=seed, key=f"{seed:064x}") for seed in range(size)])
            one, times = run(seed=size, key=f"{size:064x}"), []
            for _ in range(3):
                begin = time.perf_counter()
                merge_into(path, [one])
                times.append(1000 * (time.perf_counter() - begin))
            found[size] = round(min(times), 2)
    return found


if __name__ == "__main__":
    print(json.dumps({"store_calls": requests_of_a_run(), "publish_ms": publishing()}, indent=1))
