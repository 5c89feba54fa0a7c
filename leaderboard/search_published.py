"""Published means of search methods, from published/TASK.toml, each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaderboard.published import FOLDER


@dataclass(frozen=True)
class Published:
    """One line of a published table; `test` is (mean, standard deviation) in percent by data set."""

    case: str
    method: str
    setting: Mapping[str, Any]
    test: Mapping[str, tuple[float, float]]
    source: str


def published_of(task: str, folder: Path = FOLDER) -> list[Published]:
    """The published lines of a task, none when it has no file."""
    path = folder / f"{task}.toml"
    if not path.is_file():
        return []
    return [
        Published(
            case=one["case"],
            method=one["method"],
            setting=one.get("setting", {}),
            test={name: (mean, spread) for name, (mean, spread) in one["test"].items()},
            source=one["source"],
        )
        for one in tomllib.loads(path.read_text()).get("result", [])
    ]
