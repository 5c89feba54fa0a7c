"""A bundle: one submission of one method, as a folder or one zip of it.

bundle.json              format, date, where it was made, sha256 of every other file
card.toml                who, licence, what it was trained on, number of tries
records.jsonl            run and measurement records as the harness wrote them, raw timings too
method.py                the method's file, absent for a compressed model alone
artifacts/SHA256.onnx    the deployed models; or SHA256.json: their address in a store
predictions/KEY.npz      per-example predictions on the hidden test
traces/KEY.npz           for searches of a table: what each seed asked and answered
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from harness import environment
from harness.errors import RefusedError, SlimbenchError, UsageError
from harness.record import MeasurementRecord, Record, RunRecord, parse_line, sha256_of
from harness.record_row import Row
from harness.record_search import SearchRecord
from harness.submit.archive import unpack
from harness.submit.card import Card, read_card

FORMAT = 1
REQUIRED = ("bundle.json", "card.toml", "records.jsonl")
MOST_ROWS = 200
Block = TypeVar("Block", bound=Row)


class Manifest(Row):
    """What `bundle.json` says."""

    format: Literal[1]
    created: str
    environment: dict[str, Any]
    sha256: dict[str, str] = Field(max_length=1000)


class Pointer(Row):
    """Where an artifact lies that is too large for a bundle."""

    url: str = Field(max_length=500)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1)


@dataclass(frozen=True)
class Bundle:
    """A bundle in a clean folder, parsed; its claims are not believed yet."""

    folder: Path
    sha256: str
    manifest: Manifest
    card: Card
    runs: list[RunRecord]
    measurements: list[MeasurementRecord]
    searches: list[SearchRecord]

    @property
    def rows(self) -> list[RunRecord | SearchRecord]:
        """Runs and searches."""
        return [*self.runs, *self.searches]

    @property
    def method(self) -> Path | None:
        """The method's file, if the bundle holds one."""
        path = self.folder / "method.py"
        return path if path.is_file() else None

    def artifact(self, run: RunRecord) -> Path | Pointer:
        """The artifact of a run, or where it lies. Raises RefusedError when there is neither."""
        stem = self.folder / "artifacts" / (run.artifact_sha256 or "none")[:16]
        if stem.with_suffix(".onnx").is_file():
            return stem.with_suffix(".onnx")
        if not stem.with_suffix(".json").is_file():
            raise RefusedError(f"artifacts/{stem.name}.onnx is missing: seed {run.seed} names it")
        return _parsed(stem.with_suffix(".json"), Pointer)

    def predictions(self, run: RunRecord) -> Path:
        """The predictions of a run. Raises RefusedError when they are missing."""
        path = self.folder / "predictions" / f"{run.key[:16]}.npz"
        if not path.is_file():
            raise RefusedError(f"predictions/{path.name} is missing: seed {run.seed} needs it")
        return path

    def trace(self, run: SearchRecord) -> Path:
        """The trace of a search. Raises RefusedError when it is missing."""
        path = self.folder / "traces" / f"{run.key[:16]}.npz"
        if not path.is_file():
            raise RefusedError(f"traces/{path.name} is missing: case '{run.case.name}' needs it")
        return path


def open_bundle(source: Path, into: Path) -> Bundle:
    """Copy a bundle into an empty folder and parse it.

    Raises RefusedError in one sentence for whatever is wrong with it; nothing of it is run.
    """
    names = unpack(source, into)
    for name in REQUIRED:
        if name not in names:
            raise RefusedError(f"{name} is missing; pack with `slimbench submit`")
    manifest = _parsed(into / "bundle.json", Manifest)
    _check_hashes(into, names, manifest)
    rows = _read_rows(into / "records.jsonl")
    return Bundle(
        folder=into,
        sha256=sha256_of(into / "bundle.json"),
        manifest=manifest,
        card=read_card(into / "card.toml"),
        runs=[row for row in rows if isinstance(row, RunRecord)],
        measurements=[row for row in rows if isinstance(row, MeasurementRecord)],
        searches=[row for row in rows if isinstance(row, SearchRecord)],
    )


def _parsed(path: Path, block: type[Block]) -> Block:
    try:
        return block.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(ascii(part).strip("'")[:40] for part in first["loc"])
        raise RefusedError(f"{path.name}: '{where}': {first['msg'][:200]}") from None


def _check_hashes(folder: Path, names: list[str], manifest: Manifest) -> None:
    listed = set(manifest.sha256)
    if missing := sorted(listed - set(names)):
        raise RefusedError(f"{missing[0][:80]!a} is listed in bundle.json and missing")
    for name in names:
        if name == "bundle.json":
            continue
        if name not in listed:
            raise RefusedError(f"{name} is not listed in bundle.json")
        if sha256_of(folder / name) != manifest.sha256[name]:
            raise RefusedError(f"{name} is not the file that was packed: its sha256 differs")


def _read_rows(path: Path) -> list[Record]:
    try:
        lines = path.read_bytes().decode().splitlines()
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path.name} is not UTF-8 (byte {error.start})") from None
    if len(lines) > 2 * MOST_ROWS:
        raise RefusedError(f"{len(lines)} records are above the limit {2 * MOST_ROWS}")
    try:
        rows = [parse_line(line, f"{path.name}:{n}") for n, line in enumerate(lines, start=1)]
    except (UsageError, ValueError, RecursionError, OverflowError) as error:
        raise RefusedError(str(error)[:400]) from None
    if not all(isinstance(row, RunRecord | MeasurementRecord | SearchRecord) for row in rows):
        raise RefusedError("a bundle holds runs and measurements; statuses are given on this side")
    return rows


def write_bundle(folder: Path, out: Path) -> Path:
    """Write `bundle.json` into a folder of a bundle's files and move it to `out`.

    `out` becomes a folder, or one archive when it ends in .zip. Raises UsageError when it exists.
    """
    if out.exists():
        raise UsageError(f"{out} exists already; name a new folder or .zip file")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = Manifest(
        format=FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment.facts(),
        sha256={path.relative_to(folder).as_posix(): sha256_of(path) for path in files},
    )
    (folder / "bundle.json").write_text(manifest.model_dump_json(indent=1))
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix != ".zip":
        shutil.copytree(folder, out)
        return out
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return out


def read_pointer(path: Path) -> Pointer:
    """An artifact's address as published beside the records. Raises SlimbenchError if damaged."""
    try:
        return _parsed(path, Pointer)
    except RefusedError as error:
        raise SlimbenchError(str(error)) from None
