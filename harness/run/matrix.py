"""The matrix of runs of one command: methods x settings x seeds, in an order that is fair early."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from harness import data
from harness.artifact import skeleton
from harness.errors import UsageError
from harness.measure.predictor import stored_predictor
from harness.measure.profile import load_profile
from harness.record import RunRecord, merge_into, write_atomically
from harness.registry import ROOT, MethodListing, applies, table_of
from harness.run import process
from harness.run.locked import locked
from harness.run.place import Place, Prepared, Run
from harness.run.stages import execute
from harness.run.table import COUNTED
from harness.types import Setting

PUBLISHED = ROOT / "leaderboard" / "results"


@dataclass(frozen=True)
class Done:
    """A finished cell of the matrix."""

    run: Run
    record: RunRecord
    reused: bool


def plan(
    prepared: Prepared,
    methods: Iterable[MethodListing],
    place: Place,
    seeds: Iterable[int] = (0,),
    settings: str | None = None,
    cost: str | None = None,
) -> list[Run]:
    """All runs, every method's first seed before any method's second.

    `cost` is what searches weigh instead of the space's own: macs, params or a profile. Raises
    UsageError when a method does not apply to the task, a setting or a cost is unknown.
    """
    chosen = []
    for method in methods:
        if not applies(method, prepared.task):
            raise UsageError(
                f"method '{method.name}' solves {method.solves} problems on "
                f"{'/'.join(method.modalities) or 'any'} data; task '{prepared.task.name}' poses "
                f"{'/'.join(prepared.task.poses)} on {prepared.task.modality} data"
            )
        for setting in _settings(method, prepared, settings, cost):
            if method.solves == "Search":
                _check_search(setting, prepared, place)
            chosen.append((method, setting))
    return [
        Run(prepared, method, setting, seed, place) for seed in seeds for method, setting in chosen
    ]


def _check_search(setting: Setting, prepared: Prepared, place: Place) -> None:
    """What a search at full scale needs: a predictor of its cost, the table of its space.

    Raises UsageError or DataError with the command that makes it.
    """
    task, search = prepared.task, prepared.task.search
    if search is None or prepared.scale == "smoke":
        return
    if (table := table_of(task)) is not None:
        data.verify(place.data / table.dataset.name)
    cost = setting.get("cost", search.device)
    if cost in COUNTED:
        return
    profile = load_profile(cost)
    if not stored_predictor(task.name, profile).is_file():
        raise UsageError(
            f"no predictor of {task.name} on {cost} is stored; "
            f"`slimbench predictor {task.name} --profile {cost}` builds it on such a machine"
        )


def _settings(
    method: MethodListing, prepared: Prepared, settings: str | None, cost: str | None
) -> list[Setting]:
    """The chosen settings; of a search each with each of the task's limits, unless it names one."""
    chosen, task = choose_settings(method, settings), prepared.task
    if method.solves != "Search" or task.search is None:
        if cost is not None:
            raise UsageError(f"--cost is for searches; '{method.name}' is none")
        return chosen
    if cost is not None:
        chosen = [{**each, "cost": cost} for each in chosen]
    limits = [{"limit": limit} for limit in task.search.limits]
    return [{**limit, **each} for each in chosen for limit in ([{}] if "limit" in each else limits)]


def choose_settings(method: MethodListing, settings: str | None) -> list[Setting]:
    """All settings, those of the given indices, or one from JSON. Raises UsageError if unknown."""
    if settings is None:
        return list(method.settings)
    if settings.lstrip().startswith("{"):
        return [_from_json(method, settings)]
    try:
        chosen = [int(index) for index in settings.split(",")]
        if min(chosen) < 0:
            raise IndexError
        return [method.settings[index] for index in chosen]
    except (ValueError, IndexError):
        raise UsageError(
            f"method '{method.name}' has no setting '{settings}'; give indices 0 to "
            f"{len(method.settings) - 1}, or one as JSON, of: "
            + "; ".join(json.dumps(dict(each)) for each in method.settings)
        ) from None


def _from_json(method: MethodListing, settings: str) -> Setting:
    try:
        setting: dict[str, Any] = json.loads(settings)
    except json.JSONDecodeError as error:
        raise UsageError(f"--settings {settings!r} is not JSON: {error}") from None
    always = {"limit", "cost"} if method.solves == "Search" else {"budget"}
    known = sorted(always.union(*method.settings))
    for name in setting:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise UsageError(
                f"method '{method.name}' has no setting '{name}'; did you mean '{near}'?"
            )
    return setting


def run_all(
    runs: list[Run],
    workers: int = 1,
    after: Callable[[Done], Any] = lambda done: None,
) -> Iterator[Done]:
    """Execute the runs on `workers` local processes and yield each as it ends.

    Each record is merged into the results before it is yielded; `after` runs in the worker.
    """

    def one(run: Run) -> Done:
        record, reused = execute(run)
        publish(run, record)
        done = Done(run, record, reused)
        after(done)
        return done

    process.start_over()
    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(one, run) for run in runs]):
            yield future.result()
    except BaseException:
        process.stop_all()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def publish(run: Run, record: RunRecord) -> None:
    """Merge a record and its predictions into the results folder.

    A run without a sandbox is not published: its record stays in its own folder.
    """
    sandboxed = record.environment.get("sandbox") != "none" or record.status == "crashed"
    if run.place.results == PUBLISHED and not sandboxed:
        return
    folder = run.place.results / record.task.name
    with locked(run.place.results / ".lock"):
        merge_into(folder / f"{record.method.name}.{record.scale}.jsonl", [record])
        if record.predictions_sha256:
            stored = (run.folder / "predictions.npz").read_bytes()
            write_atomically(folder / "predictions" / f"{record.key[:16]}.npz", stored)


def publish_artifact(run: Run, record: RunRecord, largest_bytes: int) -> bool:
    """Copy the artifact beside the records when it is small enough; says whether it did."""
    source = run.folder / "model.onnx"
    if not record.artifact_sha256 or source.stat().st_size > largest_bytes:
        return False
    target = run.place.results / record.task.name / "artifacts"
    write_atomically(target / f"{record.artifact_sha256[:16]}.onnx", source.read_bytes())
    return True


def publish_graph(run: Run, record: RunRecord) -> bool:
    """Keep the artifact's graph without its weights beside the records; says whether it did.

    With it the row can be timed where the artifact itself is not at hand.
    """
    stripped = skeleton.strip(run.folder / "model.onnx") if record.artifact_sha256 else None
    if record.artifact_sha256 is None or stripped is None:
        return False
    target = run.place.results / record.task.name / "graphs"
    write_atomically(target / f"{record.artifact_sha256[:16]}.onnx.zst", stripped)
    return True
