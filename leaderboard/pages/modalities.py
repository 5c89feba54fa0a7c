"""Where each row's time goes by modality, and what it loses when one does not come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.record_studies import ModalityRecord
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.line_plot import colour_of
from leaderboard.pages.safe import row_name, text
from leaderboard.table import Table

Row = dict[str, Any]
BAR_LEFT, BAR_WIDTH, BAR_HEIGHT = 330, 540, 24
MOST_BARS = 12


def modality_section(table: Table, records: Sequence[ModalityRecord]) -> list[str]:
    """The section's parts for the rows that were studied, in the table's order; none without."""
    profile = table.profile.name if table.profile else None
    known = {
        one.artifact_sha256: one
        for one in records
        if one.task_version == table.task.version and one.profile in (None, profile)
    }
    found = [
        (row, known[artifact])
        for row in table.rows
        if not row["superseded"]
        for artifact in row["artifacts"][:1]
        if artifact in known
    ]
    if not found:
        return []
    names = list(found[0][1].without)
    timed = [(row, one) for row, one in found if one.total_ms]
    parts = ["## By modality", _words([one for _, one in found])]
    if timed:
        parts.append(_bars(timed[:MOST_BARS]))
    return [*parts, _table(found, names, table.task.metric.unit)]


def _words(records: Sequence[ModalityRecord]) -> str:
    timed = [one for one in records if one.profile]
    where = ""
    if timed:
        loads = ", ".join(sorted({one.load_label or "unknown" for one in timed}))
        where = f" on {text(timed[0].profile)} (load while timing: {loads})"
    return (
        "<p>Time of one request by what it follows from: one modality alone, or several "
        f"(fusion){where}. Kernel times are the runtime&rsquo;s, of the first validation request "
        "and the first seed, not paired with the anchor: read the shares. Rows that answer some "
        "requests quicker than others are not split. Beside it the change in points when one "
        "modality is missing in every request, as if its service were down, on the "
        f"{records[0].examples:,} validation requests. What a model scores that never had it is "
        "in the rows of a method that leaves modalities out, where the task has one.</p>"
    )


def _table(found: Sequence[tuple[Row, ModalityRecord]], names: Sequence[str], unit: str) -> str:
    times = _parts([one for _, one in found])
    heads = ["Method", *(f"{text(name)}, ms" for name in times), "Validation"]
    heads += [f"without {text(name)}" for name in names]
    lines = []
    for row, one in found:
        cells = [_time(one.ms.get(each)) for each in times]
        cells.append(figures.quality(one.quality, unit))
        cells += [f"{100 * (one.without[each] - one.quality):+.1f}" for each in names]
        lines.append(html_line(row_name(row), cells))
    return html_table(heads, lines, "Time and worth by modality")


def _time(ms: float | None) -> str:
    """Three digits of a time; what is below a nanosecond is rounding."""
    return figures.milliseconds(None if ms is None else round(ms, 6))


def _bars(timed: Sequence[tuple[Row, ModalityRecord]]) -> str:
    """One stacked bar a row, as wide as its whole time: how its time is shared out."""
    parts = _parts([one for _, one in timed])
    height = BAR_HEIGHT * len(timed)
    drawn = "".join(_bar(row, one, parts, BAR_HEIGHT * n) for n, (row, one) in enumerate(timed))
    label = f"Share of {', '.join(parts)} in the time of {len(timed)} rows"
    legend = "".join(
        f'<li><i class="sb-dot {colour_of(name, parts)}"></i>{text(name)}</li>' for name in parts
    )
    return (
        f'<figure class="sb-figure"><svg class="sb-plot" viewBox="0 0 960 {height}" role="img" '
        f'aria-label="{text(label)}">{drawn}</svg><ul class="sb-legend">{legend}</ul>'
        "<figcaption>Where the time of a request goes, in shares of each row&rsquo;s own time; the "
        f"first {len(timed)} rows that were timed</figcaption></figure>"
    )


def _parts(records: Sequence[ModalityRecord]) -> list[str]:
    """The modalities, then what is none, each if any record has its time."""
    known = {name for one in records for name in one.ms}
    modalities = list(records[0].without)
    others = sorted(known - set(modalities), reverse=True)  # fusion, (runtime)
    return [name for name in (*modalities, *others) if name in known]


def _bar(row: Row, one: ModalityRecord, parts: Sequence[str], top: int) -> str:
    setting = ", ".join(f"{value}" for value in row["setting"].values())
    words = f"{row['method']} {setting}".strip()
    middle = top + BAR_HEIGHT - 8
    drawn = [f'<text x="{BAR_LEFT - 8}" y="{middle}" text-anchor="end">{text(words[:48])}</text>']
    x, total = float(BAR_LEFT), sum(one.ms.values())
    for name in parts:
        width = BAR_WIDTH * one.ms.get(name, 0.0) / total
        shown = f"{name} {figures.milliseconds(one.ms.get(name))} ms"
        drawn.append(
            f'<rect class="sb-share {colour_of(name, parts)}" x="{x:.1f}" y="{top + 3}" '
            f'width="{width:.1f}" height="{BAR_HEIGHT - 6}"><title>{text(shown)}</title></rect>'
        )
        x += width
    said = f"{figures.milliseconds(one.total_ms)} ms"
    return "".join(drawn) + f'<text x="{BAR_LEFT + BAR_WIDTH + 8}" y="{middle}">{said}</text>'
