"""A table of values as one SVG: the darker a cell, the larger its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leaderboard.pages.axes import WIDTH
from leaderboard.pages.safe import text

NAMES, ROW, TOP, BOTTOM = 190, 30, 8, 44
DARKEST = 0.5  # opacity; the value on it stays readable in both schemes


@dataclass(frozen=True)
class HeatMap:
    """What is drawn: values[row][column], None where there is none; `form` writes a value."""

    values: Sequence[Sequence[float | None]]
    rows: Sequence[str]
    columns: Sequence[str]
    x_label: str
    label: str
    form: Callable[[float], str]


def heat_svg(drawn: HeatMap) -> str:
    """The map as an SVG element; values of 0 or less have no colour."""
    known = [value for row in drawn.values for value in row if value is not None]
    most = max(known, default=0.0)
    wide = (WIDTH - NAMES) / max(len(drawn.columns), 1)
    height = TOP + ROW * len(drawn.rows) + BOTTOM
    parts = []
    for number, (name, row) in enumerate(zip(drawn.rows, drawn.values, strict=True)):
        middle = TOP + ROW * number + ROW / 2 + 4
        parts.append(f'<text x="{NAMES - 8}" y="{middle}" text-anchor="end">{text(name)}</text>')
        for column, value in enumerate(row):
            if value is not None:
                left = NAMES + wide * column
                shade = round(DARKEST * max(value, 0) / most, 3) if most > 0 else 0
                parts.append(
                    f'<rect class="sb-heat-cell" x="{left + 1:.1f}" y="{TOP + ROW * number + 1}" '
                    f'width="{wide - 2:.1f}" height="{ROW - 2}" fill-opacity="{shade}"/>'
                    f'<text class="sb-heat-value" x="{left + wide / 2:.1f}" y="{middle}" '
                    f'text-anchor="middle">{drawn.form(value)}</text>'
                )
    under = height - BOTTOM + 18
    for column, name in enumerate(drawn.columns):
        place = NAMES + wide * (column + 0.5)
        parts.append(f'<text x="{place:.1f}" y="{under}" text-anchor="middle">{text(name)}</text>')
    parts.append(
        f'<text class="sb-label" x="{(NAMES + WIDTH) / 2}" y="{height - 6}" '
        f'text-anchor="middle">{text(drawn.x_label)}</text>'
    )
    return (
        f'<svg class="sb-plot" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{text(drawn.label)}">{"".join(parts)}</svg>'
    )
