"""Parts of a task page: what the task is, headlines, loss by slice, the published comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaderboard.headline import Headline
from leaderboard.pages import figures
from leaderboard.pages.board_table import UNSETTLED
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.safe import row_name, setting_text, slug, text
from leaderboard.pages.small_networks import over_text, small_to_beat
from leaderboard.published import Curve, Result
from leaderboard.summary import AT_LIMITS, RETENTIONS
from leaderboard.table import Table

Row = dict[str, Any]
MOST_SLICES = 24


def facts(table: Table) -> str:
    """The task in one paragraph: metric, reference, limits."""
    task = table.task
    words = [f"<b>{text(task.metric.name)}</b> on {task.test_examples:,} hidden test examples"]
    if task.reference:
        reference = task.reference
        shown = figures.quality(reference.quality_test, task.metric.unit)
        words.append(
            f"reference {shown}, {figures.count(reference.macs)} MACs, "
            f"{figures.count(reference.params)} parameters, {figures.size(reference.size_bytes)}"
        )
    if table.profile:
        profile = table.profile
        words.append(f"timed on {text(profile.name)} ({text(profile.runtime)})")
    spent = sum((row["cost_cpu_seconds"] or 0) * len(row["seeds"]) for row in table.rows)
    words.append(f"its runs took {figures.significant(spent / 3600, 2)} CPU hours")
    unit = task.metric.unit
    limits = [figures.bound(one.quantity, one.kind, one.bound, unit) for one in task.limits]
    chips = "".join(f'<span class="sb-chip">{text(one)}</span>' for one in limits)
    chips = f'<p class="sb-chips">Limits {chips}</p>' if limits else ""
    return f'<p class="sb-facts">{"; ".join(words)}.</p>{chips}'


def takeaway(table: Table) -> str:
    """The task's result in one sentence, from the best headline that the test has not refuted."""
    key, found = best_headline(table)
    if found is None:
        return "No method has a validated result yet that keeps the reference's quality."
    row = row_of(table, found.name)
    what = "faster" if table.summary.speed == "time" else "fewer MACs (latency pending)"
    sure = {"met": "keeps", "may meet": "may keep", "missed": "was chosen to keep, but missed,"}
    kept = "the task&rsquo;s limits"
    if key != AT_LIMITS:
        kept = f"at least {float(key):.0%} of the quality"
    name = f"<b>{text(row['method'])}</b> {_setting(row)}"
    missed = "" if key == AT_LIMITS else _missed_at_limits(table)
    if found.low <= 1 and table.summary.speed == "time":
        return (
            f"Nothing that keeps {kept} is clearly faster yet: the best, {name}, "
            f"runs at <b>{headline_ratio(table, found)}</b> of the reference's speed.{missed}"
        )
    return (
        f"{name} {sure[found.verdict]} {kept} ({figures.share(found.retention)} kept) and is "
        f"<b>{headline_ratio(table, found)} {what}</b>{_over_small(table, row)}.{missed}"
    )


def _missed_at_limits(table: Table) -> str:
    """The fastest that validation chose at the task's limits and the test refuted; "" if none."""
    known = table.summary.headlines.items()
    missed = [one for (_, key), one in known if key == AT_LIMITS and one.verdict == "missed"]
    if not missed:
        return ""
    found = max(missed, key=lambda one: one.speedup)
    return (
        f" At the task&rsquo;s limits validation chose {_named(row_of(table, found.name))}, "
        f"{headline_ratio(table, found)}, which missed them on the test "
        f"({figures.share(found.retention)} kept)."
    )


def _over_small(table: Table, row: Row) -> str:
    """The speed-up over the small network trained from scratch that has to be beaten."""
    base, as_good = small_to_beat(table, row)
    if base is None or row["speedup"] is None or row["small_baseline"]:
        return ""
    which = "fastest small network trained from scratch that is as good"
    if not as_good:
        which = "best small network trained from scratch"
    return (
        f" than the reference, {over_text(row, base)} the speed of the {which}, {_named(base)} "
        f"with {figures.quality(base['quality'], base['unit'])}"
    )


def _named(row: Row) -> str:
    return f"{text(row['method'])} {_setting(row)}"


def _setting(row: Row) -> str:
    return f"({setting_text(row['setting'])})"


def best_headline(table: Table) -> tuple[str, Headline | None]:
    """The largest speed-up within the task's limits, else at the strictest share that is kept."""
    for key in (AT_LIMITS, *map(str, RETENTIONS)):
        able = [
            headline
            for (method, limit), headline in table.summary.headlines.items()
            if limit == key and method != "reference" and headline.verdict != "missed"
        ]
        if able:
            return key, max(able, key=lambda one: one.speedup)
    return "", None


def row_of(table: Table, row_id: str) -> Row:
    """The row with an id."""
    return next(row for row in table.rows if row["row_id"] == row_id)


def headline_ratio(table: Table, found: Headline) -> str:
    """The ratio with its interval in brackets, starred where its timing did not settle."""
    mark = UNSETTLED if row_of(table, found.name)["settled"] is False else ""
    return figures.ratio_between(found.speedup, found.low, found.high) + mark


def headline_table(table: Table) -> str:
    """Best speed-up of each method at 99%, 95% and the task's limits, and its hypervolume."""
    summary = table.summary
    keys = [*map(str, RETENTIONS), AT_LIMITS]
    shown = [key for key in keys if any(limit == key for _, limit in summary.headlines)]
    heads = ["Method", *(_name_of_limit(key) for key in shown), "Hypervolume"]
    methods = sorted(summary.hypervolumes, key=lambda name: -summary.hypervolumes[name][0])
    lines = "".join(_headline_line(table, method, shown) for method in methods)
    note = ""
    if summary.floor is not None:
        note = (
            f"<p>Resolution floor: {table.task.test_examples:,} examples, paired with the "
            f"reference, separate differences of {figures.share(summary.floor)} of its quality; "
            "99% and 95% have no headline where they are finer than that; the task's own limits "
            "are judged all the same.</p>"
        )
    note += (
        "<p>The setting is chosen on validation and reported on the hidden test; the interval "
        "repeats the choice in each resample of seeds and timings (of timings alone where a method "
        "has one seed), not of the validation examples, whose luck it does not carry; a resample "
        "in which nothing keeps the quality counts as 1&times;. &ldquo;May meet&rdquo;: the "
        "interval of what is kept crosses the limit; &ldquo;missed on test&rdquo;: validation said "
        "yes, the test no.</p>"
    )
    return html_table(heads, [lines], "Best of each method") + note


def _name_of_limit(key: str) -> str:
    return "at the task's limits" if key == AT_LIMITS else f"at ≥ {float(key):.0%} kept"


def _headline_line(table: Table, method: str, keys: Sequence[str]) -> str:
    cells = [f'<th scope="row"><a href="../methods/{slug(method)}.html">{text(method)}</a></th>']
    for key in keys:
        found = table.summary.headlines.get((method, key))
        cells.append(f"<td>{_headline_cell(table, found)}</td>")
    value, low, high = table.summary.hypervolumes[method]
    spread = f" <small>{low:.3f}&ndash;{high:.3f}</small>" if low < high else ""
    cells.append(f"<td>{value:.3f}{spread}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _headline_cell(table: Table, found: Headline | None) -> str:
    if found is None:
        return figures.UNKNOWN
    setting = setting_text(row_of(table, found.name)["setting"])
    mark = {
        "met": "",
        "may meet": " <small>may meet</small>",
        "missed": " <small>missed on test</small>",
    }
    return f'<span title="{setting}">{headline_ratio(table, found)}{mark[found.verdict]}</span>'


def slice_table(rows: Sequence[Row]) -> str:
    """Loss of each slice of the test data against the reference, in percentage points."""
    base = next((row["slices"] for row in rows if row["is_reference"] and row["slices"]), None)
    names = sorted(base or {})[:MOST_SLICES]
    shown = [row for row in rows if row["usable"] and row["slices"] and not row["is_reference"]]
    if base is None or not shown:
        return ""
    lines = "".join(_slice_line(row, base, names) for row in shown)
    heads = ["Method", *(text(name) for name in names), "worst"]
    return html_table(heads, [lines], "Loss by group", "sb-heat")


def figures_table(rows: Sequence[Row]) -> str:
    """The task's further figures beside the metric, on the hidden test, and the throughput.

    Smaller beside a figure: half its 95% range, 1.96 standard errors.
    """
    shown = [row for row in rows if row["usable"] and further_figures(row)]
    names = sorted({name for row in shown for name in further_figures(row)})
    if not shown:
        return ""
    heads = ["Method", *(text(name) for name in names)]
    return html_table(heads, ["".join(_figures_line(row, names) for row in shown)], "Figures")


def further_figures(row: Row) -> dict[str, float]:
    """A row's figures by name, seeds averaged; requests a second where batches were timed."""
    if row["throughput"] is None:
        return dict(row["figures"])
    batches = f"requests a second in batches of {row['throughput_batch']}"
    return {**row["figures"], batches: row["throughput"]}


def _figures_line(row: Row, names: Sequence[str]) -> str:
    name = row_name(row)
    found = further_figures(row)
    return html_line(name, [_figure(row, one, found.get(one)) for one in names])


def _figure(row: Row, name: str, value: float | None) -> str:
    if value is None:
        return figures.UNKNOWN
    error = row["figures_error"].get(name)
    half = (
        "" if error is None else f" <small>&plusmn;{figures.significant(1.96 * error, 2)}</small>"
    )
    return f"{figures.significant(value, 4)}{half}"


def _slice_line(row: Row, base: dict[str, float], names: Sequence[str]) -> str:
    losses = [row["slices"].get(name, 0.0) - base[name] for name in names]
    name = row_name(row)
    cells = "".join(_heat_cell(100 * loss) for loss in losses)
    return f'<tr><th scope="row">{name}</th>{cells}{_heat_cell(100 * min(losses, default=0))}</tr>'


def _heat_cell(points: float) -> str:
    level = min(5, int(max(0.0, -points) ** 0.75))
    return f'<td class="sb-h{level}">{points:+.1f}</td>'


def published_table(rows: Sequence[Row], curves: Sequence[Curve], unit: str) -> str:
    """For every published result the best row of ours that needs no more MACs."""
    lines = [
        _published_line(rows, curve, number, unit)
        for curve in curves
        for number in range(len(curve.points))
    ]
    heads = ["Published", "MACs", "theirs", "ours at no more MACs", "difference", "source"]
    return html_table(heads, lines, "Against published numbers")


def _published_line(rows: Sequence[Row], curve: Curve, number: int, unit: str) -> str:
    point = curve.points[number]
    able = [row for row in rows if row["usable"] and row["macs"] and row["macs"] <= point.cost]
    best = max(able, key=lambda row: row["quality"], default=None)
    ours, difference = figures.UNKNOWN, figures.UNKNOWN
    if best is not None:
        name = f"{text(best['method'])}, {setting_text(best['setting'])}"
        ours = f"{figures.quality(best['quality'], unit)} <small>{name}</small>"
        difference = f"{100 * (best['quality'] - point.quality):+.2f}"
    theirs = figures.quality(point.quality, unit)
    source = f"<small>{text(point.source)}</small>"
    cells = [figures.count(point.cost), theirs, ours, difference, source]
    return html_line(text(point.note), cells)


def results_table(rows: Sequence[Row], results: Sequence[Result], unit: str) -> str:
    """For every published result the best row of ours with no more parameters, on its split."""
    lines = [_result_line(rows, one, unit) for one in results]
    heads = ["Published", "split", "parameters", "theirs", "ours at no more parameters"]
    heads += ["difference", "their speed-up", "source"]
    return html_table(heads, lines, "Against published results")


def _result_line(rows: Sequence[Row], one: Result, unit: str) -> str:
    column = "quality" if one.split == "test" else "quality_validation"
    able = [row for row in rows if row["usable"] and row["params"] <= one.params and row[column]]
    best = max(able, key=lambda row: row[column], default=None)
    ours, difference = figures.UNKNOWN, figures.UNKNOWN
    if best is not None:
        name = f"{text(best['method'])}, {setting_text(best['setting'])}"
        ours = f"{figures.quality(best[column], unit)} <small>{name}</small>"
        difference = f"{100 * (best[column] - one.quality):+.2f}"
    theirs = figures.quality(one.quality, unit)
    faster = text(one.speedup) or figures.UNKNOWN
    source = f"<small>{text(one.source)}</small>"
    cells = [text(one.split), figures.count(one.params), theirs, ours, difference, faster, source]
    return html_line(text(one.name), cells)
