"""Curves with bands as one SVG: linear or logarithmic axes, a legend under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from leaderboard.pages.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    cost_ticks,
    quality_ticks,
)
from leaderboard.pages.figures import prefixed
from leaderboard.pages.safe import text

# The colours of the families, in an order that keeps neighbours apart; dashes tell further rounds.
COLOURS = (
    "architecture",
    "pruning",
    "quantization",
    "distillation",
    "factorization",
    "pipeline",
    "search",
    "other",
)
DASHES = ("", " sb-dashed", " sb-dotted", " sb-dash-dotted")


@dataclass(frozen=True)
class Series:
    """One line, NaN where it has no value; `low` and `high` bound its band.

    `step` draws stairs, `exact` a front that is known, `points` crosses that are not joined.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    step: bool = False
    exact: bool = False
    points: bool = False


@dataclass(frozen=True)
class LinePlot:
    """What is drawn; y values are fractions and shown in percent points, or shown as they are.

    With `floor`, y is logarithmic and smaller values are drawn at the floor.
    """

    series: Sequence[Series]
    x_label: str
    y_label: str
    log_x: bool = True
    floor: float | None = None
    percent: bool = True
    names: Sequence[str] = field(default_factory=tuple)  # fixes each name's colour over plots


def line_svg(plot: LinePlot) -> str:
    """The plot and its legend, or a sentence when nothing has a value."""
    drawn = [one for one in plot.series if np.isfinite(one.y).any()]
    if not drawn:
        return '<p class="sb-empty">No curve yet.</p>'
    scale = _Scale(plot, drawn)
    names = list(plot.names) or [one.name for one in drawn]
    parts = [_grid(plot, scale)]
    parts += [_band(one, scale, colour_of(one.name, names)) for one in drawn]
    parts += [_line(one, scale, colour_of(one.name, names)) for one in drawn]
    factor = 100 if plot.percent else 1
    best = ", ".join(f"{one.name} {factor * _last(one):.4g}" for one in drawn[:6])
    label = text(f"{plot.y_label} against {plot.x_label}; at the right end: {best}")
    legend = "".join(_key(one, colour_of(one.name, names)) for one in drawn)
    return (
        f'<svg class="sb-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'{"".join(parts)}</svg><ul class="sb-legend">{legend}</ul>'
    )


def colour_of(name: str, names: Sequence[str]) -> str:
    """The CSS classes of a line: a family's colour, then the same colours in other dashes."""
    number = names.index(name) if name in names else len(COLOURS) - 1
    dash = DASHES[min(number // len(COLOURS), len(DASHES) - 1)]
    return f"f-{COLOURS[number % len(COLOURS)]}{dash}"


class _Scale:
    def __init__(self, plot: LinePlot, drawn: Sequence[Series]) -> None:
        x = np.concatenate([one.x[np.isfinite(one.y)] for one in drawn])
        y = np.concatenate([one.y for one in drawn] + [_finite(one.low) for one in drawn])
        y = np.concatenate([y, *[_finite(one.high) for one in drawn]])
        self.log, self.floor = plot.log_x, plot.floor
        self.left, self.right = float(x.min()), float(x.max())
        low, high = float(np.nanmin(y)), float(np.nanmax(y))
        if self.floor is None:
            pad = max(0.04 * (high - low), 1e-6)
            self.low, self.high = low - pad, high + pad
        else:
            self.low = max(low, self.floor)
            self.high = 1.1 * max(high, 2 * self.low)

    def x(self, value: float) -> float:
        ends = (self.left, self.right)
        if self.log:
            value, ends = math.log(value), (math.log(self.left), math.log(self.right))
        share = (value - ends[0]) / max(ends[1] - ends[0], 1e-12)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        if self.floor is None:
            share = (value - self.low) / (self.high - self.low)
        else:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _finite(values: np.ndarray | None) -> np.ndarray:
    return np.zeros(0) if values is None else values[np.isfinite(values)]


def _last(series: Series) -> float:
    return float(series.y[np.isfinite(series.y)][-1])


def _grid(plot: LinePlot, scale: _Scale) -> str:
    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    wanted = quality_ticks if scale.floor is None else cost_ticks
    for value in wanted(scale.low, scale.high):
        y = scale.y(value)
        parts.append(f'<path class="sb-grid" d="M{LEFT} {y}H{right}"/>')
        said = f"{100 * value:.4g}" if plot.percent else f"{value:,g}"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{said}</text>')
    ticks = cost_ticks if scale.log else quality_ticks
    for value in ticks(scale.left, scale.right):
        x = scale.x(value)
        parts.append(f'<path class="sb-grid" d="M{x} {TOP}V{floor}"/>')
        shown = prefixed(value).replace(".00", "").replace(".0", "")
        parts.append(f'<text x="{x}" y="{floor + 18}" text-anchor="middle">{shown}</text>')
    middle = (LEFT + right) / 2
    parts.append(
        f'<text class="sb-label" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{text(plot.x_label)}</text>"
        f'<text class="sb-label" x="{LEFT}" y="{TOP - 6}">{text(plot.y_label)}</text>'
    )
    return "".join(parts)


def _band(series: Series, scale: _Scale, colour: str) -> str:
    if series.low is None or series.high is None:
        return ""
    known = np.isfinite(series.low)
    upper = _places(series.x[known], series.high[known], scale)
    lower = _places(series.x[known][::-1], series.low[known][::-1], scale)
    return f'<path class="sb-band {colour}" d="M{"L".join(upper + lower)}Z"/>'


def _line(series: Series, scale: _Scale, colour: str) -> str:
    known = np.isfinite(series.y)
    places = _places(series.x[known], series.y[known], scale)
    if series.points:
        crosses = "".join(f"M{place}m-5 -5l10 10m0 -10l-10 10" for place in places)
        return f'<path class="sb-cross" d="{crosses}"><title>{text(series.name)}</title></path>'
    path = "L".join(places)
    if series.step:
        path = places[0] + "".join(
            f"H{place.split()[0]}V{place.split()[1]}" for place in places[1:]
        )
    kind = "sb-front" if series.exact else f"sb-series {colour}"
    return f'<path class="{kind}" d="M{path}"><title>{text(series.name)}</title></path>'


def _places(x: np.ndarray, y: np.ndarray, scale: _Scale) -> list[str]:
    return [f"{scale.x(float(a))} {scale.y(float(b))}" for a, b in zip(x, y, strict=True)]


def _key(series: Series, colour: str) -> str:
    if series.points:
        return f'<li><b class="sb-cross-key">✕</b> {text(series.name)}</li>'
    kind = "sb-line" if series.exact else f"sb-line sb-key {colour}"
    return f'<li><i class="{kind}"></i>{text(series.name)}</li>'
