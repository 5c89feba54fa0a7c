"""Whether published files follow from the records: the first cell that does not is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leaderboard.board import Board
from leaderboard.export import json_row
from leaderboard.publish import GENERATED, derived_files


def differences(board: Board, out: Path) -> Iterator[str]:
    """A sentence for every file or cell below `out` that the records do not give, or compare."""
    yield from _mixed_data(board)
    expected = set()
    for name, chunks in derived_files(board):
        expected.add(name)
        path = out / name
        if not path.is_file():
            yield f"{name} is missing; run python -m leaderboard"
        elif path.read_text(encoding="utf-8") != "".join(chunks):
            yield from _in_json(board, path) if name == "board.json" else [_in_text(name)]
    for folder in GENERATED:
        for path in sorted((out / folder).rglob("*")):
            if path.is_file() and path.relative_to(out).as_posix() not in expected:
                yield f"{path.relative_to(out)} follows from no record; run python -m leaderboard"


def _mixed_data(board: Board) -> Iterator[str]:
    """A sentence for every version of a task whose runs were scored on other bytes of data."""
    for task in board.tasks():
        seen: dict[tuple[int, str], tuple[str, str]] = {}
        for run in board.records(task).runs:
            found = run.environment.get("data_sha256")
            if found is None:  # runs from before it was recorded
                continue
            first = seen.setdefault((run.task.version, run.scale), (found, run.key))
            if first[0] != found:
                yield (
                    f"{task}: run {run.key[:12]} had data {found[:12]}, run {first[1][:12]} had "
                    f"{first[0][:12]}, so their rows do not compare; run them on the same data"
                )


def _in_text(name: str) -> str:
    return f"{name} does not follow from the records; run python -m leaderboard"


def _in_json(board: Board, path: Path) -> Iterator[str]:
    """The cells of board.json that differ."""
    try:
        published = {_place(row): row for row in json.loads(path.read_text())["rows"]}
    except (ValueError, KeyError, TypeError) as error:
        yield f"board.json is no board ({error}); run python -m leaderboard"
        return
    for row in board.every_row():
        exact = json.loads(json_row(row))
        found = published.pop(_place(exact), None)
        if found is None:
            yield f"board.json lacks row {_words(exact)}"
            continue
        for name in sorted(exact.keys() | found.keys()):
            if exact.get(name) != found.get(name):
                yield (
                    f"board.json, row {_words(exact)}, {name}: published {found.get(name)!r}, "
                    f"the records give {exact.get(name)!r}"
                )
    for row in published.values():
        yield f"board.json has a row that no record gives: {_words(row)}"


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["row_id"], row["profile"])


def _words(row: dict[str, Any]) -> str:
    return f"{row.get('task')} / {row.get('method')} / {row.get('setting')} / {row.get('profile')}"
