"""The first page and the lists of tasks, methods and profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.record import ProfileBlock
from leaderboard.across import geometric_mean, performance_profile
from leaderboard.headline import Headline
from leaderboard.pages import figures
from leaderboard.pages.board_table import LIMIT_MARKS
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.method_page import rows_of
from leaderboard.pages.plot import Plot, svg
from leaderboard.pages.safe import page, row_name, slug, text
from leaderboard.pages.sections import best_headline, headline_ratio, row_of, takeaway
from leaderboard.pages.task_page import legend, limit_lines, page_name
from leaderboard.published import curves_of
from leaderboard.summary import AT_LIMITS, RETENTIONS, resolves
from leaderboard.table import Table, main_axis

SENTENCE = (
    "slimbench measures how much smaller and faster methods make neural networks, "
    "on hidden test data and fixed hardware, with intervals, and with ties shown as ties."
)
DOORS = (
    ("Pick a model", "tasks/index.html", "Set limits on latency, size and quality; get a command."),
    ("Submit a method", "submit.html", "One file of under 25 lines; the harness does the rest."),
    ("Reproduce a row", "reproduce.html", "Every row comes with the command that repeats it."),
)
FACTORS = (1.0, 1.25, 1.5, 2.0, 4.0)


def index_page(tables: Sequence[Table]) -> str:
    """One sentence, one picture, the headline table, three doors."""
    doors = "".join(
        f'<a class="sb-door" href="{link}"><b>{name}</b><span>{words}</span></a>'
        for name, link, words in DOORS
    )
    parts = [
        "# slimbench",
        f'<p class="sb-takeaway">{SENTENCE}</p>',
        f'<div class="sb-doors">{doors}</div>',
    ]
    parts.append(_picture(tables) if tables else "<p>No results yet: be the first.</p>")
    if tables:
        parts += ["## Headlines", task_lines(tables, "")]
    front = "---\ntitle: slimbench\nhide:\n  - navigation\n  - toc\n---\n\n"
    return front + "\n\n".join(parts) + "\n"


def _picture(tables: Sequence[Table]) -> str:
    """The plot of the task with most rows."""
    table = max(tables, key=lambda one: len(one.rows))
    axis = main_axis(table.rows)
    curves = curves_of(table.task.name) if axis == "macs" else ()
    link = f"tasks/{page_name(table.task.name, table.scale)}.html"
    plot = Plot(table.rows, axis, limit_lines(table), curves)
    return (
        f'<figure class="sb-figure sb-hero">{svg(plot)}'
        f'<figcaption><a href="{link}">{text(table.task.title)}</a>: {takeaway(table)}</figcaption>'
        f"</figure>{legend(table.rows, bool(curves))}"
    )


def task_lines(tables: Sequence[Table], up: str) -> str:
    """A line for each task: what leads at the strictest share that a method has met."""
    heads = (
        "Task",
        "Reference",
        "Leader",
        "Chosen at",
        "Seeds",
        "Kept",
        "Speed-up",
        "Limits",
        "Rows",
    )
    return html_table(heads, (_task_line(table, up) for table in tables), "Headlines by task")


def _task_line(table: Table, up: str) -> str:
    task = table.task
    link = f"{up}tasks/{page_name(task.name, table.scale)}.html"
    reference = task.reference.quality_test if task.reference else None
    key, found = best_headline(table)
    leader = ["none yet", *5 * (figures.UNKNOWN,)]
    if found is not None:
        row = row_of(table, found.name)
        what = "" if table.summary.speed == "time" else " <small>by MACs</small>"
        leader = [
            row_name(row).replace(" <small>", "<br><small>", 1),
            "the task's limits" if key == AT_LIMITS else f"≥ {float(key):.0%}",
            str(len(row["seeds"])),
            figures.share(found.retention),
            headline_ratio(table, found) + what,
            LIMIT_MARKS.get(row["limits_met"] or "", figures.UNKNOWN),
        ]
    cells = [figures.quality(reference, task.metric.unit), *leader, str(len(table.rows))]
    return html_line(f'<a href="{link}">{text(task.title)}</a>', cells)


def tasks_page(tables: Sequence[Table], searches: Mapping[str, str] | None = None) -> str:
    """All tasks with their headlines, then the table tasks: `searches` maps names to titles."""
    body = task_lines(tables, "../") if tables else "<p>No results yet.</p>"
    if searches:
        links = "".join(
            f'<li><a href="{page_name(name, "standard")}.html">{text(title)}</a></li>'
            for name, title in sorted(searches.items())
        )
        body += f"<h2>Architecture search on tables</h2><ul>{links}</ul>"
    return page("Tasks", body)


def methods_page(
    methods: Mapping[str, Sequence[Table]], standard: Sequence[Table], searchers: Sequence[str] = ()
) -> str:
    """All methods: geometric mean of the headline over all tasks, and the performance profile.

    `searchers` have rows on tables of trained architectures.
    """
    links = "".join(f'<li><a href="{slug(name)}.html">{text(name)}</a></li>' for name in searchers)
    further = f"<h2>Searches on tables</h2><ul>{links}</ul>" if links else ""
    found = {
        name: {table.task.name: _kept_headline(table, name) for table in standard}
        for name in methods
        if name != "reference"
    }
    if not standard or not found:
        return page("Methods", f"<p>No results yet.</p>{further}")
    speedups = {
        name: {task: head.speedup if head else None for task, head in heads.items()}
        for name, heads in found.items()
    }
    profiles = performance_profile(speedups, FACTORS)
    means = {
        name: geometric_mean([(h.speedup, h.low, h.high) if h else None for h in heads.values()])
        for name, heads in found.items()
    }
    lines = "".join(
        _method_line(name, methods[name], means[name], profiles[name])
        for name in sorted(found, key=lambda name: -means[name][0])
    )
    heads = ["Method", "Family", "Mean speed-up", *(f"within {f:g}x" for f in FACTORS), "Rows"]
    return page(
        "Methods",
        f"<p>Geometric mean over all {len(standard)} tasks of the best speed-up at the strictest "
        "share of the reference's quality that the task's test can tell apart (99%, 95%, else the "
        "task's limits); a task without one counts as 1&times;. Then the share of tasks on which "
        "a method is within a factor of the best. Each task counts on the hardware that timed "
        "most of its rows, which is not the same for all.</p>"
        + html_table(heads, [lines], "Methods across tasks")
        + further,
    )


def _kept_headline(table: Table, method: str) -> Headline | None:
    """A method's headline at the strictest share the test resolves, unless the test disagreed."""
    floor = table.summary.floor
    key = next((str(limit) for limit in RETENTIONS if resolves(floor, limit)), AT_LIMITS)
    found = table.summary.headlines.get((method, key))
    return found if found is not None and found.verdict != "missed" else None


def _method_line(
    name: str,
    tables: Sequence[Table],
    mean: tuple[float, float, float],
    profile: Sequence[float],
) -> str:
    rows = [row for table in tables for row in rows_of(table, name)]
    value, low, high = mean
    speed = (
        f"{figures.ratio(value)} <small>{figures.significant(low, 3)}&ndash;"
        f"{figures.significant(high, 3)}</small>"
    )
    shares = (f"{share:.0%}" for share in profile)
    cells = [text(rows[0]["family"]), speed, *shares, str(len(rows))]
    return html_line(_link(name), cells)


def _link(name: str) -> str:
    return f'<a href="{slug(name)}.html">{text(name)}</a>'


def profiles_page(profiles: Sequence[tuple[ProfileBlock, int]]) -> str:
    """All hardware profiles with the number of tasks each has timed."""
    lines = []
    for one, count in profiles:
        runtime = f"{text(one.runtime)} {text(one.runtime_version)}"
        cells = [one.kind, runtime, str(one.threads), str(one.batch), str(count)]
        lines.append(html_line(_link(one.name), cells))
    heads = ("Profile", "Kind", "Runtime", "Threads", "Batch", "Tasks")
    if not lines:
        return page("Hardware", "<p>Nothing was timed yet.</p>")
    return page("Hardware", html_table(heads, lines, "Profiles"))
