"""The JSON rows everything ends as: one run or one measurement, self-describing, raw values only.

A reader needs no task code: the `task` block carries unit, direction, limits and the reference's
figures. Means, intervals and ranks are computed on read, in `leaderboard/`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from functools import reduce
from operator import attrgetter, getitem
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from harness.errors import UsageError
from harness.record_row import (
    SCHEMA_VERSION,
    Cost,
    MethodBlock,
    MetricBlock,
    Row,
    Status,
    VerificationStatus,
)
from harness.record_search import SearchRecord, TableRecord
from harness.record_studies import (
    ComplexityRecord,
    ModalityRecord,
    PreprocessingRecord,
    SensitivityRecord,
)
from harness.record_submission import CardRecord, StatusRecord


class LimitBlock(Row):
    """A finish line of the task."""

    quantity: str
    kind: Literal["at_least", "at_most"]
    bound: float


class ReferenceBlock(Row):
    """The frozen reference every row is compared with; quality on the same splits, as ONNX."""

    sha256: str
    quality_validation: float
    quality_test: float
    macs: int
    params: int
    size_bytes: int


class TaskBlock(Row):
    """What a reader must know of the task to rank its rows."""

    name: str
    version: int
    title: str
    modality: str
    metric: MetricBlock
    limits: list[LimitBlock]
    test_examples: int
    reference: ReferenceBlock | None


class Counts(Row):
    """Read off the ONNX graph. One multiply-accumulate is one MAC; flops = 2 x macs on read.

    `macs_int8` are those between 8-bit numbers; None in records older than that count.
    """

    macs: int
    params: int
    params_nonzero: int
    size_bytes: int
    size_zstd_bytes: int
    peak_memory_bytes: int
    macs_int8: int | None = None


class DerivedBlock(Row):
    """What a search would have answered at a share of its budget, and the table's test quality."""

    share: float
    architecture: str
    table: dict[str, float] = Field(default_factory=dict)


class FoundBlock(Row):
    """The architecture that a search found before it was trained.

    `cost` is its predicted latency in ms on the profile `cost_of`, or its MACs; `search_macs` is
    what the search spent, which one search spends for the rows of all its limits together. `table`
    is the test quality by data set that a table of trained architectures has for it; `derived` is
    what a search with shared weights would have answered on its way.
    """

    space: str
    architecture: str
    quality_when_found: float | None
    cost_of: str
    cost: float
    cost_of_reference: float
    search_macs: float
    table: dict[str, float] = Field(default_factory=dict)
    derived: list[DerivedBlock] = Field(default_factory=list)


class RunRecord(Row):
    """One run of one method at one setting and seed on one task.

    `figures_error_test` are standard errors of the further figures over resampled test examples.
    """

    kind: Literal["run"] = "run"
    schema_version: int = SCHEMA_VERSION
    key: str
    task: TaskBlock
    method: MethodBlock
    setting: dict[str, Any]
    seed: int
    scale: Literal["smoke", "standard", "full"]
    status: Status
    cause: str | None = None
    quality_test: float | None = None
    quality_validation: float | None = None
    slices_test: dict[str, float] = Field(default_factory=dict)
    figures_test: dict[str, float] = Field(default_factory=dict)
    figures_error_test: dict[str, float] = Field(default_factory=dict)
    counts: Counts | None = None
    artifact_sha256: str | None = None
    predictions_sha256: str | None = None
    found: FoundBlock | None = None
    cost: Cost = Field(default_factory=Cost)
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str
    verification: VerificationStatus = "self_reported"


class ProfileBlock(Row):
    """The fixed hardware and runtime of a measurement."""

    name: str
    sha256: str
    kind: Literal["measured", "table", "predicted", "remote"]
    runtime: str
    runtime_version: str
    threads: int
    batch: int
    price_per_hour_usd: float | None = None


class MeasurementRecord(Row):
    """Paired timing of one artifact against the profile's anchor on one profile.

    `pairs` holds, for every process start, the list of (anchor_ms, entry_ms) block values in
    the order they were taken; everything published is computed from them on read. With
    `trimmed_length` the entry (but not the anchor) got requests cut to their own length, so many
    positions on average: a graph with a free length, which is no row's artifact. `by_request` says
    that the graph takes one of several ways: `pairs` are then of the quickest requests, and what
    the others cost is in `request_ms`. `redrawn`: the artifact was not at hand, and its graph was
    timed with weights drawn anew (harness/artifact/skeleton.py).
    """

    kind: Literal["measurement"] = "measurement"
    schema_version: int = SCHEMA_VERSION
    task: str
    task_version: int
    artifact_sha256: str
    anchor_sha256: str
    anchor_nominal_ms: float
    profile: ProfileBlock
    status: Literal["ok", "not_runnable", "off_profile", "failed"]
    cause: str | None = None
    pairs: list[list[tuple[float, float]]] = Field(default_factory=list)
    request_ms: list[float] = Field(default_factory=list)
    throughput_batch: int | None = None
    throughput_pairs: list[tuple[float, float]] = Field(default_factory=list)
    cold_start_ms: list[float] = Field(default_factory=list)
    trimmed_length: float | None = None
    by_request: bool = False
    redrawn: bool = False
    energy_mj: float | None = None
    settled: bool = False
    outputs_match: bool | None = None
    foreign_load: float | None = None
    load_label: Literal["quiet", "noted", "loaded"] | None = None
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str


IDENTITIES: dict[str, tuple[str, ...]] = {
    "run": ("key",),
    "search": ("key",),
    "table": ("task.name", "task.version", "task.table_sha256"),
    "sensitivity": ("task", "task_version", "reference_sha256", "scale"),
    "preprocessing": ("task", "dataset"),
    "complexity": ("task", "task_version"),
    "modality": ("task", "task_version", "artifact_sha256"),
    "status": ("key", "created", "status", "why"),
    "card": ("method", "created"),
    "measurement": ("artifact_sha256", "profile.name", "profile.sha256"),
}
Record = (
    RunRecord
    | MeasurementRecord
    | StatusRecord
    | CardRecord
    | SearchRecord
    | TableRecord
    | SensitivityRecord
    | PreprocessingRecord
    | ComplexityRecord
    | ModalityRecord
)
_ADAPTER: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def sha256_of(data: bytes | Path) -> str:
    """Hex SHA-256 of bytes or of a file's content."""
    return hashlib.sha256(data if isinstance(data, bytes) else data.read_bytes()).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def to_line(record: Record) -> str:
    """One JSON line with sorted keys, full precision and a digest that shows hand edits."""
    fields = record.model_dump(mode="json")
    return _dumps(fields | {"digest": _digest(fields)})


def _dumps(fields: dict[str, Any]) -> str:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _digest(fields: dict[str, Any]) -> str:
    return sha256_of(_dumps(fields).encode())[:16]


def parse_line(line: str, origin: str = "record") -> Record:
    """Validate one JSON row. Raises UsageError naming `origin` and the first bad field."""
    fields = _fields_of(line, origin)
    try:
        return _ADAPTER.validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{origin}: not a valid record at '{where}': {first['msg']}; "
            "records are written by the harness, restore the file from git"
        ) from None


def _fields_of(line: str, origin: str) -> dict[str, Any]:
    """A row's fields, its digest tested. Raises UsageError naming `origin`."""
    try:
        fields: dict[str, Any] = json.loads(line)
        digest = fields.pop("digest", None)
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        raise UsageError(f"{origin}: not a JSON row ({error}); restore the file from git") from None
    if digest != _digest(fields):
        raise UsageError(
            f"{origin}: digest {digest} does not fit the content ({_digest(fields)}): the row was "
            "edited or cut; restore the file from git or run it again"
        )
    return fields


def read_records(paths: Iterable[Path]) -> list[Record]:
    """All rows of JSON-Lines files, in file order. Raises UsageError on the first bad row."""
    return [
        parse_line(line, f"{path}:{number}")
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if line.strip()
    ]


def identity(record: Record) -> tuple[str, ...]:
    """What makes a row the same row: a later one replaces an earlier one of equal identity."""
    return (record.kind, *(str(attrgetter(name)(record)) for name in IDENTITIES[record.kind]))


def _identity_of(fields: dict[str, Any], origin: str) -> tuple[str, ...]:
    """The same of a row that is not parsed further."""
    try:
        kind = fields["kind"]
        names = (name.split(".") for name in IDENTITIES[kind])
        return (kind, *(str(reduce(getitem, parts, fields)) for parts in names))
    except (KeyError, TypeError) as error:
        raise UsageError(f"{origin}: the row has no {error}; restore the file from git") from None


def merge_into(path: Path, records: Iterable[Record]) -> None:
    """Add rows to a sorted JSON-Lines file, atomically; equal identities are replaced."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            origin = f"{path}:{number}"
            rows[_identity_of(_fields_of(line, origin), origin)] = line
    rows |= {identity(record): to_line(record) for record in records}
    write_atomically(path, ("\n".join(rows[key] for key in sorted(rows)) + "\n").encode())
