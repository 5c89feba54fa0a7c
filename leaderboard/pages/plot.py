"""The Pareto plot of a table as one SVG: points with whiskers, the front, limits, other curves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.fronts import pareto_front
from leaderboard.pages import figures
from leaderboard.pages.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axes,
    axes_for,
    cost_ticks,
    quality_ticks,
)
from leaderboard.pages.safe import setting_text, text
from leaderboard.published import Curve
from leaderboard.rows import goodness

Row = dict[str, Any]
LABELS = {
    "latency_ms_p50": "nominal latency in ms, less is better",
    "macs": "multiply-accumulates (MACs) for one example, less is better",
    "size_bytes": "file size, less is better",
    "params": "parameters, fewer is better",
    "usd_per_month": "US dollars a month, less is better",
}
FAMILIES = (
    "architecture",
    "pruning",
    "quantization",
    "distillation",
    "factorization",
    "fusion",
    "search",
    "pipeline",
)


@dataclass(frozen=True)
class Line:
    """A horizontal line: a quality limit with its words."""

    quality: float
    words: str


@dataclass(frozen=True)
class Plot:
    """What to draw: rows (their place in the list is their number), the cost axis, the extras."""

    rows: Sequence[Row]
    axis: str
    lines: Sequence[Line] = ()
    curves: Sequence[Curve] = ()
    front: bool = True


def family_class(family: str) -> str:
    """The CSS class that gives a family its colour."""
    return f"f-{family}" if family in FAMILIES else "f-other"


def svg(plot: Plot) -> str:
    """The plot as an SVG element, or a sentence when no row has both values."""
    points = [(number, row) for number, row in enumerate(plot.rows) if _is_drawn(row, plot.axis)]
    if not points:
        return '<p class="sb-empty">No row has both values yet.</p>'
    axes = _axes(plot, [row for _, row in points])
    parts = [_grid(plot, axes)]
    parts += [_line(line, axes) for line in plot.lines if not axes.is_below(line.quality)]
    parts += [_curve(curve, axes) for curve in plot.curves]
    parts += _method_lines([row for _, row in points], plot.axis, axes)
    front = _front([row for _, row in points], plot.axis)
    if plot.front:
        parts.append(_front_line(front, plot.axis, axes))
    parts += [_point(number, row, plot.axis, axes) for number, row in reversed(points)]
    if plot.front:
        parts.append(_names(front, plot.axis, axes, plot.lines))
    return (
        f'<svg class="sb-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'data-axis="{plot.axis}" aria-label="{_summary(plot, front)}">{"".join(parts)}</svg>'
    )


def _is_drawn(row: Row, axis: str) -> bool:
    return bool(row["usable"] and row["quality"] is not None and row[axis])


def _axes(plot: Plot, rows: Sequence[Row]) -> Axes:
    references = [row["quality"] for row in rows if row["is_reference"]]
    reference = references[0] if references and rows[0]["higher_is_better"] else None
    if reference is None and rows[0]["higher_is_better"] and rows[0]["retention"]:
        reference = rows[0]["quality"] / rows[0]["retention"]
    costs = [row[plot.axis] for row in rows] + [p.cost for c in plot.curves for p in c.points]
    qualities = [row["quality"] for row in rows] + [line.quality for line in plot.lines]
    return axes_for(costs, qualities, reference)


def _summary(plot: Plot, front: Sequence[Row]) -> str:
    unit, axis = plot.rows[0]["unit"], plot.axis
    best = ", ".join(
        f"{row['method']} {figures.quality(row['quality'], unit)} at {_cost(row[axis], axis)}"
        for row in front[:4]
    )
    what = LABELS[plot.axis].partition(",")[0]
    return text(f"Quality against {what}; the table below holds every value. Front: {best}")


def _cost(value: float, axis: str) -> str:
    if axis == "size_bytes":
        return figures.size(value)
    return f"{value:g} ms" if axis == "latency_ms_p50" and value >= 1000 else _plain(value, axis)


def _plain(value: float, axis: str) -> str:
    if axis == "latency_ms_p50":
        return f"{figures.milliseconds(value)} ms"
    return figures.prefixed(value)


def _tick(value: float, axis: str) -> str:
    if axis == "latency_ms_p50":
        return f"{value:g}"
    shown = figures.size(value) if axis == "size_bytes" else figures.prefixed(value)
    whole, _, unit = shown.partition(" ")
    return f"{float(whole.replace(',', '')):g} {unit}".rstrip()


def _grid(plot: Plot, axes: Axes) -> str:
    floor, right, unit = HEIGHT - BOTTOM, WIDTH - RIGHT, plot.rows[0]["unit"]
    parts = []
    ticks = quality_ticks(axes.quality_low, axes.quality_high)
    digits = next(
        (
            d
            for d in range(4)
            if len({figures.quality(one, unit, d) for one in ticks}) == len(ticks)
        ),
        4,
    )
    for value in ticks:
        y = axes.y(value)
        parts.append(f'<path class="sb-grid" d="M{LEFT} {y}H{right}"/>')
        words = figures.quality(value, unit, digits)
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{text(words)}</text>')
    for value in cost_ticks(axes.cost_low, axes.cost_high):
        x = axes.x(value)
        parts.append(f'<path class="sb-grid" d="M{x} {TOP}V{floor}"/>')
        words = _tick(value, plot.axis)
        parts.append(f'<text x="{x}" y="{floor + 18}" text-anchor="middle">{words}</text>')
    middle = (LEFT + right) / 2
    parts.append(
        f'<text class="sb-label" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{LABELS[plot.axis]}</text>"
    )
    metric = text(plot.rows[0]["metric"])
    parts.append(f'<text class="sb-label" x="{LEFT + 6}" y="{TOP + 10}">{metric}</text>')
    return "".join(parts)


def _line(line: Line, axes: Axes) -> str:
    y = axes.y(line.quality)
    return (
        f'<path class="sb-limit" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        f'<text class="sb-limit-name" x="{WIDTH - RIGHT - 4}" y="{y - 4}" text-anchor="end">'
        f"{text(line.words)}</text>"
    )


def _curve(curve: Curve, axes: Axes) -> str:
    places = [(axes.x(point.cost), axes.y(point.quality)) for point in curve.points]
    path = "L".join(f"{x} {y}" for x, y in places)
    marks = "".join(f'<path d="M{x - 4} {y - 4}l8 8m0 -8l-8 8"/>' for x, y in places)
    x, y = places[-1]
    anchor = "end" if x > WIDTH / 2 else "start"
    return (
        f'<g class="sb-published"><title>{text(curve.name)} ({text(curve.source)})</title>'
        f'<path class="sb-dash" d="M{path}"/>{marks}'
        f'<text x="{x + 8}" y="{y + 16}" text-anchor="{anchor}">{text(curve.name)}</text></g>'
    )


def _method_lines(rows: Sequence[Row], axis: str, axes: Axes) -> list[str]:
    """A thin line through the settings of each method: its own curve."""
    curves: dict[tuple[str, int], list[Row]] = defaultdict(list)
    drawn = [row for row in rows if not axes.is_below(row["quality"])]
    for row in sorted(drawn, key=lambda row: row[axis]):
        curves[row["method"], row["method_version"]].append(row)
    return [
        f'<path class="sb-curve {family_class(curve[0]["family"])}" '
        f'd="M{_places(curve, axis, axes)}"/>'
        for curve in curves.values()
        if len(curve) > 1
    ]


def _places(curve: Sequence[Row], axis: str, axes: Axes) -> str:
    return "L".join(f"{axes.x(row[axis])} {axes.y(row['quality'])}" for row in curve)


def _front(rows: Sequence[Row], axis: str) -> list[Row]:
    on = pareto_front([(goodness(row), row[axis]) for row in rows])
    return sorted((r for r, is_on in zip(rows, on, strict=True) if is_on), key=lambda r: r[axis])


def _front_line(front: Sequence[Row], axis: str, axes: Axes) -> str:
    """A step line: between two points the cheaper one is the best that can be had."""
    first = front[0]
    path = f"M{axes.x(first[axis])} {axes.y(first['quality'])}"
    for row in front[1:]:
        path += f"H{axes.x(row[axis])}V{axes.y(row['quality'])}"
    return f'<path class="sb-front" d="{path}"/>'


def _point(number: int, row: Row, axis: str, axes: Axes) -> str:
    x, y = axes.x(row[axis]), axes.y(row["quality"])
    kind = " sb-small" if row["small_baseline"] else ""
    where = f"{figures.quality(row['quality'], row['unit'])} at {_cost(row[axis], axis)}"
    title = f"{text(row['method'])} ({setting_text(row['setting'])}): {where}"
    return (
        f'<g class="sb-pt {family_class(row["family"])}{kind}" data-r="{number}" '
        f'data-x="{x}" data-y="{y}">'
        f"<title>{title}</title>{_whisker(row, x, axes)}{_mark(row, x, y, axes)}</g>"
    )


def _whisker(row: Row, x: float, axes: Axes) -> str:
    if row["quality_low"] is None or axes.is_below(row["quality"]):
        return ""
    high, low = axes.y(row["quality_high"]), axes.y(row["quality_low"])
    return f'<path class="sb-whisker" d="M{x} {high}V{low}"/>'


def _mark(row: Row, x: float, y: float, axes: Axes) -> str:
    if axes.is_below(row["quality"]):
        return f'<path d="M{x - 5} {y - 6}h10l-5 7z"/>'
    if row["is_reference"]:
        return f'<path d="M{x} {y - 8}l8 8l-8 8l-8 -8z"/>'
    if row["small_baseline"]:
        return f'<path d="M{x - 4.5} {y - 4.5}h9v9h-9z"/>'
    return f'<circle cx="{x}" cy="{y}" r="5"/>'


def _first_of_each_method(front: Sequence[Row]) -> list[Row]:
    """The best front row of each method, best first."""
    by_method: dict[str, Row] = {}
    for row in sorted(front, key=goodness, reverse=True):
        by_method.setdefault(row["method"], row)
    return list(by_method.values())


def _names(front: Sequence[Row], axis: str, axes: Axes, lines: Sequence[Line]) -> str:
    """Names beside front points, left out where they would cover one another or a limit's."""
    right = float(WIDTH - RIGHT)
    taken = [(right - 4 - 6.4 * len(o.words), right, axes.y(o.quality) - 4) for o in lines]
    parts = []
    for row in _first_of_each_method(front):
        name = row["method"] if len(row["method"]) <= 26 else row["method"][:25] + "…"
        x, y, width = axes.x(row[axis]), axes.y(row["quality"]) - 9, 6.4 * len(name)
        left = min(max(x - width / 2, LEFT + 2), WIDTH - RIGHT - width)
        if any(left < r and left + width > lo and abs(y - ty) < 13 for lo, r, ty in taken):
            continue
        taken.append((left, left + width, y))
        parts.append(
            f'<text class="sb-name" x="{left:.1f}" y="{max(y, TOP + 24)}">{text(name)}</text>'
        )
    return "".join(parts)
