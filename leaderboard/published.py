"""Numbers that papers published about a task, each with its source, from published/*.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "published"


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


def curves_of(task: str, folder: Path = FOLDER) -> list[Curve]:
    """The published curves of a task, none when it has no file."""
    path = folder / f"{task}.toml"
    if not path.is_file():
        return []
    return [_curve(fields) for fields in tomllib.loads(path.read_text())["curve"]]


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
