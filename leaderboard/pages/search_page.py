"""The page of a table task: who finds what after how many queries, against which device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.record import SearchRecord
from leaderboard.board import SearchTable
from leaderboard.pages import figures
from leaderboard.pages.cell_picture import cell_svg
from leaderboard.pages.html_table import html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import page, setting_text, text
from leaderboard.search import attained, curve
from leaderboard.search_published import Published, published_of

Row = dict[str, Any]
GRID = 60  # points of a curve
MOST_LINES = 9  # curves of one picture, the best first
REGRET_FLOOR = 1e-5


def search_page(found: SearchTable) -> str:
    """The Markdown page of one table task at one scale."""
    task = found.records[0].task
    names = sorted({label(row) for row in found.rows})
    quality = [row for row in found.rows if row["kind"] == "quality"]
    trade_off = [row for row in found.rows if row["kind"] == "trade_off"]
    parts = [f'<p class="sb-takeaway">{_takeaway(quality)}</p>\n{_facts(found)}']
    for case in _cases(quality):
        parts += _quality_section(found, case, names)
    parts += _hits(quality) + _published(quality, published_of(task.name))
    parts += _winners(found) + _devices(found, trade_off, names) + _correlations(found)
    title = task.title + ("" if found.records[0].scale == "standard" else " (smoke)")
    return page(title, "\n\n".join(parts))


def label(row: Row | SearchRecord) -> str:
    """Method and setting, as a line of a picture is named."""
    method = row["method"] if isinstance(row, dict) else row.method.name
    setting = row["setting"] if isinstance(row, dict) else row.setting
    words = " ".join(str(value) for value in setting.values())
    return f"{method} {words}".strip()


def _cases(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["case"] for row in rows))


def _takeaway(rows: Sequence[Row]) -> str:
    """Who found the best cell soonest, over the cases in which anybody did."""
    hit = [row for row in rows if row["hit_median"] is not None and row["seeds"] >= 3]
    if not hit:
        return "No method has found the best cell of the table in half of its seeds yet."
    best = {
        case: min((row for row in hit if row["case"] == case), key=lambda row: row["hit_median"])
        for case in _cases(hit)
    }
    words = "; ".join(
        f"{text(row['case_title'])}: <b>{text(label(row))}</b> after {row['hit_median']:.0f}"
        for row in best.values()
    )
    return f"Median queries until the best cell by validation is found: {words}."


def _facts(found: SearchTable) -> str:
    task = found.records[0].task
    seeds = Counter(len(one.seeds) for one in found.records)
    return (
        f'<p class="sb-facts">{task.architectures:,} architectures of {text(task.space)}; an answer '
        f"is looked up, there is no artifact. Table <code>{text(task.table)}</code> "
        f"({task.table_sha256[:12]}, {text(task.table_origin)}). Methods see validation quality; "
        f"test quality is looked up after they answer. Seconds are {text(task.clock)}. "
        f"Seeds: {', '.join(f'{n} in {count} rows' for n, count in sorted(seeds.items()))}.</p>"
    )


def _quality_section(found: SearchTable, case: str, names: Sequence[str]) -> list[str]:
    rows = [row for row in found.rows if row["case"] == case]
    records = {one.key: one for one in found.records}
    block = records[rows[0]["key"]].case
    axis = "seconds" if block.queries is None else "queries"
    budget = block.simulated_seconds or block.queries or 1
    grid = np.geomspace(budget / 100 if axis == "seconds" else 1, budget, GRID)
    shown = [row for row in rows if row["seeds"]][:MOST_LINES]
    pictures = []
    for what, ceiling in (("Test regret", block.best_test), ("Test quality", None)):
        series = []
        for row in shown:
            mean, low, high = curve(found.traces[row["key"]], block.dataset, axis, grid)
            if ceiling is not None:
                mean, low, high = ceiling - mean, ceiling - high, ceiling - low
            series.append(Series(label(row), grid, mean, low, high))
        unit = "simulated seconds (an estimate)" if axis == "seconds" else "queries"
        plot = LinePlot(series, unit, f"{what}, points" if ceiling else f"{what}, %", names=names)
        pictures.append(
            f'<figure class="sb-figure">{line_svg(plot)}<figcaption>{what} of the best so far by '
            f"validation; mean of the seeds, band from 10% to 90%</figcaption></figure>"
        )
    return [
        f"## {text(block.title)}",
        pictures[0],
        f"<details><summary>Test quality</summary>{pictures[1]}</details>",
        _quality_table(rows, block.best_architecture_test, block.best_test),
    ]


def _quality_table(rows: Sequence[Row], best_by_validation: float, best: float) -> str:
    heads = ("Tie", "Method", "n", "Validation", "Test", "Regret", "Best cell found", "CPU s/seed")
    ceilings = (
        f"<p>Test quality of the best cell by validation: {figures.quality(best_by_validation, 'fraction')}; "
        f"best by test: {figures.quality(best, 'fraction')}. Ties: Welch's t-test over seeds, Holm.</p>"
    )
    return html_table(heads, map(_quality_line, rows), "Methods") + ceilings


def _quality_line(row: Row) -> str:
    name = (
        f'<th scope="row">{text(row["method"])} <small>{setting_text(row["setting"])}</small></th>'
    )
    if not row["seeds"]:
        cause = text(row["cause"] or "failed")
        return (
            f'<tr class="sb-gone"><td>{figures.UNKNOWN}</td>{name}<td colspan="6">{cause}</td></tr>'
        )
    failed = f" <small>{row['failed']} failed</small>" if row["failed"] else ""
    cells = (
        f"{row['seeds']}{failed}",
        figures.quality(row["validation"], "fraction"),
        f"{figures.quality(row['test'], 'fraction')} <small>±{100 * row['test_std']:.2f}</small>",
        f"{100 * row['regret']:.2f}",
        figures.share(row["hit_share"]),
        f"{row['cpu_seconds']:.2g}",
    )
    tie = row["tie_group"] or figures.UNKNOWN
    return f"<tr><td>{tie}</td>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _hits(rows: Sequence[Row]) -> list[str]:
    """Median and 90th percentile of the queries until the best cell, never counted as never."""
    able = [row for row in rows if any(r["hit_share"] for r in rows if r["case"] == row["case"])]
    cases = _cases(able)
    if not cases:
        return []
    by_name: dict[str, dict[str, Row]] = {}
    for row in able:
        by_name.setdefault(label(row), {})[row["case"]] = row
    order = sorted(by_name, key=lambda name: [_worth(by_name[name].get(case)) for case in cases])
    lines = [
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(f"<td>{_hit(by_name[name].get(case))}</td>" for case in cases)
        + "</tr>"
        for name in order
    ]
    titles = {row["case"]: row["case_title"] for row in able}
    heads = ("Method", *(text(titles[case]) for case in cases))
    return [
        "## Queries until the best cell is found",
        "<p>Median / 90th percentile over seeds of the full-length queries spent until the best cell "
        "by validation was trained; never counts as never. Local search is the floor.</p>",
        html_table(heads, lines, "Queries until the best cell"),
    ]


def _worth(row: Row | None) -> float:
    if row is None or row["hit_share"] is None:
        return 1e9
    return row["hit_median"] if row["hit_median"] is not None else 1e6 * (2 - row["hit_share"])


def _hit(row: Row | None) -> str:
    if row is None or row["hit_share"] is None:
        return figures.UNKNOWN
    shown = [
        "never" if one is None else f"{one:.0f}" for one in (row["hit_median"], row["hit_p90"])
    ]
    return f"{' / '.join(shown)} <small>{row['hit_share']:.0%} found</small>"


def _published(rows: Sequence[Row], published: Sequence[Published]) -> list[str]:
    """Ours beside published means: searched on one data set, the answer looked up on all."""
    lines = []
    for one in published:
        for row in rows:
            if row["case"] != one.case or row["method"] != one.method or not row["seeds"]:
                continue
            if any(row["setting"].get(key) != value for key, value in one.setting.items()):
                continue
            cells = []
            for dataset, (mean, spread) in one.test.items():
                ours = row["transfer"][dataset]
                cells.append(
                    f"<td>{100 * ours[0]:.2f} <small>±{100 * ours[1]:.2f}</small></td>"
                    f"<td>{mean:.2f} <small>±{spread:.2f}</small></td>"
                )
            lines.append(
                f'<tr><th scope="row">{text(label(row))} <small>{text(row["case_title"])}</small></th>'
                f"{''.join(cells)}{'<td></td>' * (6 - 2 * len(cells))}<td><small>{text(one.source)}</small></td></tr>"
            )
    if not lines:
        return []
    heads = (
        "Method",
        "CIFAR-10",
        "published",
        "CIFAR-100",
        "published",
        "ImageNet16-120",
        "published",
        "source",
    )
    return [
        "## Against published tables",
        "<p>Test accuracy, mean ± standard deviation over seeds. Our clock is an estimate, so the "
        "number of architectures that fit the budget is ours; sources marked recalled were not "
        "seen in print by us.</p>",
        html_table(heads, lines, "Against published tables"),
    ]


def _winners(found: SearchTable) -> list[str]:
    """The cell that most seeds of the best row answered with, on each quality case."""
    records = {one.key: one for one in found.records}
    pictures = []
    done: set[str] = set()
    for row in found.rows:
        record = records[row["key"]]
        if row["kind"] != "quality" or record.case.protocol or not record.answers:
            continue
        if record.case.dataset in done:
            continue
        done.add(record.case.dataset)
        first = record.answers[0]
        same = (
            "the best cell by validation"
            if first.architecture == record.case.best_architecture
            else "not the best cell"
        )
        pictures.append(
            f'<figure class="sb-figure">{cell_svg(first.text)}<figcaption>{text(record.case.title)}: '
            f"answer of {first.count} of {len(record.seeds)} seeds of {text(label(record))}, {same} "
            f"(number {first.architecture})</figcaption></figure>"
        )
    return ["## The winning cells", "".join(pictures)] if pictures else []


def _devices(found: SearchTable, rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    if not rows or found.table is None:
        return []
    parts = [
        "## Against a device",
        "<p>Hypervolume of the answers in test quality and cost, as a share of the exact front's "
        "(reference point: quality 0 and the largest cost of the table); then test quality of the "
        "best answer by validation within a cost limit, beside the exact best (limits at a quarter, "
        "a half and three quarters of the exact front's points).</p>",
        _hypervolumes(rows),
    ]
    for case in _cases(rows):
        mine = [row for row in rows if row["case"] == case]
        front = found.table.fronts.get(case, [])
        if front:
            parts.append(_front_picture(found, mine, front, names))
    return parts


def _hypervolumes(rows: Sequence[Row]) -> str:
    methods = sorted({label(row) for row in rows})
    lines = []
    for case in _cases(rows):
        mine = {label(row): row for row in rows if row["case"] == case}
        best = max((row["hypervolume"] or 0.0 for row in mine.values()), default=0.0)
        cells = "".join(f"<td>{_share(mine.get(name), best)}</td>" for name in methods)
        title = next(iter(mine.values()))["case_title"]
        lines.append(f'<tr><th scope="row">{text(title)}</th>{cells}</tr>')
    return html_table(("Case", *map(text, methods)), lines, "Hypervolumes")


def _share(row: Row | None, best: float) -> str:
    if row is None or row["hypervolume"] is None:
        return figures.UNKNOWN
    shown = f"{100 * row['hypervolume']:.2f}% <small>±{100 * row['hypervolume_std']:.2f}</small>"
    return f"<b>{shown}</b>" if row["hypervolume"] == best else shown


def _front_picture(
    found: SearchTable,
    rows: Sequence[Row],
    front: Sequence[tuple[float, float, float]],
    names: Sequence[str],
) -> str:
    records = {one.key: one for one in found.records}
    case = records[rows[0]["key"]].case
    costs = np.array([cost for cost, _, _ in front])
    exact = Series(
        "exact front", costs, np.array([test for _, _, test in front]), step=True, exact=True
    )
    grid = np.geomspace(costs.min(), costs.max(), GRID)
    able = [row for row in rows if row["seeds"]]
    series = [
        Series(label(row), grid, attained(found.traces[row["key"]], case.dataset, grid), step=True)
        for row in able
    ]
    unit = "mJ" if "energy" in (case.device or "") else "ms"
    plot = LinePlot(
        [exact, *series], f"{case.device}, {unit}", "Test quality, %", names=["exact front", *names]
    )
    return (
        f"<details><summary>{text(case.title)}</summary>"
        f'<figure class="sb-figure">{line_svg(plot)}<figcaption>Median over seeds of the best answer '
        f"within each cost, beside the exact front</figcaption></figure>{_limits(able)}</details>"
    )


def _limits(rows: Sequence[Row]) -> str:
    limits = rows[0]["within_limits"]
    heads = ("Method", *(f"≤ {figures.significant(one['limit'], 3)}" for one in limits))
    lines = [
        f'<tr><th scope="row">{text(label(row))}</th>'
        + "".join(
            f"<td>{figures.quality(one['test'], 'fraction')}</td>" for one in row["within_limits"]
        )
        + "</tr>"
        for row in rows
    ]
    exact = "".join(f"<td>{figures.quality(one['exact'], 'fraction')}</td>" for one in limits)
    lines.append(f'<tr><th scope="row">exact best</th>{exact}</tr>')
    return html_table(heads, lines, "Best within a limit")


def _correlations(found: SearchTable) -> list[str]:
    """Kendall's tau between the devices' costs over all architectures."""
    if found.table is None or not found.table.correlations:
        return []
    devices = [name.removeprefix("hwnas-") for name in found.table.devices]
    parts = ["## How rankings change from device to device"]
    for dataset, matrix in found.table.correlations.items():
        lines = [
            f'<tr><th scope="row">{text(name)}</th>'
            + "".join(
                f'<td class="sb-h{min(5, int(6 * (1 - tau)))}">{tau:.2f}</td>' for tau in line
            )
            + "</tr>"
            for name, line in zip(devices, matrix, strict=True)
        ]
        title = f"Kendall's tau of the devices' costs, {text(dataset)}"
        parts.append(
            f"<p>{title}</p>" + html_table(("", *map(text, devices)), lines, title, "sb-heat")
        )
    return parts
