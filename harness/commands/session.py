"""Commands that compute: run, measure, reference."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness import data as cache
from harness import environment, registry
from harness.commands import estimate
from harness.commands.output import console, number, print_json, speed_of
from harness.errors import UsageError
from harness.measure.profile import Profile
from harness.record import MeasurementRecord, RunRecord
from harness.run import timing
from harness.run.matrix import Done, plan, publish_artifact, publish_graph, run_all
from harness.run.place import Place, Run
from harness.run.prepare import prepare, rebuild
from harness.run.ray_cluster import Cluster
from harness.types import Scale

DEVICES = ("cpu", "cuda")
LARGEST_PUBLISHED_BYTES = 4 * 10**6


@dataclass(frozen=True)
class Order:
    """What `slimbench run` was asked for."""

    task: str
    methods: list[str]
    scale: Scale
    seeds: list[int] | None
    settings: str | None
    workers: int
    method_files: list[Path]
    measure: bool
    place: Place
    cases: list[str] = field(default_factory=list)
    cost: str | None = None
    cluster: Cluster | None = None


def numbers(text: str) -> list[int]:
    """Seeds from `0,1,2` or `0-499`. Raises UsageError for anything else."""
    try:
        ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
        parts = [range(part[0], part[-1] + 1) for part in ends]
    except ValueError:
        parts = []
    if not parts or not all(parts):
        raise UsageError(f"--seeds {text!r} is not a list of whole numbers such as 0,1,2 or 0-499")
    return list(dict.fromkeys(seed for part in parts for seed in part))


def place(
    data: Path | None,
    runs: Path,
    results: Path | None,
    device: str,
    threads: int,
    workers: int,
    scale: str,
) -> Place:
    """Where things lie; small runs take one thread, others share the cores.

    Raises UsageError for a device that is none, or that this machine lacks.
    """
    if device not in DEVICES:
        raise UsageError(f"no device is named '{device}'; there are {' and '.join(DEVICES)}")
    if device == "cuda" and not environment.has_nvidia_driver():
        raise UsageError("--device cuda: this machine has no NVIDIA driver; use --device cpu")
    cores = len(os.sched_getaffinity(0))
    chosen = threads or (1 if scale == "smoke" else max(1, cores // workers))
    runs = runs.resolve()
    folder = (results or runs / "results").resolve()
    return Place(runs, cache.cache_folder(data), folder, device, chosen)


def run(order: Order, dry_run: bool, as_json: bool) -> int:
    """Run the matrix; one line a run. Returns 1 when a run failed, else 0."""
    if order.task in registry.table_tasks():
        if order.cost is not None:
            raise UsageError(f"--cost is for spaces that are trained; cases of {order.task} say it")
        from harness.commands import search

        return search.run(order, dry_run, as_json)
    if order.cases:
        raise UsageError(f"--case is for table tasks; {order.task} has no cases")
    task = registry.find_variant(order.task)
    known = registry.methods(order.method_files)
    names = order.methods or [n for n, m in known.items() if registry.applies(m, task)]
    chosen = [registry.find_method(name, order.method_files) for name in names]
    prepared = prepare(task, order.scale, order.place, export=not dry_run)
    runs = plan(prepared, chosen, order.place, order.seeds or [0], order.settings, order.cost)
    _announce(runs, as_json, dry_run)
    if dry_run:
        return 0
    profile = timing.default_profile() if order.measure else None
    failed: list[RunRecord] = []
    done_rows, begin = [], time.monotonic()
    measured: dict[str, MeasurementRecord | None] = {}

    def after(done: Done) -> None:
        publish_artifact(done.run, done.record, LARGEST_PUBLISHED_BYTES)
        if order.scale != "smoke" and not done.reused:
            publish_graph(done.run, done.record)
        if profile is not None and order.cluster is None:
            measured[done.record.key] = timing.measure_run(done.run, done.record, profile)

    with progress_bar(as_json) as progress:
        bar = progress.add_task(order.task, total=len(runs), running=order.workers, failed=0)

        def watch(running: int) -> None:
            progress.update(bar, running=running)

        for done in _engine(order, runs, profile, (after, watch)):
            failed += [done.record] if done.record.status != "ok" else []
            found = measured.get(done.record.key)
            if as_json:
                done_rows.append(json.loads(done.record.model_dump_json()))
            else:
                progress.console.print(_line(done, found), soft_wrap=True)
            progress.update(bar, advance=1, failed=len(failed))
    if as_json:
        print_json(done_rows)
    else:
        _sum_up(task.name, len(runs), failed, time.monotonic() - begin)
    return 1 if failed else 0


def _sum_up(task: str, count: int, failed: list[RunRecord], seconds: float) -> None:
    """What a person reads the next morning: how many, how long, and each failure with its cause."""
    spent = _spoken(seconds / 3600)
    console.print(
        f"{count - len(failed)} of {count} runs done in {spent}, {len(failed)} failed; "
        f"`slimbench board {task}`",
        soft_wrap=True,
    )
    for record in failed:
        name = f"{record.method.name} {json.dumps(record.setting)} seed {record.seed}"
        console.print(
            f"[red]{record.status}[/] {escape(f'{name}: {record.cause}')}", soft_wrap=True
        )


def _spoken(hours: float) -> str:
    return f"{hours:.1f} h" if hours > 1 else f"{60 * hours:.1f} min"


def _engine(
    order: Order,
    runs: list[Run],
    profile: Profile | None,
    hooks: tuple[Callable[[Done], None], Callable[[int], None]],
) -> Iterator[Done]:
    """The runs on this machine's processes, or on a Ray cluster."""
    after, watch = hooks
    if order.cluster is None:
        return run_all(runs, order.workers, after)
    from harness.run import on_ray

    name = profile.name if profile else None
    return on_ray.run_all(runs, replace(order.cluster, profile=name), after, watch)


def _announce(runs: list[Run], as_json: bool, dry_run: bool) -> None:
    pending = [run for run in runs if not (run.folder / "record.json").is_file()]
    macs = sum(run.budget.train_macs or 0.0 for run in pending)
    macs += sum({run.search_folder: run.search_macs for run in pending}.values())
    hours, disk = estimate.cpu_hours(pending), estimate.disk_bytes(pending)
    free = shutil.disk_usage(runs[0].place.runs.parent).free if runs else 0
    if as_json and dry_run:
        planned = {"runs": len(runs), "done": len(runs) - len(pending), "train_macs": macs}
        print_json(planned | {"cpu_hours": hours, "disk_bytes": disk, "free_bytes": free})
    if not as_json:
        console.print(
            f"{len(runs)} runs, {len(runs) - len(pending)} of them done before; at most "
            f"{macs:.2e} MACs of training, about {_spoken(hours)} of one core; up to "
            f"{disk / 1e9:.2f} GB of disk ({free / 1e9:.0f} GB free)",
            soft_wrap=True,
        )
    if disk > free:
        raise UsageError(
            f"the runs may need {disk / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free in "
            f"{runs[0].place.runs}; free some or give another --runs folder"
        )


def progress_bar(quiet: bool) -> Progress:
    """Done, running, failed, elapsed and left; it disappears at the end. Nothing when quiet."""
    counts = TextColumn("{task.fields[running]} running, {task.fields[failed]} failed")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), counts
    times = TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=True)
    return Progress(*columns, *times, console=console, disable=quiet, transient=True)


def _line(done: Done, measured: MeasurementRecord | None) -> str:
    record = done.record
    setting = ", ".join(f"{k}={v}" for k, v in record.setting.items()) or "-"
    name = f"{record.method.name} ({setting}) seed {record.seed}"
    if record.status != "ok" or record.counts is None:
        return f"[red]{record.status}[/] {escape(f'{name}: {record.cause}')}"
    cost = f"{record.cost.solve_seconds:.0f} s, {record.cost.train_macs:.2e} MACs"
    return (
        f"{name}: {number(record.quality_test, 100, '{:.2f}%')}, "
        f"{record.counts.macs / 1e6:.2f} M MACs, {record.counts.size_bytes / 1e6:.3f} MB, "
        f"{speed_of(measured)}, cost {cost}{' (reused)' if done.reused else ''}"
    )


@contextmanager
def _following(log: Path) -> Iterator[None]:
    """Show the lines that a long training writes to its log, as they come."""
    stop = threading.Event()

    def follow() -> None:
        shown = log.stat().st_size if log.is_file() else 0
        while True:
            ended = stop.wait(1.0)
            text = log.read_bytes() if log.is_file() else b""
            shown = shown if shown <= len(text) else 0  # the log was begun again
            whole = text.rfind(b"\n") + 1
            for line in text[shown:whole].decode(errors="replace").splitlines():
                console.print(escape(line), soft_wrap=True)
            shown = max(shown, whole)
            if ended:
                return

    watcher = threading.Thread(target=follow, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def reference(name: str, where: Place, seed: int, train: bool) -> None:
    """Show the frozen reference's card, or train it again and install it where it belongs."""
    task = registry.find_variant(name)
    folder = where.reference_of(task)
    if train:
        with _following(where.rebuild_of(task, seed) / "log.txt"):
            out = rebuild(task, where, seed)
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("reference.safetensors", "reference.json"):
            shutil.copyfile(out / file, folder / file)
        console.print(f"wrote {folder / 'reference.safetensors'}", soft_wrap=True)
    card = folder / "reference.json"
    if not card.is_file():
        raise UsageError(
            f"{name} has no frozen reference yet; `slimbench reference {name} --rebuild` trains it"
        )
    console.print(card.read_text(), soft_wrap=True)
