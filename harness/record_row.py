"""What all JSON rows have in common; record.py has the rows, record_studies.py those of studies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1


class Row(BaseModel):
    """Strict and immutable: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class MetricBlock(Row):
    """The quality metric; `chance` is what guessing scores."""

    name: str
    unit: str
    higher_is_better: bool
    chance: float
