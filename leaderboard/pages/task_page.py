"""A task's page: picture, table, headlines, slices, published numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from leaderboard.pages import figures
from leaderboard.pages.board_table import board_table
from leaderboard.pages.card_page import card_link
from leaderboard.pages.found import derived_plot, found_table
from leaderboard.pages.page_data import page_data
from leaderboard.pages.plot import Line, Plot, family_class, svg
from leaderboard.pages.safe import page, slug, text
from leaderboard.pages.sections import (
    facts,
    figures_table,
    headline_table,
    published_table,
    results_table,
    slice_table,
    takeaway,
)
from leaderboard.published import Curve, curves_of, results_of
from leaderboard.table import Table

Row = dict[str, Any]
RESULTS = (
    "<p>Other machines, other training data, mostly one seed. Results on a paper's dev set stand "
    "beside our validation split, results on its test set beside our hidden test.</p>"
)
_FURTHER = (
    "<p>On the hidden test; &plusmn; is 1.96 standard errors, of resampled test examples and of "
    "seeds. Requests a second are nominal: on the page's profile, one batch after another.</p>"
)
FOUND = (
    "<p>A search trained networks of this task for a few epochs each, under the budget shown, and "
    "what it answered was trained by the task's own recipe. One search that weighs quality against "
    "cost serves all limits. Costs are MACs, or a profile's predicted latency where the row says "
    "so; shares are of the reference's. Where a table has all architectures of the space, trained "
    "at full size, its test accuracy stands beside.</p>"
)
ABLATION = "Every variant side by side, and which one to take"
AXIS_NAMES = {"macs": "MACs", "size_bytes": "file size", "params": "parameters"}


def page_name(task: str, scale: str) -> str:
    """File name without suffix; the full scale has a page of its own."""
    return slug(task) if scale == "standard" else f"{slug(task)}-{scale}"


def task_page(
    tables: Mapping[str | None, Table],
    other_scales: Sequence[str],
    stored: Collection[str] = (),
    sections: Sequence[str] = (),
    repeats: Sequence[str] = (),
) -> str:
    """The Markdown page of one task at one scale, from its tables by profile (first is default).

    `stored` holds the sha256 of the artifacts that the site offers for download, `sections` what
    is made elsewhere, `repeats` the tasks that ask the same on other data.
    """
    table = next(iter(tables.values()))
    curves = curves_of(table.task.name)
    title = table.task.title + ("" if table.scale == "standard" else f" ({table.scale} scale)")
    links = _other_links(table, other_scales, repeats)
    return page(title, _body(tables, curves, links, _data(tables, table, stored), sections))


def _body(
    tables: Mapping[str | None, Table],
    curves: Sequence[Curve],
    links: str,
    data: str,
    sections: Sequence[str],
) -> str:
    table = next(iter(tables.values()))
    rows, unit = table.rows, table.task.metric.unit
    loss = slice_table(rows)
    parts = [
        f'<p class="sb-takeaway">{takeaway(table)}</p>\n{facts(table)}{links}',
        f'<div id="sb-board" data-search-exclude>{picture(tables, curves)}</div>',
        "## All rows",
        '<div id="sb-controls"></div>',
        board_table(rows, _caption(table)),
        data,
    ]
    if table.summary.hypervolumes:
        parts += ["## Best of each method", headline_table(table)]
    if further := figures_table(rows):
        parts += ["## Further figures", _FURTHER, further]
    if found := found_table(rows):
        parts += ["## Found by search", FOUND, found, derived_plot(rows)]
    parts += sections
    if loss:
        parts += ["## Loss by group", "<p>Change against the reference, in points.</p>", loss]
    if curves:
        parts += ["## Against published numbers", published_table(rows, curves, unit)]
    if results := results_of(table.task.name):
        parts += ["## Against published results", RESULTS, results_table(rows, results, unit)]
    parts += ["## Data", _downloads()]
    return "\n\n".join(parts)


def _caption(table: Table) -> str:
    where = f"timed on {table.profile.name}" if table.profile else "not timed yet"
    return f"{table.task.title}, {table.scale} scale, task version {table.task.version}, {where}"


def _data(tables: Mapping[str | None, Table], table: Table, stored: Collection[str]) -> str:
    timed = {name: one.rows for name, one in tables.items() if name is not None}
    task = table.task
    described = {
        "task": task.name,
        "title": task.title,
        "scale": table.scale,
        "unit": task.metric.unit,
        "higher_is_better": task.metric.higher_is_better,
        "limit_names": {one.quantity: figures.quantity_name(one.quantity) for one in task.limits},
        "default_profile": table.profile.name if table.profile else None,
        "prices": {
            name: one.profile.price_per_hour_usd
            for name, one in tables.items()
            if one.profile is not None
        },
    }
    return page_data(table.rows, timed, described, stored)


def picture(tables: Mapping[str | None, Table], curves: Sequence[Curve]) -> str:
    """One figure for each cost: the default first, the others folded away without JavaScript."""
    table = next(iter(tables.values()))
    lines = limit_lines(table)
    drawn = []
    for name, one in tables.items():
        if any(row["latency_ms_p50"] is not None for row in one.rows):
            plot = Plot(_in_order_of(table, one), "latency_ms_p50", lines)
            drawn.append((f"latency:{name}", f"latency on {name}", plot))
    for axis, words in AXIS_NAMES.items():
        shown = curves if axis == "macs" else ()
        drawn.append((axis, words, Plot(table.rows, axis, lines, shown)))
    first, *others = [_figure(key, words, plot) for key, words, plot in drawn]
    is_open = " open" if curves else ""  # the published curve is among the others
    return (
        f"{first}{legend(table.rows, bool(curves))}"
        f'<details class="sb-others"{is_open}><summary>Other costs</summary>{"".join(others)}'
        "</details>"
    )


def _in_order_of(first: Table, other: Table) -> list[Row]:
    """Rows of another profile in the page's order, so that numbers mean the same row."""
    by_id = {row["row_id"]: row for row in other.rows}
    return [by_id[row["row_id"]] for row in first.rows]


def _figure(key: str, words: str, plot: Plot) -> str:
    return (
        f'<figure class="sb-figure" data-figure="{text(key)}" data-words="{text(words)}">'
        f"{svg(plot)}<figcaption>Quality against {text(words)}</figcaption></figure>"
    )


def limit_lines(table: Table) -> list[Line]:
    """Horizontal lines: the task's quality limit, and 99% of the reference."""
    task = table.task
    lines = [
        Line(one.bound, f"limit {figures.quality(one.bound, task.metric.unit, 1)}")
        for one in task.limits
        if one.quantity == "quality"
    ]
    if task.reference and task.metric.higher_is_better:
        lines.append(Line(0.99 * task.reference.quality_test, "99% of the reference"))
    return lines


def legend(rows: Sequence[Row], published: bool) -> str:
    """What colours and marks mean."""
    families = sorted({row["family"] for row in rows if row["usable"] and not row["is_reference"]})
    items = [
        f'<li><i class="sb-dot {family_class(family)}"></i>{text(family)}</li>'
        for family in families
    ]
    items.append('<li><i class="sb-line"></i>Pareto front</li>')
    if any(row["small_baseline"] for row in rows):
        items.append('<li><i class="sb-hollow"></i>small baseline</li>')
    if any(row["is_reference"] for row in rows):
        items.append("<li>◆ reference</li>")
    if published:
        items.append("<li>&times; published, against MACs</li>")
    items.append("<li>▽ below the axis</li><li>│ 95% interval</li>")
    return f'<ul class="sb-legend">{"".join(items)}</ul>'


def _other_links(table: Table, scales: Sequence[str], repeats: Sequence[str]) -> str:
    task = table.task.name
    links = [_link(page_name(task, scale), f"{scale} scale") for scale in scales]
    links += [_link(page_name(one, table.scale), one) for one in repeats]
    also = f" Also: {', '.join(links)}." if links else ""
    ablation = _link(f"{page_name(task, table.scale)}-ablation", ABLATION)
    return f'<p class="sb-scales">{ablation}. {card_link(task)}{also}</p>'


def _link(name: str, words: str) -> str:
    return f'<a href="{name}.html">{text(words)}</a>'


def _downloads() -> str:
    return (
        '<p>Every value in full precision: <a href="../board.json">board.json</a> '
        '(<a href="../board.schema.json">schema</a>), <a href="../board.csv">board.csv</a>.</p>'
    )
