"""Rows of studies: what is known of a reference or of artifacts beside their scores and timings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.record_row import SCHEMA_VERSION, MetricBlock, Row


class PreprocessingRecord(Row):
    """What making the model's inputs costs, each raw test request alone on one thread.

    `request_ms` holds each request's fastest of several calls, in ms of this machine.
    """

    kind: Literal["preprocessing"] = "preprocessing"
    schema_version: int = SCHEMA_VERSION
    task: str
    dataset: str
    library: str
    request_ms: list[float]
    foreign_load: float
    load_label: Literal["quiet", "noted", "loaded"]
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str


class PointBlock(Row):
    """One part of a reference computed once at one size: fastest of several calls, one thread.

    `macs` are torch's count, backward pass included in training; gathering along edges multiplies
    nothing and counts nothing. `peak_bytes` is the largest resident size of the process, which
    computed all parts of this size.
    """

    varied: str
    size: int
    phase: Literal["training", "serving"]
    part: str
    ms: float
    macs: float
    peak_bytes: int


class ComplexityRecord(Row):
    """What each part of a task's reference costs as its world grows; `steps` make an epoch."""

    kind: Literal["complexity"] = "complexity"
    schema_version: int = SCHEMA_VERSION
    task: str
    task_version: int
    steps: int
    points: list[PointBlock]
    foreign_load: float
    load_label: Literal["quiet", "noted", "loaded"]
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str


class ProbeBlock(Row):
    """One change of a reference and the validation quality that it leaves, without training.

    `dropped`: the layer is left out; `heads`, `neurons`: the less important `share` of them goes;
    `pruned`: the smallest `share` of one operator's weights is zero; `int8`: static INT8 of one
    layer's products, or of one operator in all layers (`layer` None), in the runtime.
    """

    change: Literal["dropped", "heads", "neurons", "pruned", "int8"]
    layer: int | None = None
    operator: str | None = None
    share: float | None = None
    quality: float


class SensitivityRecord(Row):
    """What each part of a task's frozen reference is worth, on the validation split.

    `quality` is that of the unchanged reference in torch, `quality_runtime` in the runtime, where
    `int8` was scored. `heads` holds each head's importance by layer, from `batches` batches.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    schema_version: int = SCHEMA_VERSION
    task: str
    task_version: int
    scale: Literal["smoke", "standard", "full"]
    reference_sha256: str
    data_sha256: str
    metric: MetricBlock
    examples: int
    quality: float
    quality_runtime: float
    heads: list[list[float]]
    batches: int
    probes: list[ProbeBlock]
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str


class ModalityRecord(Row):
    """What each modality of a request is worth to one artifact, and what it costs.

    `without` holds the validation quality with one modality missing in every request, by its
    name; `ms` the time of the nodes that follow from one modality alone, from several (`fusion`)
    and of the runtime, of one request on the profile, summing to `total_ms`; None and empty where
    the graph takes one of several ways, or nothing was timed.
    """

    kind: Literal["modality"] = "modality"
    schema_version: int = SCHEMA_VERSION
    task: str
    task_version: int
    scale: Literal["smoke", "standard", "full"]
    artifact_sha256: str
    data_sha256: str
    examples: int
    quality: float
    without: dict[str, float]
    profile: str | None = None
    total_ms: float | None = None
    ms: dict[str, float] = Field(default_factory=dict)
    foreign_load: float | None = None
    load_label: Literal["quiet", "noted", "loaded"] | None = None
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str
