"""The second engine: the same runs on a Ray cluster, with lost workers and nodes made good.

A node needs slimbench and a way to the store, no shared disk. What fails by itself is a record;
what fails because a process, a node or the store was lost is tried MOST_TRIES times in all.
Measurements go to nodes that offer the resource `profile:NAME`, one at a time; start such a node
with `--num-cpus=0`, so that nothing else is ever placed there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import environment
from harness.record import MeasurementRecord, RunRecord, parse_line, to_line, write_atomically
from harness.run import cell, process, timing
from harness.run.dispatch import MOST_TRIES, dispatch
from harness.run.matrix import Done, publish
from harness.run.place import Run
from harness.run.ray_cluster import Cluster, check_nodes, connected
from harness.run.stages import method_block, task_block
from harness.run.store import Store


def run_all(
    runs: Sequence[Run],
    cluster: Cluster,
    after: Callable[[Done], Any] = lambda done: None,
    watch: Callable[[int], object] = lambda running: None,
) -> Iterator[Done]:
    """Execute the runs on the cluster and yield each as its record is published here.

    `watch` hears how many tasks are under way, measurements too.
    Raises UsageError when Ray is missing or the nodes differ in code or number format.
    """
    process.start_over()
    store = Store(cluster.store)
    with connected(cluster.address) as ray:
        check_nodes(ray)
        store.create()
        for prepared, place in {id(r.prepared): (r.prepared, r.place) for r in runs}.values():
            cell.offer(store, prepared, place)
        first = runs[0].prepared if runs else None
        done_before = store.finished(first.task.name, first.scale) if first else set()
        pending = []
        for run in runs:
            if cell.cell_of(run).folder in done_before:
                yield _fetch(run, store, after, reused=True)
            else:
                pending.append(run)
        yield from _solve_all(ray, pending, (cluster, store), after, watch)


def _solve_all(
    ray: Any,
    runs: Sequence[Run],
    where: tuple[Cluster, Store],
    after: Callable[[Done], Any],
    watch: Callable[[int], object],
) -> Iterator[Done]:
    cluster, store = where
    offered = f"profile:{cluster.profile}"
    timed = cluster.profile is not None and offered in ray.cluster_resources()
    solve = ray.remote(max_retries=0)(_solve)
    measure = ray.remote(max_retries=0, num_cpus=0, resources={offered: 1})(_measure)

    def submit(job: tuple[str, Run]) -> Any:
        kind, run = job
        if kind == "measure":
            return measure.remote(cell.cell_of(run), cluster.store, cluster.profile)
        gpus = cluster.gpus_per_run if run.place.device == "cuda" else 0
        return solve.options(num_cpus=run.threads, num_gpus=gpus).remote(
            cell.cell_of(run), cluster.store
        )

    waiting = [("solve", run) for run in runs]
    for (kind, run), found in dispatch(ray, waiting, submit, watch):
        if kind == "measure":
            _publish_measurement(run, found)
            continue
        if isinstance(found, Exception):
            _give_up(run, store, found)
        done = _fetch(run, store, after, reused=False)
        yield done
        if timed and done.record.status == "ok":
            waiting.append(("measure", run))


def _solve(one: cell.Cell, store: str) -> str:
    return cell.solve(one, Store(store), _cache())


def _measure(one: cell.Cell, store: str, profile: str) -> str | None:
    return cell.measure(one, Store(store), _cache(), profile)


def _cache() -> Path:
    """This node's own folder for data sets, references and runs in progress."""
    import ray

    top = Path(os.environ.get("SLIMBENCH_NODE_CACHE", tempfile.gettempdir()))
    return top / f"slimbench-node-{ray.get_runtime_context().get_node_id()[:12]}"


def _fetch(run: Run, store: Store, after: Callable[[Done], Any], reused: bool) -> Done:
    """Bring a finished run's files here and publish its record."""
    if not store.is_folder(run.place.runs):
        store.pull(cell.cell_of(run).folder, run.folder)
    path = run.folder / "record.json"
    record = parse_line(path.read_text(), str(path))
    assert isinstance(record, RunRecord)
    publish(run, record)
    done = Done(run, record, reused)
    after(done)
    return done


def _give_up(run: Run, store: Store, error: Exception) -> None:
    """A failed row for a run that killed its process, or lost its node, each time."""
    last = str(error).strip().splitlines()[-1][:300]
    record = RunRecord(
        key=run.key,
        task=task_block(run.prepared),
        method=method_block(run.method),
        setting=dict(run.setting),
        seed=run.seed,
        scale=run.prepared.scale,
        status="crashed",
        cause=f"lost {MOST_TRIES} times on the cluster; the last time: {last}",
        environment=environment.facts() | {"device": run.place.device},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_atomically(run.folder / "record.json", to_line(record).encode())
    store.push(run.folder, cell.cell_of(run).folder)


def _publish_measurement(run: Run, found: Any) -> None:
    if not isinstance(found, str):
        return  # lost three times, or a failed run: the row's latency stays pending
    path = run.folder / "record.json"
    record, measured = parse_line(path.read_text(), str(path)), parse_line(found, "measurement")
    assert isinstance(record, RunRecord)
    assert isinstance(measured, MeasurementRecord)
    timing.publish_measurement(run.place, record, measured)
