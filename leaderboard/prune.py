"""Which stored artifacts may go when the repository is full: all but one of a row on a front."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from leaderboard.board import Board, Row

MEGABYTE = 1e6


def surplus(board: Board, megabytes: float) -> list[Path]:
    """Files to delete, the largest first, until all that stay fit in `megabytes`.

    Kept whatever they weigh: the first seed's artifact of a row on a front of some profile and
    axis, the reference's, and those of rows that nothing has timed yet. All may go whose rows were
    superseded.
    """
    stored = [
        path
        for folder in board.folders
        for task in board.tasks()
        for path in (folder / task / "artifacts").glob("*.onnx")
    ]
    needed = {sha256[:16] for sha256 in _needed(board)}
    spare = sorted((p for p in stored if p.stem not in needed), key=_size, reverse=True)
    over = sum(map(_size, stored)) - megabytes * MEGABYTE
    going = []
    for path in spare:
        if over <= 0:
            break
        going.append(path)
        over -= _size(path)
    return going


def _size(path: Path) -> int:
    return path.stat().st_size


def _needed(board: Board) -> set[str]:
    """The first artifact of a row on a front, the reference's, and those that nothing timed."""
    rows: dict[str, list[tuple[Row, bool]]] = defaultdict(list)
    for row in board.every_row():
        for place, sha256 in enumerate(row["artifacts"]):
            rows[sha256].append((row, place == 0))
    return {
        sha256
        for sha256, mine in rows.items()
        if any(first and (row["pareto_axes"] or row["is_reference"]) for row, first in mine)
        or all(row["speedup"] is None and not row["superseded"] for row, _ in mine)
    }
