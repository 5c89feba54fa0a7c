"""Rows of searches on tables: many seeds of one method at once, and what enumeration says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.record_row import (
    SCHEMA_VERSION,
    Cost,
    MethodBlock,
    MetricBlock,
    Row,
    Status,
    VerificationStatus,
)


class TableTaskBlock(Row):
    """What a reader must know of a table task; `table_sha256` is over every prepared column."""

    name: str
    version: int
    title: str
    metric: MetricBlock
    space: str
    architectures: int
    table: str
    table_sha256: str
    table_origin: str
    clock: str


class CaseBlock(Row):
    """One question to a table; exactly one of `queries` and `simulated_seconds` is its budget.

    The best architectures are known by enumeration; `cost_worst` is the largest cost of a device.
    """

    name: str
    title: str
    kind: Literal["quality", "trade_off"]
    dataset: str
    fidelities: list[int]
    full_epochs: int
    queries: int | None
    simulated_seconds: float | None
    device: str | None
    protocol: str
    best_architecture: int
    best_architecture_text: str
    best_validation: float
    best_architecture_test: float
    best_test: float
    cost_worst: float | None = None


class FailedSeed(Row):
    """A seed that ended without an answer."""

    seed: int
    status: Status
    cause: str | None


class Answer(Row):
    """An architecture that searches committed to, and how many of them."""

    architecture: int
    text: str
    count: int


class SearchRecord(Row):
    """All seeds of one method at one setting on one case of a table.

    The raw values, one line for each change of a seed's best so far and for each answer, are in
    the Parquet file beside it (harness/traces.py), under this record's key.
    """

    kind: Literal["search"] = "search"
    schema_version: int = SCHEMA_VERSION
    key: str
    task: TableTaskBlock
    case: CaseBlock
    method: MethodBlock
    setting: dict[str, Any]
    scale: Literal["smoke", "standard", "full"]
    seeds: list[int]
    status: Status
    failures: list[FailedSeed] = Field(default_factory=list)
    answers: list[Answer] = Field(default_factory=list)
    trace_sha256: str | None = None
    cost: Cost = Field(default_factory=Cost)
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str
    verification: VerificationStatus = "self_reported"


class TableRecord(Row):
    """What enumeration says of a table: exact fronts by case, rank correlations of its devices.

    A front point is (cost, validation quality, test quality), best by test; `correlations` maps a
    data set to Kendall's tau between all pairs of `devices`.
    """

    kind: Literal["table"] = "table"
    schema_version: int = SCHEMA_VERSION
    task: TableTaskBlock
    scale: Literal["smoke", "standard", "full"]
    devices: list[str]
    correlations: dict[str, list[list[float]]]
    fronts: dict[str, list[tuple[float, float, float]]]
    created: str
