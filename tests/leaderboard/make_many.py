"""Generated records for speed tests: `python tests/leaderboard/make_many.py FOLDER RUNS`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from board_records import counts, measured, method_block, profile_block, run, task_block

from harness.record import MeasurementRecord, RunRecord, to_line

FAMILIES = ("pruning", "quantization", "distillation", "architecture", "factorization")
SEEDS = 3
ROWS_PER_TASK = 330


def write_many(
    folder: Path, runs: int, timed: bool = True, rows_per_task: int = ROWS_PER_TASK
) -> None:
    """About `runs` runs of 3 seeds a row and their timings, `rows_per_task` rows in each task."""
    rows = max(1, runs // SEEDS)
    for start in range(0, rows, rows_per_task):
        _write_task(
            folder, f"task_{start // rows_per_task}", min(rows_per_task, rows - start), timed
        )


def _write_task(folder: Path, name: str, rows: int, timed: bool) -> None:
    random_ = random.Random(name)
    task = task_block(name, title=name.replace("_", " ").title())
    lines: dict[str, list[str]] = {}
    for row in range(rows):
        method = f"method_{row // 6}"
        block = method_block(method, family=FAMILIES[row // 6 % len(FAMILIES)])
        speed = 1.1 ** random_.uniform(0, 25)
        for seed in range(SEEDS):
            one = _run(random_, task, block, row, seed, speed)
            lines.setdefault(method, []).append(to_line(one))
            if timed:
                lines[method].append(to_line(_timing(one, speed)))
    (folder / name).mkdir(parents=True, exist_ok=True)
    for method, text in lines.items():
        (folder / name / f"{method}.standard.jsonl").write_text("\n".join(text) + "\n")


def _run(random_, task, block, row, seed, speed) -> RunRecord:  # type: ignore[no-untyped-def]
    quality = min(0.99, 0.96 - 0.01 * speed**0.7 + random_.gauss(0, 0.003))
    return run(
        quality=round(quality, 4),
        task=task,
        method_block=block,
        setting={"sparsity": round(0.1 + 0.1 * (row % 6), 2)},
        seed=seed,
        counts=counts(int(1e6 / speed), int(5e5 / speed), int(2e6 / speed)),
        slices_test={f"class_{i}": round(quality + random_.gauss(0, 0.02), 3) for i in range(10)},
    )


def _timing(one: RunRecord, speed: float) -> MeasurementRecord:
    return measured(one, speed, profile=profile_block())


if __name__ == "__main__":
    write_many(Path(sys.argv[1]), int(sys.argv[2]))
