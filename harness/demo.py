"""`make demo`: every task with a few methods at smoke scale, the site, and where to look."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import registry
from harness.commands import report, session
from harness.commands.output import console
from harness.run import process
from harness.run.place import Place
from harness.run.prepare import prepare

METHODS = ("l1_filter_pruning", "static_int8", "width_scaled")  # the first two that apply
SEARCHERS = ("random_search", "local_search", "regularized_evolution")
RUNS = Path("runs") / "demo"
WORKERS = 2


def main() -> int:
    """Run the demo; returns 1 when a run failed."""
    failed = 0
    for task in registry.tasks().values():
        process.preload(task.preload)
    console.print("generating data and training a small reference for each task")
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda task: prepare(task, "smoke", _place()), registry.tasks().values()))
    for name, task in registry.tasks().items():
        methods = [m for m in METHODS if registry.applies(registry.find_method(m), task)]
        failed |= session.run(_order(name, methods[:2]), dry_run=False, as_json=False)
    for name in registry.table_tasks():
        failed |= session.run(_order(name, list(SEARCHERS)), dry_run=False, as_json=False)
    failed |= report.site(None, build=True)
    console.print("\nWhat was run at smoke scale, on generated data, and what won:")
    for name in (*registry.tasks(), *registry.table_tasks()):
        console.print(f"  {_won(name)}", soft_wrap=True)
    console.print(
        f"Their tables: slimbench board TASK --scale smoke --results {RUNS / 'results'}. The "
        "published board is in public/index.html. Real runs: slimbench data prepare cifar10 "
        "--from DIR, then slimbench run TASK METHOD",
        soft_wrap=True,
    )
    return failed


def _won(task: str) -> str:
    """A task, the methods that were run on it, and the one of best quality."""
    read = report.rows_of if task in registry.tasks() else report.search_rows_of
    found = read(task, "smoke", where=[RUNS / "results"])
    rows = [row for row in found if row["quality"] is not None]
    ran = ", ".join(dict.fromkeys(row["method"] for row in rows))
    best = max(rows, key=lambda row: row["quality"], default=None)
    won = "nothing" if best is None else f"{best['method']} with {best['quality']:.1%}"
    return f"{task}: {ran}; won by {won}"


def _order(task: str, methods: list[str]) -> session.Order:
    models = task in registry.tasks()
    cases = [] if models else [one.name for one in registry.find_table_task(task).cases[:1]]
    return session.Order(
        task=task,
        methods=methods,
        scale="smoke",
        seeds=[0] if models else [0, 1],
        settings="0",
        workers=WORKERS,
        method_files=[],
        measure=True,
        place=_place(),
        cases=cases,
    )


def _place() -> Place:
    return session.place(None, RUNS, None, "cpu", 0, WORKERS, "smoke")


if __name__ == "__main__":
    sys.exit(main())
