"""The records of a benchmark as tables: `load().rows(task)` and `load().to_pandas()`."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.record import (
    MeasurementRecord,
    ProfileBlock,
    RunRecord,
    identity,
    read_records,
)

if TYPE_CHECKING:
    import pandas as pd

    from leaderboard.table import Table

AnyRecord = RunRecord | MeasurementRecord
RESULTS = Path(__file__).parent / "results"
PUBLISHED_SCALES = ("standard", "full")
Row = dict[str, Any]


@dataclass(frozen=True)
class Board:
    """Every record of some results folders; tables are computed when asked for."""

    folders: tuple[Path, ...]
    runs: dict[tuple[str, str], list[RunRecord]]  # by (task, scale)
    measurements: dict[str, list[MeasurementRecord]]  # by task
    _tables: dict[tuple[str, str, str | None], Table | None] = field(default_factory=dict)

    def tasks(self, scale: str | None = None) -> list[str]:
        """Names of the tasks with at least one run, at one scale or at any."""
        return sorted({task for task, at in self.runs if scale in (None, at)})

    def profiles(self, task: str) -> list[ProfileBlock]:
        """The profiles that timed something on a task, most artifacts first, newest version."""
        newest: dict[str, MeasurementRecord] = {}
        counts: dict[str, int] = defaultdict(int)
        for one in self.measurements.get(task, ()):
            name = one.profile.name
            counts[name] += one.status == "ok"
            if name not in newest or one.created >= newest[name].created:
                newest[name] = one
        return [newest[name].profile for name in sorted(counts, key=lambda n: (-counts[n], n))]

    def rows(self, task: str, scale: str = "standard", profile: str | None = None) -> list[Row]:
        """One row a method, version and setting of the task's newest version, best first.

        `profile` None takes the one with most timed artifacts. Raises UsageError when the task
        or the profile is unknown.
        """
        found = self.table(task, scale, profile)
        return found.rows if found else []

    def table(self, task: str, scale: str = "standard", profile: str | None = None) -> Table | None:
        """The rows with their summary (headlines, hypervolumes, floor); None without runs."""
        _check_known(task, self.tasks(), "task")
        profiles = {one.name: one for one in self.profiles(task)}
        if profile is not None:
            _check_known(profile, list(profiles), f"profile with measurements on {task}")
        chosen = profile or next(iter(profiles), None)
        key = (task, scale, chosen)
        if key not in self._tables:
            from leaderboard.table import table

            self._tables[key] = table(self, task, scale, profiles[chosen] if chosen else None)
        return self._tables[key]

    def predictions_of(self, run: RunRecord) -> Path | None:
        """The file with a run's per-example predictions, in the first folder that has it."""
        name = Path(run.task.name) / "predictions" / f"{run.key[:16]}.npz"
        return next((f / name for f in self.folders if (f / name).is_file()), None)

    def artifact_of(self, task: str, sha256: str) -> Path | None:
        """The stored ONNX file of an artifact, in the first folder that has it."""
        name = Path(task) / "artifacts" / f"{sha256[:16]}.onnx"
        return next((f / name for f in self.folders if (f / name).is_file()), None)

    def to_pandas(self, scale: str | None = None) -> pd.DataFrame:
        """Every row of every task as a tidy frame; one line a row and profile."""
        import pandas as pd

        return pd.DataFrame(list(self.every_row([scale] if scale else PUBLISHED_SCALES)))

    def every_row(self, scales: Iterable[str] = PUBLISHED_SCALES) -> Iterator[Row]:
        """Rows of all tasks, once for each profile that timed the task."""
        for scale in scales:
            for task in self.tasks(scale):
                for profile in [one.name for one in self.profiles(task)] or (None,):
                    yield from self.rows(task, scale, profile)


def load(folders: str | Path | Sequence[str | Path] | None = None) -> Board:
    """Read all records of one or several results folders; later folders replace equal rows.

    Raises UsageError when a folder is missing or a record was edited.
    """
    if folders is None:
        folders = RESULTS
    listed = [folders] if isinstance(folders, str | Path) else folders
    paths = tuple(Path(one) for one in listed)
    records: dict[tuple[str, ...], AnyRecord] = {}
    for folder in paths:
        if not folder.is_dir():
            raise UsageError(f"results folder {folder} is missing; name one that `run` wrote")
        for record in read_records(sorted(folder.glob("*/*.jsonl"))):
            records[_place(record)] = record
    return _sorted_into_tasks(paths, records.values())


def _place(record: AnyRecord) -> tuple[str, ...]:
    """Identity with the task, since one artifact may be timed for two tasks."""
    task = record.task.name if isinstance(record, RunRecord) else record.task
    return (task, *identity(record))


def _sorted_into_tasks(folders: tuple[Path, ...], records: Iterable[AnyRecord]) -> Board:
    board = Board(folders, defaultdict(list), defaultdict(list))
    for record in records:
        if isinstance(record, RunRecord):
            board.runs[record.task.name, record.scale].append(record)
        else:
            board.measurements[record.task].append(record)
    return Board(folders, dict(board.runs), dict(board.measurements))


def _check_known(name: str, known: Sequence[str], what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
    raise UsageError(f"no {what} is called '{name}'; {hint}")
