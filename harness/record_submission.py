"""Rows of submissions: what was found about a run, and what a method's authors say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.record_row import SCHEMA_VERSION, Row, VerificationStatus


class ClaimBlock(Row):
    """One claim of a submission: what it says, what came out here, and whether it stands."""

    name: str
    claimed: str | int | float | None
    recomputed: str | int | float | None
    verdict: Literal["accepted", "refused", "unchecked"]
    why: str


class StatusRecord(Row):
    """What somebody found about a run, on one day; never replaced, so they are its history."""

    kind: Literal["status"] = "status"
    schema_version: int = SCHEMA_VERSION
    task: str
    method: str
    key: str
    status: VerificationStatus
    why: str
    claims: list[ClaimBlock] = Field(default_factory=list)
    bundle_sha256: str | None = None
    environment: dict[str, Any] = Field(default_factory=dict)
    created: str


class CardRecord(Row):
    """What a method's authors say about it on one task; untrusted text, checked for length."""

    kind: Literal["card"] = "card"
    schema_version: int = SCHEMA_VERSION
    task: str
    method: str
    name: str
    authors: list[str]
    licence: str
    paper: str
    code_url: str
    description: str
    hardware: str
    training_data: str
    tries: int
    created: str
