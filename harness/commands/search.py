"""`slimbench run` and `board` for table tasks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from rich.markup import escape

from harness import registry
from harness.commands.output import console, print_json
from harness.commands.report import PUBLISHED
from harness.commands.session import Order, progress_bar
from harness.record_search import SearchRecord
from harness.run import search_runs
from harness.run.search_score import SearchRun
from harness.types import Setting


def run(order: Order, dry_run: bool, as_json: bool) -> int:
    """Run methods on the cases of a table; one line a run. Returns 1 when a seed failed."""
    task = registry.find_table_task(order.task)
    prepared = search_runs.prepare(task, order.scale, order.place)
    cases = search_runs.cases_of(prepared, order.cases)
    known = registry.methods(order.method_files)
    names = order.methods or [
        name
        for name, method in known.items()
        if any(search_runs.fits(method, task, case) for case in cases)
    ]
    chosen = [registry.find_method(name, order.method_files) for name in names]
    runs = search_runs.plan(prepared, chosen, cases, order.place, order.seeds or (), order.settings)
    if not as_json:
        seeds = sum(len(run.seeds) for run in runs)
        console.print(
            f"{len(runs)} runs of {seeds:,} seeds in all, {_hours(runs)}; the clock is {task.clock}"
        )
    if dry_run:
        return 0
    search_runs.publish_table(prepared, order.place)
    begin, records, failed = time.monotonic(), [], 0
    with progress_bar(as_json) as progress:
        bar = progress.add_task(order.task, total=len(runs), running=order.workers, failed=0)
        for _, record, reused in search_runs.run_all(runs, order.workers):
            records.append(record)
            if not as_json:
                progress.console.print(_line(record, reused), soft_wrap=True)
            failed += record.status != "ok"
            progress.update(bar, advance=1, failed=failed)
    if as_json:
        print_json([json.loads(record.model_dump_json()) for record in records])
    else:
        console.print(
            f"{len(runs) - failed} of {len(runs)} runs done in {time.monotonic() - begin:.0f} s; "
            f"`slimbench board {task.name}`"
        )
    return 1 if failed else 0


def _hours(runs: Sequence[SearchRun]) -> str:
    """What the runs take by the published records of the same methods and cases."""
    import leaderboard

    task = runs[0].prepared.task.name if runs else ""
    board = leaderboard.load([PUBLISHED] if PUBLISHED.is_dir() else [])
    known = {
        _key(one.method.name, one.setting, one.case.name): one.cost.cpu_seconds / len(one.seeds)
        for one in board.records(task).searches
    }
    each = [known.get(_key(run.method.name, run.setting, run.case.name)) for run in runs]
    hours = sum((one or 0.0) * len(run.seeds) for one, run in zip(each, runs, strict=True)) / 3600
    unknown = each.count(None)
    return f"about {hours:.2f} CPU hours" + (f" without {unknown} new runs" if unknown else "")


def _key(method: str, setting: Setting, case: str) -> tuple[str, str, str]:
    return method, json.dumps(dict(setting), sort_keys=True), case


def _line(record: SearchRecord, reused: bool) -> str:
    setting = ", ".join(f"{k}={v}" for k, v in record.setting.items()) or "-"
    name = f"{record.method.name} ({setting}) on {record.case.name}"
    cost = f"{record.cost.queries:,} queries, {record.cost.cpu_seconds:.1f} s of CPU"
    again = " (reused)" if reused else ""
    if record.failures:
        first = record.failures[0]
        said = f"{len(record.failures)}+ of {len(record.seeds)} seeds: {first.cause}"
        return f"[red]{record.status}[/] {escape(f'{name}: {said}')}"
    return f"{name}: {len(record.seeds)} seeds, {cost}{again}"
