"""What verification is asked for and what it answers, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.record import MeasurementRecord, RunRecord
from harness.record_search import SearchRecord
from harness.record_submission import ClaimBlock
from harness.registry import ROOT
from harness.run.place import Place
from harness.submit.bundle import Pointer
from harness.submit.examine import Examined
from harness.traces import Trace

PUBLISHED = ROOT / "leaderboard" / "results"


@dataclass(frozen=True)
class Options:
    """Where things lie and how much is done; `store` is a local folder that may be read."""

    place: Place
    boards: Sequence[Path] = (PUBLISHED,)
    store: str | None = None
    seconds: int | None = None
    time: bool = True
    retrain_seeds: int = 0


@dataclass
class RowVerdict:
    """The claims of one run with their verdicts, and what was recomputed for its row."""

    run: RunRecord
    claims: list[ClaimBlock] = field(default_factory=list)
    examined: Examined | None = None
    artifact: Path | None = None
    predictions: Path | None = None
    pointer: Pointer | None = None
    measured: MeasurementRecord | None = None
    recomputed: RunRecord | None = None

    @property
    def accepted(self) -> bool:
        """Whether no claim was refused."""
        return all(one.verdict != "refused" for one in self.claims)


@dataclass
class SearchVerdict:
    """The claims of one table search, its record with our blocks, and its trace."""

    run: SearchRecord
    trace: Trace
    claims: list[ClaimBlock] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether no claim was refused."""
        return all(one.verdict != "refused" for one in self.claims)


@dataclass
class Verdict:
    """What came of a bundle; `refused` says why nothing of it was opened."""

    bundle: str
    bundle_sha256: str | None = None
    refused: str | None = None
    rows: list[RowVerdict] = field(default_factory=list)
    searches: list[SearchVerdict] = field(default_factory=list)
    sandbox: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether every claim of every row stands, or could not be checked here."""
        return self.refused is None and all(row.accepted for row in self.all())

    def all(self) -> Sequence[RowVerdict | SearchVerdict]:
        """The rows of a bundle, whatever they are."""
        return [*self.rows, *self.searches]

    def reasons(self) -> list[str]:
        """Why the bundle is refused, in sentences; empty when it is accepted."""
        found = [self.refused] if self.refused else []
        for row in self.all():
            found += [f"{one.name}: {one.why}" for one in row.claims if one.verdict == "refused"]
        return found

    def as_json(self) -> dict[str, Any]:
        """The verdict for a program to read."""
        return {
            "bundle": self.bundle,
            "bundle_sha256": self.bundle_sha256,
            "accepted": self.accepted,
            "reasons": self.reasons(),
            "sandbox": self.sandbox,
            "seconds": round(self.seconds, 2),
            "rows": [
                {
                    "task": row.run.task.name,
                    "method": row.run.method.name,
                    "setting": row.run.setting,
                    "seed": row.run.seed if isinstance(row, RowVerdict) else row.run.seeds,
                    "accepted": row.accepted,
                    "claims": [one.model_dump() for one in row.claims],
                }
                for row in self.all()
            ],
        }
