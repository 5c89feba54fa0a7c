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
    Record,
    RunRecord,
    identity,
    read_records,
)
from harness.record_search import SearchRecord, TableRecord
from harness.record_studies import (
    ComplexityRecord,
    ModalityRecord,
    PreprocessingRecord,
    SensitivityRecord,
)
from harness.record_submission import CardRecord, StatusRecord
from leaderboard.published import price_of

if TYPE_CHECKING:
    import pandas as pd

    from harness.traces import Trace
    from leaderboard.table import Table

RESULTS = Path(__file__).parent / "results"
PUBLISHED_SCALES = ("standard", "full")
SUFFIX = ".jsonl"
Row = dict[str, Any]


@dataclass(frozen=True)
class TaskRecords:
    """Every record of one task; later folders have replaced equal rows of earlier ones."""

    runs: list[RunRecord]
    measurements: list[MeasurementRecord]
    searches: list[SearchRecord] = field(default_factory=list)
    tables: list[TableRecord] = field(default_factory=list)
    statuses: list[StatusRecord] = field(default_factory=list)
    cards: list[CardRecord] = field(default_factory=list)
    sensitivities: list[SensitivityRecord] = field(default_factory=list)
    preprocessing: list[PreprocessingRecord] = field(default_factory=list)
    complexities: list[ComplexityRecord] = field(default_factory=list)
    modalities: list[ModalityRecord] = field(default_factory=list)

    def profiles(self) -> list[ProfileBlock]:
        """The profiles that timed something, most artifacts first, each in its newest version.

        Those that name no price have the published one of such hardware.
        """
        newest: dict[str, MeasurementRecord] = {}
        counts: dict[str, int] = defaultdict(int)
        for one in self.measurements:
            name = one.profile.name
            counts[name] += one.status == "ok"
            if name not in newest or one.created >= newest[name].created:
                newest[name] = one
        names = sorted(counts, key=lambda n: (-counts[n], n))
        return [_with_price(newest[name].profile) for name in names]


@dataclass(frozen=True)
class SearchTable:
    """A table task at one scale: records, what enumeration says, traces by key, and the rows."""

    records: list[SearchRecord]
    table: TableRecord | None
    traces: dict[str, Trace]
    rows: list[Row]


@dataclass(frozen=True)
class Board:
    """Some results folders; a task's records are read when asked for, its tables are kept.

    Only the records of the task asked for last stay in memory.
    """

    folders: tuple[Path, ...]
    files: dict[str, list[Path]]  # by task, in the order of the folders
    _records: dict[str, TaskRecords] = field(default_factory=dict)
    _profiles: dict[str, list[ProfileBlock]] = field(default_factory=dict)
    _tables: dict[tuple[str, str, str | None], Table | None] = field(default_factory=dict)

    def tasks(self, scale: str | None = None) -> list[str]:
        """Names of the tasks with a file of records, of one scale or of any."""
        return sorted(
            task
            for task, paths in self.files.items()
            if scale is None or any(path.name.endswith(f".{scale}{SUFFIX}") for path in paths)
        )

    def records(self, task: str) -> TaskRecords:
        """Every record of a task. Raises UsageError when one was edited or is another task's."""
        if task not in self._records:
            self._records.clear()
            self._records[task] = _read(task, self.files.get(task, []))
        return self._records[task]

    def profiles(self, task: str) -> list[ProfileBlock]:
        """The profiles that timed something on a task, most artifacts first."""
        if task not in self._profiles:
            self._profiles[task] = self.records(task).profiles()
        return self._profiles[task]

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

    def search(self, task: str, scale: str = "standard") -> SearchTable | None:
        """What a table task's records of one scale say; None for a task on models."""
        from leaderboard.search import of_newest_table, read_traces, rows_of

        records = of_newest_table([r for r in self.records(task).searches if r.scale == scale])
        if not records:
            return None
        table = (records[0].task.version, records[0].task.table_sha256)
        tables = self.records(task).tables
        newest = next(
            (one for one in tables if (one.task.version, one.task.table_sha256) == table), None
        )
        files = [folder / task for folder in self.folders]
        traces = read_traces([p for f in files for p in sorted(f.glob(f"*.{scale}.parquet"))])
        rows = rows_of(records, traces, newest.fronts if newest else {})
        return SearchTable(records, newest, traces, rows)

    def predictions_of(self, task: str, key: str) -> Path | None:
        """The file with a run's per-example predictions, in the first folder that has it."""
        return self._stored(Path(task) / "predictions" / f"{key[:16]}.npz")

    def artifact_of(self, task: str, sha256: str) -> Path | None:
        """The stored ONNX file of an artifact, in the first folder that has it."""
        return self._stored(Path(task) / "artifacts" / f"{sha256[:16]}.onnx")

    def graph_of(self, task: str, sha256: str) -> Path | None:
        """The stored graph of an artifact without its weights, in the first folder that has it."""
        return self._stored(Path(task) / "graphs" / f"{sha256[:16]}.onnx.zst")

    def _stored(self, name: Path) -> Path | None:
        return next((f / name for f in self.folders if (f / name).is_file()), None)

    def to_pandas(self, scale: str | None = None) -> pd.DataFrame:
        """Every row of every task as a tidy frame; one line a row and profile."""
        import pandas as pd

        return pd.DataFrame(list(self.every_row([scale] if scale else PUBLISHED_SCALES)))

    def every_row(self, scales: Iterable[str] = PUBLISHED_SCALES) -> Iterator[Row]:
        """Rows of all tasks, once for each profile that timed the task."""
        for task in self.tasks():
            for scale in scales:
                for profile in [one.name for one in self.profiles(task)] or (None,):
                    yield from self.rows(task, scale, profile)


def load(folders: str | Path | Sequence[str | Path] | None = None) -> Board:
    """The board of one or several results folders; later folders replace equal rows.

    Raises UsageError when a folder is missing.
    """
    if folders is None:
        folders = RESULTS
    listed = [folders] if isinstance(folders, str | Path) else folders
    files: dict[str, list[Path]] = defaultdict(list)
    for folder in map(Path, listed):
        if not folder.is_dir():
            raise UsageError(f"results folder {folder} is missing; name one that `run` wrote")
        for path in sorted(folder.glob(f"*/*{SUFFIX}")):
            files[path.parent.name].append(path)
    return Board(tuple(map(Path, listed)), dict(files))


def _with_price(profile: ProfileBlock) -> ProfileBlock:
    price = price_of(profile.name)
    if price is None or profile.price_per_hour_usd is not None:
        return profile
    return profile.model_copy(update={"price_per_hour_usd": price.usd_per_hour})


def _read(task: str, paths: Sequence[Path]) -> TaskRecords:
    found: dict[tuple[str, ...], Record] = {}
    for path in paths:
        for record in read_records([path]):
            owner = record.task if isinstance(record.task, str) else record.task.name
            if owner != task:
                raise UsageError(
                    f"{path} holds a record of task '{owner}'; move it to a folder of that name"
                )
            found[identity(record)] = record
    rows = sorted(found.values(), key=lambda one: one.created)
    statuses = [one for one in rows if isinstance(one, StatusRecord)]
    latest = {one.key: one.status for one in statuses}
    return TaskRecords(
        [
            one.model_copy(update={"verification": latest.get(one.key, one.verification)})
            for one in found.values()
            if isinstance(one, RunRecord)
        ],
        [one for one in found.values() if isinstance(one, MeasurementRecord)],
        [
            one.model_copy(update={"verification": latest.get(one.key, one.verification)})
            for one in found.values()
            if isinstance(one, SearchRecord)
        ],
        [one for one in found.values() if isinstance(one, TableRecord)],
        statuses,
        [one for one in rows if isinstance(one, CardRecord)],
        [one for one in rows if isinstance(one, SensitivityRecord)],
        [one for one in rows if isinstance(one, PreprocessingRecord)],
        [one for one in rows if isinstance(one, ComplexityRecord)],
        [one for one in rows if isinstance(one, ModalityRecord)],
    )


def _check_known(name: str, known: Sequence[str], what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
    raise UsageError(f"no {what} is called '{name}'; {hint}")
