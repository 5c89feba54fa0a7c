"""`make demo`: every task with a few methods at smoke scale, the site, and where to look."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import registry
from harness.commands import report, session
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
    report.console.print("generating data and training a small reference for each task")
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda task: prepare(task, "smoke", _place()), registry.tasks().values()))
    for name, task in registry.tasks().items():
        methods = [m for m in METHODS if registry.applies(registry.find_method(m), task)]
        failed |= session.run(_order(name, methods[:2]), dry_run=False, as_json=False)
    for name in registry.table_tasks():
        failed |= session.run(_order(name, list(SEARCHERS)), dry_run=False, as_json=False)
    for name in registry.tasks():
        report.board(name, "smoke", None, [RUNS / "results"], as_json=False)
        rows = report.rows_of(name, "smoke", None, [RUNS / "results"])
        best = max((row for row in rows if row["quality"] is not None), key=lambda r: r["quality"])
        report.console.print(f"won on {name}: {best['method']} at {best['quality']:.1%}\n")
    for name in registry.table_tasks():
        report.board(name, "smoke", None, [RUNS / "results"], as_json=False)
    failed |= report.site(None, build=True)
    report.console.print(
        "These were smoke runs on generated data. The published board is in public/index.html; "
        "real runs: slimbench data prepare cifar10 --from DIR, then slimbench run TASK METHOD",
        soft_wrap=True,
    )
    return failed


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
