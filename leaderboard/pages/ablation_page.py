"""A task's ablation page: every variant side by side, and which to take under which constraint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from harness.record import TaskBlock
from leaderboard.choose import recommend
from leaderboard.limits import COLUMNS as LIMIT_COLUMNS
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.plot import Plot, svg
from leaderboard.pages.safe import page, row_name, setting_text, slug, text
from leaderboard.pages.task_page import AXIS_NAMES, legend, limit_lines, page_name
from leaderboard.rows import goodness
from leaderboard.summary import resolves
from leaderboard.table import AXES, Table, main_axis

Row = dict[str, Any]
RETENTIONS = (0.99, 0.97, 0.95, 0.9)
SHARES = (2, 4, 10, 40)  # a bound is the reference's cost over one of these, or the task's limit
COSTS: dict[str, tuple[str, str, Callable[[float | None], str]]] = {
    "latency_ms_p50": ("fastest", "ms", lambda ms: f"{figures.milliseconds(ms)} ms"),
    "size_bytes": ("smallest file", "Size", figures.size),
    "macs": ("fewest MACs", "MACs", lambda macs: f"{figures.count(macs)} MACs"),
}
HEADS = ("Variant", "Quality", "", "Kept", "MACs", "ms", "Size", "n", "Front")
FRONT_WORDS = {"latency_ms_p50": "ms", "macs": "MACs", "size_bytes": "size"}
NONE = "no row keeps it"


def ablation_name(task: str, scale: str) -> str:
    """File name of the page without suffix."""
    return f"{page_name(task, scale)}-ablation"


def ablation_page(table: Table, further: Sequence[str] = ()) -> str:
    """The Markdown page of one task at one scale; `further` are sections made elsewhere."""
    rows = [row for row in table.rows if row["usable"]]
    methods = len({row["method"] for row in rows})
    where = f", timed on {text(table.profile.name)}" if table.profile else ""
    parts = [
        f"<p>{len(rows)} variants by {methods} methods{where}; what has not been run yet does not "
        f'appear. <a href="{page_name(table.task.name, table.scale)}.html">The task\'s page</a> '
        "has their intervals, ties and limits.</p>",
        "## Which one to take",
        _choices(rows, table.task, table.summary.floor),
        "## Every variant",
        variants_table(rows, table.task.metric.unit),
        "## Pareto fronts",
        *_pictures(table, rows),
        *further,
    ]
    return page(f"{table.task.title}: ablation", "\n\n".join(parts))


def _choices(rows: Sequence[Row], task: TaskBlock, floor: float | None) -> str:
    """The task's limits in a sentence, the cheapest rows by quality, the best rows by cost."""
    costs = [axis for axis in COSTS if any(row[axis] is not None for row in rows)]
    parts = [_at_limits(rows, task), cheapest_table(rows, costs, floor)]
    if {"latency_ms_p50", "size_bytes"} <= set(costs):
        parts.append(best_table(rows, task))
    note = (
        "<p>Chosen by quality on the hidden test, as <code>slimbench recommend</code> does; rows "
        "within the best one's interval count as equal, and the cheapest of them is named.</p>"
    )
    return "\n\n".join([part for part in parts if part] + [note])


def _at_limits(rows: Sequence[Row], task: TaskBlock) -> str:
    """Which row keeps all of the task's limits, or which row comes nearest."""
    if not task.limits:
        return ""
    limits = {
        f"{'min' if one.kind == 'at_least' else 'max'}_{one.quantity}": one.bound
        for one in task.limits
    }
    unit = task.metric.unit
    words = ", ".join(figures.bound(o.quantity, o.kind, o.bound, unit) for o in task.limits)
    found = recommend(rows, limits)
    if found.rows:
        return f"<p>Within the task's limits ({words}): <b>{row_name(found.rows[0])}</b>.</p>"
    near = f"; {row_name(found.nearest)} comes nearest" if found.nearest else ""
    return f"<p>No row keeps the task's limits ({words}) yet{near}.</p>"


def cheapest_table(rows: Sequence[Row], costs: Sequence[str], floor: float | None = None) -> str:
    """For each share of the reference's quality the row of least cost, by each cost.

    Shares nearer to 1 than `floor`, which the test cannot tell from 1, say so.
    """
    lines = []
    for share in RETENTIONS:
        able = recommend(rows, {"min_retention": share}).rows
        finer = (
            " <small>(finer than the test can tell)</small>" if not resolves(floor, share) else ""
        )
        cells = (_cheapest(able, axis) for axis in costs)
        lines.append(html_line(f"≥ {share:.0%} of the reference{finer}", cells))
    heads = ["Quality kept", *(COSTS[axis][0] for axis in costs)]
    return html_table(heads, lines, "The cheapest variant by quality")


def _cheapest(rows: Iterable[Row], axis: str) -> str:
    known = [row for row in rows if row[axis] is not None]
    if not known:
        return NONE
    best = min(known, key=lambda row: (row[axis], -goodness(row)))
    return f"{row_name(best)}<br>{COSTS[axis][2](best[axis])}"


def best_table(rows: Sequence[Row], task: TaskBlock) -> str:
    """The best quality under every pair of a latency and a size bound."""
    latencies = bounds(rows, task, "latency_ms_p50")
    sizes = bounds(rows, task, "size_bytes")
    lines = []
    for size in sizes:
        cells = (_best(rows, latency, size) for latency in latencies)
        lines.append(html_line(_bound(size, "size_bytes"), cells))
    heads = ["File", *(_bound(latency, "latency_ms_p50") for latency in latencies)]
    return html_table(heads, lines, "The best variant by latency and size")


def bounds(rows: Sequence[Row], task: TaskBlock, axis: str) -> list[float | None]:
    """No bound, then the task's limit and shares of the reference's cost, largest first."""
    found = {
        one.bound for one in task.limits if LIMIT_COLUMNS.get(one.quantity, one.quantity) == axis
    }
    whole = next((row[axis] for row in rows if row["is_reference"] and row[axis]), None)
    if whole is not None:
        found |= {float(f"{whole / share:.2g}") for share in SHARES}
    return [None, *sorted(found, reverse=True)]


def _bound(value: float | None, axis: str) -> str:
    return "any" if value is None else f"≤ {figures.without_zeros(COSTS[axis][2](value))}"


def _best(rows: Sequence[Row], latency: float | None, size: float | None) -> str:
    given = {"max_latency_ms": latency, "max_size_bytes": size}
    found = recommend(rows, {key: value for key, value in given.items() if value is not None})
    if not found.rows:
        return NONE
    best = found.rows[0]
    return f"{row_name(best)}<br>{figures.quality(best['quality'], best['unit'])}"


def variants_table(rows: Sequence[Row], unit: str) -> str:
    """Every variant by family and method, the reference first; front rows say on which cost."""
    ordered = sorted(
        rows, key=lambda r: (not r["is_reference"], r["family"], r["method"], -(r["macs"] or 0))
    )
    return html_table(HEADS, [_line(row, unit) for row in ordered], "Every variant")


def _line(row: Row, unit: str) -> str:
    kind = "sb-front-row" if row["pareto_axes"] else ""
    cells = (
        figures.quality(row["quality"], unit),
        figures.half_width(row["quality_low"], row["quality_high"], unit),
        figures.share(row["retention"]),
        figures.count(row["macs"]),
        figures.milliseconds(row["latency_ms_p50"]),
        figures.size(row["size_bytes"]),
        str(len(row["seeds"])),
        ", ".join(FRONT_WORDS[axis] for axis in AXES if axis in row["pareto_axes"]),
    )
    link = f"../methods/{slug(row['method'])}.html"
    name = (
        f'<a href="{link}">{text(row["method"])}</a> <small>{setting_text(row["setting"])}</small>'
    )
    values = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{kind}"><th scope="row">{name}</th>{values}</tr>'


def _pictures(table: Table, rows: Sequence[Row]) -> list[str]:
    """Quality against each cost that is known, with the front."""
    words = {"latency_ms_p50": "latency", **AXIS_NAMES}
    lines = limit_lines(table)
    shown = [axis for axis in AXES if any(row[axis] is not None for row in rows)]
    drawn = [
        f'<figure class="sb-figure">{svg(Plot(rows, axis, lines))}'
        f"<figcaption>Quality against {words[axis]}</figcaption></figure>"
        for axis in sorted(shown, key=lambda axis: axis != main_axis(rows))
    ]
    return [*drawn, legend(rows, published=False)]
