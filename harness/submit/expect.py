"""What verdict and what place a bundle may expect, said before anybody else sees it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import traces
from harness.errors import RefusedError
from harness.record import RunRecord, merge_into, write_atomically
from harness.record_search import SearchRecord
from harness.submit.bundle import Bundle, open_bundle
from harness.submit.claims import check_records
from harness.submit.searches import read_trace

NEAREST = 3


def expectations(source: Path, boards: Sequence[Path]) -> list[str]:
    """Sentences on schema, limits, tie group and the difference from the nearest baselines."""
    with tempfile.TemporaryDirectory(prefix="slimbench-expect-") as name:
        try:
            bundle = open_bundle(source, Path(name) / "bundle")
            check_records(bundle)
        except RefusedError as error:
            return [f"verify would refuse it: {error}"]
        own = Path(name) / "results"
        for run in bundle.runs:
            _add(own, run, bundle)
        said = ["the schema is right"]
        for task, scale in sorted({(run.task.name, run.scale) for run in bundle.runs}):
            said += _place_of(bundle, task, scale, [*boards, own])
        for search in bundle.searches:
            _add_search(own, search, bundle)
        for task, scale in sorted({(run.task.name, run.scale) for run in bundle.searches}):
            said += _place_of_search(bundle, task, scale, [*boards, own])
        return said


def _add(own: Path, run: RunRecord, bundle: Bundle) -> None:
    """The bundle's rows as a results folder that the board can read beside the published ones."""
    folder = own / run.task.name
    timings = [one for one in bundle.measurements if one.artifact_sha256 == run.artifact_sha256]
    merge_into(folder / f"{run.method.name}.{run.scale}.jsonl", [run, *timings])
    stored = folder / "predictions" / f"{run.key[:16]}.npz"
    write_atomically(stored, bundle.predictions(run).read_bytes())


def _add_search(own: Path, search: SearchRecord, bundle: Bundle) -> None:
    folder, name = own / search.task.name, f"{search.method.name}.{search.scale}"
    traces.merge_into(folder / f"{name}.parquet", search.key, read_trace(bundle.trace(search)))
    merge_into(folder / f"{name}.jsonl", [search])


def _place_of_search(bundle: Bundle, task: str, scale: str, boards: Sequence[Path]) -> list[str]:
    import leaderboard

    known = leaderboard.load([folder for folder in boards if folder.is_dir()]).search(task, scale)
    keys = {search.key for search in bundle.searches}
    said = []
    for row in known.rows if known else []:
        if row["key"] not in keys:
            continue
        where = f"tie group {row['tie_group']}" if row["tie_group"] else "shown, not ranked"
        found = f"score {row['score']:.4f}" if row["score"] is not None else "no answer"
        said.append(f"{task}, {row['case']} {row['setting'] or ''}: {found}, {where}")
    return said


def _place_of(bundle: Bundle, task: str, scale: str, boards: Sequence[Path]) -> list[str]:
    import leaderboard

    rows = leaderboard.load([folder for folder in boards if folder.is_dir()]).rows(task, scale)
    method = bundle.runs[0].method
    ours = [
        row
        for row in rows
        if (row["method"], row["method_version"]) == (method.name, method.version)
    ]
    said = []
    for row in ours:
        where = f"tie group {row['tie_group']}" if row["tie_group"] else "shown, not ranked"
        few = "" if row["tie_group"] else f" ({len(row['seeds'])} of 3 seeds)"
        said.append(
            f"{task} {row['setting'] or ''}: quality {row['quality']:.4f}, limits "
            f"{row['limits_met'] or 'none'}, {where}{few}, best of {row['runs_tried']} tries"
        )
        said += _beside_baselines(row, rows)
    return said


def _beside_baselines(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """The strong small baselines nearest in MACs, and how far apart the qualities are."""
    known = [one for one in rows if one["small_baseline"] and one["macs"] and one["usable"]]
    known.sort(key=lambda one: abs(one["macs"] - (row["macs"] or 0)))
    said = []
    for one in known[:NEAREST]:
        difference = row["quality"] - one["quality"]
        apart = _apart(row, one)
        said.append(
            f"  {difference:+.4f} beside {one['method']} {one['setting']} "
            f"({one['macs']:,} MACs; yours {row['macs']:,}){apart}"
        )
    return said


def _apart(row: dict[str, Any], other: dict[str, Any]) -> str:
    ends = [(one["quality_low"], one["quality_high"]) for one in (row, other)]
    if any(low is None for low, _ in ends):
        return ""
    overlap = ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1]
    return "; the intervals overlap" if overlap else "; the intervals are apart"
