"""Commands that time: measure a task's runs or any ONNX file, attribute, kits, anchors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from harness import registry
from harness.artifact.check import check_model
from harness.commands.output import console, print_json, speed_of
from harness.commands.studies import finished_runs, is_current
from harness.errors import SlimbenchError, UsageError
from harness.measure.profile import Profile, load_profile
from harness.paired import anchor_ms
from harness.record import RunRecord, merge_into, sha256_of
from harness.run import timing
from harness.run.place import Place, Prepared
from harness.run.prepare import prepare
from harness.run.restore import restore
from harness.types import Scale

LARGEST_MODEL_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Order:
    """What `slimbench measure TASK` was asked for."""

    task: str
    scale: Scale
    place: Place
    profile: str | None
    method_files: Sequence[Path] = ()
    published: bool = False  # also rows of the results folder whose artifact or graph lies there
    cap_seconds: float = 60  # that one model may take


def measure_task(order: Order, as_json: bool) -> int:
    """Measure every finished run of a task that has no measurement on the profile."""
    task = registry.find_variant(order.task)
    chosen = profile_of(order.profile)
    known, cap = registry.methods(order.method_files), order.cap_seconds
    prepared = prepare(task, order.scale, order.place)
    failed, made = 0, []
    if order.published:
        failed += _restore(prepared, order.place)
    runs = list(finished_runs(prepared, order.place))
    current = [
        (record, folder)
        for record, folder in runs
        if record.method.name in known and is_current(record, prepared, known[record.method.name])
    ]
    timed = (
        (record, timing.measure_folder(folder, record, prepared, order.place, chosen, cap))
        for record, folder in current
    )
    graphs = _graphs(prepared, order.place, chosen, known) if order.published else ()
    redrawn = (
        (record, timing.measure_graph(graph, record, prepared, order.place, chosen, cap))
        for record, graph in graphs
    )
    for record, found in chain(timed, redrawn):
        if found is None:
            continue
        failed += found.status not in ("ok", "off_profile")
        made.append(json.loads(found.model_dump_json()))
        if not as_json:
            console.print(f"{record.method.name} {record.setting}: {speed_of(found)}")
    if as_json:
        print_json(made)
    skipped = {record.method.name for record, _ in runs if record.method.name not in known}
    for name in sorted(skipped) if not as_json else ():
        console.print(f"skipped the runs of '{name}', which is unknown: add --method-file FILE.py")
    return 1 if failed else 0


def _graphs(
    prepared: Prepared, place: Place, profile: Profile, known: Mapping[str, registry.MethodListing]
) -> Iterator[tuple[RunRecord, Path]]:
    """Published rows that the profile has not timed, whose graph is here but not the artifact."""
    import leaderboard

    board, name = leaderboard.load(place.results), prepared.task.name
    records = board.records(name)
    done = {
        one.artifact_sha256
        for one in records.measurements
        if one.profile.sha256 == profile.sha256 and one.status == "ok"
    }
    for record in records.runs:
        sha256, method = record.artifact_sha256 or "none", known.get(record.method.name)
        graph = board.graph_of(name, sha256)
        if (
            graph is not None
            and method is not None
            and record.scale == prepared.scale
            and sha256 not in done
            and board.artifact_of(name, sha256) is None
            and is_current(record, prepared, method)
        ):
            done.add(sha256)
            yield record, graph


def _restore(prepared: Prepared, place: Place) -> int:
    """Run folders of the published rows whose artifacts are here; how many could not be made."""
    import leaderboard

    board = leaderboard.load(place.results)
    name, failed = prepared.task.name, 0
    runs = board.records(name).runs if name in board.tasks() else []
    for record in runs:
        artifact = board.artifact_of(name, record.artifact_sha256 or "none")
        if record.scale != prepared.scale or artifact is None or not is_current(record, prepared):
            continue
        try:
            restore(record, artifact, prepared, place)
        except SlimbenchError as error:
            console.print(str(error), soft_wrap=True)
            failed += 1
    return failed


def measure_file(
    model: Path, anchor: Path | None, profile: str | None, cap_seconds: float, as_json: bool
) -> int:
    """Measure any ONNX file against any other on random inputs of its shapes."""
    from harness.measure import measure

    for path in (model, anchor or model):
        check_model(path, LARGEST_MODEL_BYTES)
    found = measure(
        model,
        anchor or model,
        profile_of(profile),
        random_inputs(model),
        None,
        task=model.stem,
        task_version=0,
        cap_seconds=cap_seconds,
    )
    if as_json:
        print_json(json.loads(found.model_dump_json()))
    else:
        console.print(f"{model.name} against {(anchor or model).name}: {speed_of(found)}")
    return 0 if found.status in ("ok", "off_profile") else 1


def random_inputs(model: Path, count: int = 64) -> dict[str, np.ndarray]:
    """Requests by name, (count, *shape), drawn for the shapes and types of an ONNX file's inputs.

    Raises UsageError when a dimension behind the batch is free.
    """
    import onnxruntime

    random = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    inputs = {}
    for each in session.get_inputs():
        if not all(isinstance(size, int) for size in each.shape[1:]):
            raise UsageError(
                f"input '{each.name}' has shape {each.shape}; only the batch may be free"
            )
        kind = each.type.removeprefix("tensor(").removesuffix(")").replace("float", "float32")
        shape = (count, *each.shape[1:])
        whole = random.integers(0, 256 if kind == "uint8" else 2, shape)
        inputs[each.name] = (random.normal(size=shape) if "float" in kind else whole).astype(kind)
    return inputs


def freeze(
    name: str, scale: Scale, where: Place, profile: str | None, cap_seconds: float = 60
) -> int:
    """Freeze the task's anchor on a profile: the median of its quiet starts against itself.

    `cap_seconds` is for each of its measurements; a slow anchor needs more.
    """
    from harness.measure import measure
    from harness.measure.machine import machine
    from harness.measure.profile import freeze_anchor

    task, chosen = registry.find_variant(name), profile_of(profile)
    prepared = prepare(task, scale, where)
    inputs, expected = timing.requests(prepared, prepared.anchor.with_name("predictions.npz"))
    starts: list[float] = []
    version = chosen.runtime_version
    while len(starts) < 10:
        found = measure(
            prepared.anchor,
            prepared.anchor,
            chosen,
            inputs,
            [expected],
            task=name,
            task_version=task.version,
            cap_seconds=cap_seconds,
        )
        if found.status != "ok":
            raise UsageError(f"not frozen: {found.status}: {found.cause}")
        version = found.profile.runtime_version
        if found.load_label == "loaded":
            raise UsageError("not frozen: something else keeps this machine busy; try when quiet")
        starts += anchor_ms(found.pairs)
    anchor = freeze_anchor(
        chosen, sha256_of(prepared.anchor), name, starts, where=machine(), version=version
    )
    console.print(f"{name} on {chosen.name}: {anchor.nominal_ms:.3f} ms, {len(starts)} starts")
    return 0


def attribute(model: Path, profile: str | None, out: Path | None, as_json: bool) -> int:
    """Print time, MACs and bytes by branch; write JSON, SVG and a trace into `out`."""
    from harness.measure import attribute_view
    from harness.measure.attribute import attribute as measure_kernels

    check_model(model, LARGEST_MODEL_BYTES)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    trace = out / "trace.json" if out else None
    found = measure_kernels(model, profile_of(profile), random_inputs(model), trace)
    if out is not None:
        (out / "attribution.json").write_text(attribute_view.to_json(found))
        (out / "attribution.svg").write_text(attribute_view.to_svg(found))
    console.print(
        attribute_view.to_json(found) if as_json else attribute_view.table(found), soft_wrap=True
    )
    return 0


def pack_kit(task_name: str, scale: Scale, where: Place, folder: Path) -> int:
    """Write a kit with every finished artifact of a task, to be run on another device."""
    from harness.measure.kit import pack_kit as pack

    task = registry.find_variant(task_name)
    prepared = prepare(task, scale, where)
    entries = {
        f"{path.parent.parent.parent.name}-{path.parent.name}": path
        for path in sorted((where.runs / task.name).glob(f"*/{scale}/*/model.onnx"))
        if path.parent.parent.parent.name != "reference" or path.parent.name.find(".v") < 0
    }
    inputs, _ = timing.requests(prepared, prepared.anchor.with_name("predictions.npz"))
    profile = load_profile("ort-1t-remote")
    options = {"task": task.name, "task_version": task.version}
    pack(folder, entries, prepared.anchor, profile, inputs, **options)  # type: ignore[arg-type]
    console.print(f"wrote {folder}: copy it to the device and run `python run.py` in it")
    return 0


def import_kit(results: Path, kit: Path, where: Place) -> int:
    """Check a kit's results and add their rows, labelled remote and self-reported."""
    from harness.measure.kit import import_kit as check

    rows = check(results, kit)
    for row in rows:
        merge_into(where.results / row.task / "remote.standard.jsonl", [row])
        console.print(f"{row.artifact_sha256[:12]}: {speed_of(row)}")
    return 0 if all(row.status == "ok" for row in rows) else 1


def profile_of(name: str | None) -> Profile:
    """The named profile, or the one this machine matches. Raises UsageError without one."""
    if name is not None:
        return load_profile(name)
    found = timing.default_profile()
    if found is None:
        raise UsageError("no profile matches this machine; name one with --profile (off-profile)")
    return found
