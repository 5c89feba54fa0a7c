"""What all JSON rows have in common; record.py has the rows, record_studies.py those of studies."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
Status = Literal[
    "ok", "failed", "over_budget", "timeout", "out_of_memory", "invalid_model", "crashed"
]
VerificationStatus = Literal["self_reported", "verified", "reproduced", "flagged", "withdrawn"]


class Row(BaseModel):
    """Strict and immutable: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class MetricBlock(Row):
    """The quality metric; `chance` is what guessing scores."""

    name: str
    unit: str
    higher_is_better: bool
    chance: float


class MethodBlock(Row):
    """Which method made the row, and the hash of its source."""

    name: str
    version: int
    family: str
    source: str
    source_sha256: str
    small_baseline: bool = False


class Cost(Row):
    """What the run itself spent."""

    train_macs: float = 0.0
    queries: int = 0
    solve_seconds: float = 0.0
    cpu_seconds: float = 0.0
    score_seconds: float = 0.0
    other_seconds: float = 0.0
    peak_rss_bytes: int = 0
