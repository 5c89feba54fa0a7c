"""Kits: a self-contained folder that times artifacts on any device, and its results as records.

The folder holds the artifacts, the anchor, the inputs, `kit.json` and one `run.py` that needs only
numpy and onnxruntime. What comes back is labelled remote and self-reported: hashes, outputs and
protocol are checked, honesty cannot be.
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from harness.artifact.graph import takes_ways
from harness.errors import UsageError
from harness.measure.kit_driver import digest
from harness.measure.profile import Profile
from harness.measure.timing import MATCHING_SHARE, Plan
from harness.paired import anchor_ms, settled
from harness.record import MeasurementRecord, ProfileBlock, sha256_of

VERSION = 1
STARTS = 10
REQUESTS = 64
ANDROID = """#!/bin/sh
# Copies this kit to an Android device where Termux is installed, and says what to run there:
#   pkg install python python-numpy python-onnxruntime
set -e
adb push "$(dirname "$0")" /sdcard/Download/slimbench-kit
echo 'In Termux: cp -r ~/storage/downloads/slimbench-kit . && python slimbench-kit/run.py'
echo 'Then here: adb pull /sdcard/Download/slimbench-kit/results.json (copy it back first)'
"""


def pack_kit(
    folder: Path,
    entries: Mapping[str, Path],
    anchor: Path,
    profile: Profile,
    inputs: Mapping[str, np.ndarray],
    *,
    task: str,
    task_version: int,
) -> Path:
    """Write a kit into a new folder and return it.

    `entries`: artifacts by name; `inputs`: {name: (n, *shape)}, of which 64 requests are packed.
    Raises UsageError when the folder exists or the profile's runtime is not ONNX Runtime.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already; give the path of a new folder")
    if profile.runtime != "onnxruntime":
        raise UsageError(f"kits run ONNX Runtime, not {profile.runtime}; take ort-1t-remote")
    folder.mkdir(parents=True)
    shutil.copyfile(anchor, folder / "anchor.onnx")
    np.savez(folder / "inputs.npz", **{k: v[:REQUESTS] for k, v in inputs.items()})  # type: ignore[arg-type]
    rows = []
    for position, (name, path) in enumerate(entries.items()):
        file = f"entry_{position}.onnx"
        shutil.copyfile(path, folder / file)
        rows.append({"name": name, "file": file, "sha256": sha256_of(path)})
    plan = asdict(Plan())
    del plan["seed"]
    manifest = {
        "version": VERSION,
        "task": task,
        "task_version": task_version,
        "profile": profile.block().model_dump(mode="json") | {"kind": "remote"},
        "threads": profile.threads,
        "tolerance": profile.tolerance,
        "starts": STARTS,
        "plan": plan,
        "inputs": "inputs.npz",
        "anchor": {"file": "anchor.onnx", "sha256": sha256_of(anchor)},
        "entries": rows,
    }
    (folder / "kit.json").write_text(json.dumps(manifest, indent=1))
    (folder / "run.py").write_text(_one_file())
    (folder / "android.sh").write_text(ANDROID)
    return folder


def import_kit(results: Path, kit: Path) -> list[MeasurementRecord]:
    """The records of a kit's results, each checked against the kit that was packed.

    Raises UsageError when the file was edited or is of another kit. An entry that did not run, or
    whose outputs differ from ours, is a record with a cause.
    """
    try:
        found = json.loads(results.read_text())
        noted = found.pop("digest")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{results} is no kit result ({error}); run the kit's run.py") from None
    if noted != digest(found):
        raise UsageError(f"{results} was edited after it was written; run the kit again")
    if found["manifest_sha256"] != sha256_of(kit / "kit.json"):
        raise UsageError(f"{results} is of another kit than {kit}; give the folder it came from")
    manifest = json.loads((kit / "kit.json").read_text())
    for part in (manifest["anchor"], *manifest["entries"]):
        if sha256_of(kit / part["file"]) != part["sha256"]:
            raise UsageError(f"{kit / part['file']} is not the file that was packed; pack again")
    files = {entry["name"]: kit / entry["file"] for entry in manifest["entries"]}
    return [_record(row, found["device"], manifest, kit, files) for row in found["entries"]]


def _record(
    row: dict[str, Any],
    device: dict[str, Any],
    manifest: dict[str, Any],
    kit: Path,
    files: Mapping[str, Path],
) -> MeasurementRecord:
    starts = row["starts"]
    pairs = [[(a, e) for a, e in start["pairs"]] for start in starts if "pairs" in start]
    cause = next((start["error"] for start in starts if "error" in start), None)
    cause = cause or _protocol_fault(pairs, manifest)
    matches = None if cause else _outputs_match(starts, files[row["name"]], manifest, kit)
    if matches is False:
        cause = "the outputs from the device differ from those of the same file here"
    profile = ProfileBlock(**manifest["profile"])
    return MeasurementRecord(
        task=manifest["task"],
        task_version=manifest["task_version"],
        artifact_sha256=row["sha256"],
        anchor_sha256=manifest["anchor"]["sha256"],
        anchor_nominal_ms=statistics.median(anchor_ms(pairs)) if pairs else 0.0,
        profile=profile.model_copy(update={"runtime_version": device["onnxruntime"]}),
        status="failed" if cause else "ok",
        cause=cause,
        pairs=pairs,
        by_request=takes_ways(files[row["name"]]),
        settled=not cause and settled(pairs),
        outputs_match=matches,
        environment=device | {"self_reported": True, "starts": len(pairs)},
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _protocol_fault(pairs: list[list[tuple[float, float]]], manifest: dict[str, Any]) -> str | None:
    if len(pairs) != manifest["starts"]:
        return f"{len(pairs)} process starts came back, the kit asks for {manifest['starts']}"
    if any(not blocks or min(min(pair) for pair in blocks) <= 0 for blocks in pairs):
        return "a process start has no block, or a time that is not positive"
    return None


def _outputs_match(
    starts: list[dict[str, Any]], path: Path, manifest: dict[str, Any], kit: Path
) -> bool:
    """Whether the outputs that each start kept are those of the same file on this machine."""
    from harness.measure.runtimes import onnxruntime

    model = onnxruntime.load(path, 1)
    with np.load(kit / manifest["inputs"], allow_pickle=False) as file:
        inputs = {name: file[name] for name in file.files}
    checked = matched = 0
    for row in range(len(starts[0]["outputs"])):
        ours = model({name: array[row : row + 1] for name, array in inputs.items()})
        for start in starts:
            for wanted, found in zip(ours, start["outputs"][row], strict=True):
                limit = manifest["tolerance"] * max(1e-6, float(np.abs(wanted).max(initial=0)))
                same = len(found) == wanted.size
                close = same and np.abs(wanted.ravel() - np.array(found)).max(initial=0) <= limit
                checked, matched = checked + 1, matched + bool(close)
    return matched >= MATCHING_SHARE * checked


def _one_file() -> str:
    """timing.py and kit_driver.py as one file that imports nothing of ours."""
    here = Path(__file__).parent
    parts = [(here / name).read_text() for name in ("timing.py", "kit_driver.py")]
    text = "\n\n".join(parts)
    text = text.replace("from __future__ import annotations\n", "")
    text = re.sub(
        r"^from harness\.[^\n(]*import (\([^)]*\)|[^\n]*)\n", "", text, flags=re.MULTILINE
    )
    return f"from __future__ import annotations\n\n{text}"
