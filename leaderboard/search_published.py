"""Published results of searches, from published/search/TASK.toml, each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaderboard.published import FOLDER as PUBLISHED

FOLDER = PUBLISHED / "search"


@dataclass(frozen=True)
class Published:
    """A line of a published table; `test` is (mean, standard deviation) in percent by data set."""

    case: str
    method: str
    setting: Mapping[str, Any]
    test: Mapping[str, tuple[float, float]]
    source: str


@dataclass(frozen=True)
class Pick:
    """A published architecture for a cost limit; costs in the device's unit, `test` a fraction."""

    limit: float
    cost: float
    test: float
    source: str


def published_of(task: str, folder: Path = FOLDER) -> list[Published]:
    """The published lines of a task, none when it has no file."""
    return [
        Published(
            case=one["case"],
            method=one["method"],
            setting=one.get("setting", {}),
            test={name: (mean, spread) for name, (mean, spread) in one["test"].items()},
            source=one["source"],
        )
        for one in _read(task, folder).get("result", [])
    ]


def published_picks(task: str, folder: Path = FOLDER) -> dict[str, list[Pick]]:
    """The published picks of a task by case."""
    return {
        one["case"]: [
            Pick(limit, cost, test / 100, one["source"]) for limit, cost, test in one["picks"]
        ]
        for one in _read(task, folder).get("device", [])
    }


def _read(task: str, folder: Path) -> dict[str, Any]:
    path = folder / f"{task}.toml"
    return tomllib.loads(path.read_text()) if path.is_file() else {}
