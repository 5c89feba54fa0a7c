"""The continuous loop: whatever the board lacks is run, timed, verified and published.

A new method, a new setting or a new version of a task or data set gives runs new keys, so the
difference between the registry and the records is all there is to do. Rows go through the same
door as a stranger's: a bundle, recomputed by `slimbench verify`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.markup import escape

from harness import data, registry
from harness.commands.output import console
from harness.environment import cpu
from harness.measure.profile import Profile
from harness.record import RunRecord, read_records
from harness.run import timing
from harness.run.matrix import plan, publish
from harness.run.place import Place, Run
from harness.run.prepare import prepare
from harness.run.stages import execute
from harness.types import Scale, Task


@dataclass(frozen=True)
class Order:
    """What `slimbench loop` was asked for; `results` is the board that gets the rows."""

    tasks: Sequence[str]
    methods: Sequence[str]
    seeds: Sequence[int]
    hours: float
    scale: Scale
    place: Place
    results: Path
    store: str | None = None


def loop(order: Order) -> int:
    """Run what is missing until the hours are over. Returns 1 when a row was refused, else 0."""
    end = time.monotonic() + 3600 * order.hours
    runs, refused = missing(order), 0
    profile = timing.default_profile()
    console.print(f"{len(runs)} runs have no row in {order.results}", soft_wrap=True)
    for number, run in enumerate(runs):
        if time.monotonic() > end:
            console.print(f"the {order.hours:g} hours are over; {len(runs) - number} runs wait")
            break
        record, _ = execute(run)
        name = escape(f"{run.prepared.task.name}, {run.method.name} {dict(run.setting)}")
        if record.status != "ok":
            publish(replace(run, place=replace(run.place, results=order.results)), record)
            console.print(f"{name}: {record.status}: {escape(str(record.cause))}", soft_wrap=True)
            continue
        if profile is not None:
            timing.measure_run(run, record, profile)
        reasons = _verify(run, order, profile)
        refused += bool(reasons)
        said = f"[red]refused[/] {escape('; '.join(reasons))}" if reasons else "verified"
        console.print(f"{name}: {said}", soft_wrap=True)
    return 1 if refused else 0


def missing(order: Order) -> list[Run]:
    """Runs that the board has no record of, each method's first seed before any second."""
    known = {
        row.key
        for row in read_records(order.results.glob("*/*.jsonl"))
        if isinstance(row, RunRecord)
    }
    found: list[Run] = []
    for task in _tasks(order):
        methods = [
            method
            for name, method in registry.methods().items()
            if registry.applies(method, task) and (not order.methods or name in order.methods)
        ]
        if methods:
            prepared = prepare(task, order.scale, order.place)
            found += plan(prepared, methods, order.place, order.seeds)
    found.sort(key=lambda run: order.seeds.index(run.seed))
    return [run for run in found if run.key not in known]


def _tasks(order: Order) -> Iterable[Task]:
    """The tasks asked for, or all whose data and frozen reference are here."""
    if order.tasks:
        return [registry.find_task(name) for name in order.tasks]
    return [
        task
        for task in registry.tasks().values()
        if order.scale == "smoke"
        or (
            data.is_prepared(order.place.data / task.dataset.name)
            and (task.folder / "reference.safetensors").is_file()
        )
    ]


def _verify(run: Run, order: Order, profile: Profile | None) -> list[str]:
    """Pack the run, judge it, publish it when every claim stands; else the reasons."""
    from harness.submit.history import publish as publish_bundle
    from harness.submit.pack import pack_runs
    from harness.submit.verdict import Options
    from harness.submit.verify import verify

    with tempfile.TemporaryDirectory(prefix="slimbench-loop-") as name:
        card, bundle = Path(name) / "card.toml", Path(name) / "bundle"
        card.write_text(_card(run, order))
        store = order.store or str(run.place.runs / "store")
        pack_runs([run.folder], card, bundle, store=store)
        timed = profile is not None
        options = Options(run.place, boards=(order.results,), store=store, time=timed)
        found = verify(bundle, options, lambda b, v: publish_bundle(b, v, order.results))
    return found.reasons()


def _card(run: Run, order: Order) -> str:
    """The card of a row that the project made itself."""
    fields = {
        "name": run.method.name,
        "authors": ["slimbench"],
        "licence": "Apache-2.0",
        "paper": "",
        "code_url": "",
        "description": run.method.summary,
        "hardware": cpu()["cpu"],
        "training_data": "the task's train split only",
        "tries": len(order.seeds) * len(run.method.settings),
    }
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())
