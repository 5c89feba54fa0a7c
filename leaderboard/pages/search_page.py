"""The page of a table task: who finds what after how many queries, against which device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.record_search import CaseBlock, SearchRecord
from leaderboard.board import SearchTable
from leaderboard.pages import figures
from leaderboard.pages.card_page import card_link
from leaderboard.pages.cell_picture import cell_svg
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import page, setting_text, slug, text
from leaderboard.pages.search_devices import correlations_section, devices_section, label
from leaderboard.search import curve
from leaderboard.search_published import Published, published_of, published_picks

Row = dict[str, Any]
GRID = 60  # points of a curve
MOST_LINES = 9  # curves of one picture, the best first
FLOOR = ("local_search", "random_search")  # in every picture
MOST_BANDS = 3
LEAK = 0.5  # share of seeds that answer the best by test, above which a row is suspected
REGRET_FLOOR = 1e-4  # 0.01 points
TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}


def search_page(found: SearchTable) -> str:
    """The Markdown page of one table task at one scale."""
    task = found.records[0].task
    names = sorted({label(row) for row in found.rows})
    quality = [row for row in found.rows if row["kind"] == "quality"]
    trade_off = [row for row in found.rows if row["kind"] == "trade_off"]
    parts = [f'<p class="sb-takeaway">{_takeaway(quality)}</p>\n{_facts(found)}']
    parts[0] += f'<p class="sb-scales">{card_link(task.name)}</p>'
    for case in _cases(quality):
        parts += _quality_section(found, case, names)
    parts += _hits(quality) + _published(quality, published_of(task.name))
    parts += _winners(found) + devices_section(found, trade_off, published_picks(task.name))
    parts += correlations_section(found)
    title = task.title + ("" if found.records[0].scale == "standard" else " (smoke)")
    return page(title, "\n\n".join(parts))


def _cases(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["case"] for row in rows))


def _takeaway(rows: Sequence[Row]) -> str:
    """Who found the best architecture soonest on each data set, over all of its cases.

    A method whose seeds all do alike asks in a fixed order: one lucky order is no expectation.
    """
    hit = [
        row for row in rows if row["hit_median"] not in (None, row["hit_p90"]) and row["seeds"] >= 3
    ]
    if not hit:
        return "No method whose seeds differ finds the best architecture in half of them yet."
    soonest: dict[str, Row] = {}
    for row in sorted(hit, key=lambda row: -float(row["hit_median"])):
        soonest[row["dataset"]] = row
    words = "; ".join(
        f"{text(row['case_title'])}: <b>{text(label(row))}</b> after {row['hit_median']:.0f}"
        for row in sorted(soonest.values(), key=rows.index)
    )
    return (
        "Median queries until the best architecture by validation is found, of the methods whose "
        f"seeds differ: {words}."
    )


def _facts(found: SearchTable) -> str:
    task = found.records[0].task
    seeds = Counter(len(one.seeds) for one in found.records)
    spent = sum((row["cpu_seconds"] or 0) * row["seeds"] for row in found.rows) / 3600
    return (
        f'<p class="sb-facts">{task.architectures:,} architectures of {text(task.space)}; an '
        f"answer is looked up, there is no artifact. Table <code>{text(task.table)}</code> "
        f"({task.table_sha256[:12]}, {text(task.table_origin)}). Methods see validation quality; "
        f"test quality is looked up after they answer. Seconds are {text(task.clock)}. "
        f"Seeds: {', '.join(f'{n} in {count} rows' for n, count in sorted(seeds.items()))}; "
        f"their searches took {figures.significant(spent, 2)} CPU hours.</p>"
    )


def _quality_section(found: SearchTable, case: str, names: Sequence[str]) -> list[str]:
    rows = [row for row in found.rows if row["case"] == case]
    records = {one.key: one for one in found.records}
    block = records[rows[0]["key"]].case
    shown = drawn(rows)
    axes = ["queries", "seconds"] if block.queries is not None else ["seconds", "queries"]
    if not any(found.traces[row["key"]]["seconds"].any() for row in shown):
        axes.remove("seconds")  # the table's source gives no training times
    first, *others = [
        _curves(found, shown, block, axis, names, what)
        for axis in axes
        for what in ("Test regret", "Test quality")
    ]
    return [
        f"## {text(block.title)}",
        first,
        f"<details><summary>Test quality, other axes</summary>{''.join(others)}</details>",
        _quality_table(rows, block.best_architecture_test, block.best_test),
        f"<p>A row again: <code>slimbench run {text(found.records[0].task.name)} METHOD --case "
        f"{text(case)}</code>; one setting of several: <code>--settings</code> and its number.</p>",
    ]


def drawn(rows: Sequence[Row]) -> list[Row]:
    """The best rows, and the best of each of the FLOOR methods that all are shown against."""
    done = [row for row in rows if row["seeds"]]
    floor = [next((row for row in done if row["method"] == name), None) for name in FLOOR]
    best = done[:MOST_LINES]
    return best + [row for row in floor if row is not None and row not in best]


def _curves(
    found: SearchTable,
    rows: Sequence[Row],
    block: CaseBlock,
    axis: str,
    names: Sequence[str],
    what: str,
) -> str:
    """A picture of what the best so far is worth, against `queries` or `seconds`."""
    traces = {row["key"]: found.traces[row["key"]] for row in rows}
    budget = block.queries if axis == "queries" else block.simulated_seconds
    last = budget or max(float(trace[axis].max()) for trace in traces.values())
    grid = np.geomspace(last / 100 if axis == "seconds" else 1, last, GRID)
    ceiling = block.best_test if what == "Test regret" else None
    series = []
    for row in rows:
        mean, low, high = curve(traces[row["key"]], block.dataset, axis, grid)
        if ceiling is not None:
            mean, low, high = ceiling - mean, ceiling - high, ceiling - low
        band = (low, high) if row in rows[:MOST_BANDS] else (None, None)
        series.append(Series(label(row), grid, mean, *band))
    unit = "simulated seconds (an estimate)" if axis == "seconds" else "queries"
    plot = LinePlot(
        series,
        unit,
        f"{what}, {'%' if ceiling is None else 'points'}",
        names=names,
        floor=None if ceiling is None else REGRET_FLOOR,
    )
    return (
        f'<figure class="sb-figure">{line_svg(plot)}<figcaption>{what} of the best so far by '
        f"validation, against {unit}; mean of the seeds, bands of the first "
        f"{min(MOST_BANDS, len(rows))} rows from 10% to 90%; always with the best rows of "
        f"{' and '.join(FLOOR)}</figcaption></figure>"
    )


def _quality_table(rows: Sequence[Row], best_by_validation: float, best: float) -> str:
    heads = ("Method", "Tie", "n", "Validation", "Test", "Regret", "Best found", "CPU s/seed")
    reached, most = (figures.quality(one, "fraction") for one in (best_by_validation, best))
    ceilings = (
        f"<p>Test quality of the best architecture by validation: {reached}; best by test: {most}. "
        "Rows are in order of test quality, which methods never see; a longer search by "
        "validation does not always end higher. Best found: the share of seeds that asked about "
        "the best architecture at full length. Ties: Welch's t-test over seeds, Holm. A row would "
        f"be marked as a leak if more than {LEAK:.0%} of its seeds answered the best by test where "
        "validation prefers another.</p>"
    )
    return html_table(heads, map(_quality_line, rows), "Methods") + ceilings


def _quality_line(row: Row) -> str:
    name = (
        f'<th scope="row"><a href="../methods/{slug(row["method"])}.html">{text(row["method"])}</a>'
        f" <small>{setting_text(row['setting'])}</small></th>"
    )
    if (row["test_optimum_share"] or 0) > LEAK:
        share = figures.share(row["test_optimum_share"])
        name = name.replace("</th>", f' <span class="sb-badge">leak? {share}</span></th>')
    if not row["seeds"]:
        cause = text(row["cause"] or "failed")
        return f'<tr class="sb-gone">{name}<td colspan="7">{cause}</td></tr>'
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
    return f"<tr>{name}<td>{tie}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _hits(rows: Sequence[Row]) -> list[str]:
    """Queries until the best by data set, of each method's longest case; never is never."""
    hit = {row["case"] for row in rows if row["hit_share"]}
    longest: dict[str, dict[str, Row]] = {}
    for row in rows:  # shortest cases first
        if row["case"] in hit:
            longest.setdefault(label(row), {})[row["dataset"]] = row
    if not longest:
        return []
    names = list(dict.fromkeys(row["dataset"] for row in rows if row["case"] in hit))
    order = sorted(longest, key=lambda one: [_worth(longest[one].get(name)) for name in names])
    lines = [
        html_line(text(one), [_hit(longest[one].get(name)) for name in names]) for one in order
    ]
    return [
        "## Queries until the best architecture is found",
        "<p>Median / 90th percentile over seeds of the full-length queries spent until the best "
        "cell by validation was trained, within the largest budget that the method ran on, and the "
        "mean test regret of the answers then, in points; never counts as never. Local search is "
        "the floor; half of its queries is what a better method should need.</p>",
        html_table(
            ("Method", *(text(TITLES.get(name, name)) for name in names)),
            lines,
            "Queries until the best architecture",
        ),
    ]


def _worth(row: Row | None) -> float:
    if row is None or row["hit_share"] is None:
        return 1e9
    found: float = row["hit_median"] or 1e6 * (2 - row["hit_share"])
    return found


def _hit(row: Row | None) -> str:
    if row is None or row["hit_share"] is None:
        return figures.UNKNOWN
    shown = [
        "never" if one is None else f"{one:.0f}" for one in (row["hit_median"], row["hit_p90"])
    ]
    regret = f"regret {100 * row['regret']:.2f}"
    within = f"{row['hit_share']:.0%} within {row['budget_queries']:,}, {regret}"
    return f"{' / '.join(shown)} <small>{within}</small>"


def _published(rows: Sequence[Row], published: Sequence[Published]) -> list[str]:
    """Ours beside published means: searched on one data set, the answer looked up on all."""
    lines = [
        _published_line(row, one)
        for one in published
        for row in rows
        if row["seeds"]
        and (row["case"], row["method"]) == (one.case, one.method)
        and all(row["setting"].get(name) == value for name, value in one.setting.items())
    ]
    if not lines:
        return []
    data = [head for name in TITLES.values() for head in (name, "published")]
    return [
        "## Against published tables",
        "<p>Test accuracy, mean ± standard deviation over seeds. Our clock is an estimate, so the "
        "number of architectures that fit the budget is ours; sources marked recalled were not "
        "seen in print by us.</p>",
        html_table(("Method", *data, "Source"), lines, "Against published tables"),
    ]


def _published_line(row: Row, published: Published) -> str:
    def cell(values: tuple[float, float] | None, factor: float) -> str:
        if values is None:
            return figures.UNKNOWN
        mean, spread = (factor * value for value in values)
        return f"{mean:.2f} <small>±{spread:.2f}</small>"

    cells: list[str] = []
    for name in TITLES:
        cells += cell(row["transfer"][name], 100), cell(published.test.get(name), 1)
    head = f"{text(label(row))} <small>{text(row['case_title'])}</small>"
    return html_line(head, [*cells, f"<small>{text(published.source)}</small>"])


def _winners(found: SearchTable) -> list[str]:
    """The cell that most seeds of the best row answered with, for each data set."""
    records = {one.key: one for one in found.records}
    best: dict[str, SearchRecord] = {}
    for row in found.rows:
        record = records[row["key"]]
        if row["kind"] == "quality" and not record.case.protocol and record.answers:
            best.setdefault(record.case.dataset, record)
    pictures = "".join(map(_winner, best.values()))
    return ["## The winners", pictures] if pictures else []


def _winner(record: SearchRecord) -> str:
    first, case = record.answers[0], record.case
    found = first.architecture == case.best_architecture
    return (
        f'<figure class="sb-figure">{cell_svg(first.text)}<figcaption>{text(case.title)}: answer '
        f"of {first.count} of {len(record.seeds)} seeds of {text(label(record))}, "
        f"number {first.architecture}{', the best by validation' if found else ''}"
        "</figcaption></figure>"
    )
