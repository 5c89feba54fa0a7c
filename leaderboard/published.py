"""What is known of tasks and hardware beside the records, from published/: each with its source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "published"
HARDWARE = FOLDER / "hardware"


@dataclass(frozen=True)
class Point:
    """One published result: quality at a cost in MACs; `note` names the method within a curve."""

    cost: float
    quality: float
    note: str
    source: str


@dataclass(frozen=True)
class Curve:
    """Published results that belong together, cheapest last."""

    name: str
    source: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Result:
    """One published result without a cost in MACs; `split` is dev or test of the paper."""

    name: str
    source: str
    quality: float
    split: str
    params: float
    speedup: str = ""


@dataclass(frozen=True)
class Cost:
    """What serving a task's reference costs a month, and where the figure is from."""

    usd_per_month: float
    source: str


@dataclass(frozen=True)
class Price:
    """What an hour of some hardware costs, and where the figure is from."""

    usd_per_hour: float
    source: str


def cost_of(task: str, folder: Path = FOLDER) -> Cost | None:
    """What serving the task's reference costs in its story, None where none is told."""
    fields = _read(task, folder).get("cost")
    return Cost(**fields) if fields else None


def price_of(profile: str, folder: Path = HARDWARE) -> Price | None:
    """The price of a profile that names none itself, None where none is known."""
    fields = _read(profile, folder)
    return Price(**fields) if fields else None


def repeats_of(task: str, folder: Path = FOLDER) -> str | None:
    """The task that this one repeats on other data, to see whether its conclusions carry over."""
    return _read(task, folder).get("repeats")


def repeated_by(task: str, folder: Path = FOLDER) -> list[str]:
    """The tasks that repeat a task on other data."""
    names = (path.stem for path in sorted(folder.glob("*.toml")))
    return [name for name in names if repeats_of(name, folder) == task]


def results_of(task: str, folder: Path = FOLDER) -> list[Result]:
    """The published results of a task that are no curves, none when it has no file."""
    return [Result(**fields) for fields in _read(task, folder).get("result", [])]


def curves_of(task: str, folder: Path = FOLDER) -> list[Curve]:
    """The published curves of a task, none when it has no file."""
    return [_curve(fields) for fields in _read(task, folder).get("curve", [])]


def _read(name: str, folder: Path) -> dict[str, Any]:
    path = folder / f"{name}.toml"
    return tomllib.loads(path.read_text()) if path.is_file() else {}


def _curve(fields: dict[str, object]) -> Curve:
    raw = fields["points"]
    assert isinstance(raw, list)
    points = tuple(
        Point(
            cost=one["macs"] if "macs" in one else float(str(fields["base_macs"])) / one["ratio"],
            quality=one["quality"],
            note=one["note"],
            source=one.get("source", str(fields["source"])),
        )
        for one in raw
    )
    return Curve(str(fields["name"]), str(fields["source"]), points)
