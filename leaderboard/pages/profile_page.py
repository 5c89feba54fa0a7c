"""A hardware profile's page: what it is and the fastest rows of every task on it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.record import ProfileBlock
from leaderboard.pages import figures
from leaderboard.pages.board_table import speed
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.safe import page, setting_text, text
from leaderboard.pages.task_page import page_name
from leaderboard.table import Table

HEADS = ("Method", "Quality", "Kept", "ms", "p99 ms", "Speed-up", "$ a million")
KINDS = {
    "measured": "timed on this machine, paired with the reference",
    "table": "published figures of each architecture, not timed here",
    "predicted": "predicted by a latency model, not timed",
    "remote": "timed on somebody's own device and reported by them",
}


def profile_page(profile: ProfileBlock, tables: Sequence[Table]) -> str:
    """The Markdown page of a profile from the tables that it timed."""
    price = profile.price_per_hour_usd
    facts: list[tuple[str, object]] = [
        ("Kind", KINDS[profile.kind]),
        ("Runtime", f"{profile.runtime} {profile.runtime_version}"),
        ("Threads", profile.threads),
        ("Batch", profile.batch),
        ("Price", f"{price} US$ an hour" if price is not None else "not stated"),
        ("Digest", profile.sha256[:16]),
    ]
    sets = {row["instructions"] for table in tables for row in table.rows if row["instructions"]}
    facts.append(("INT8 instructions", "; ".join(sorted(sets)) or "none recorded"))
    lines = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in facts)
    parts = [f'<dl class="sb-list">{lines}</dl>']
    for table in tables:
        parts.append(_on_task(table))
    return page(profile.name, "\n\n".join(parts))


def _on_task(table: Table) -> str:
    """The latency front of a task, fastest first."""
    front = [row for row in table.rows if "latency_ms_p50" in row["pareto_axes"]]
    front.sort(key=lambda row: row["latency_ms_p50"])
    lines = []
    for row in front:
        cells = [
            figures.quality(row["quality"], row["unit"]),
            figures.share(row["retention"]),
            figures.milliseconds(row["latency_ms_p50"]),
            figures.milliseconds(row["latency_ms_p99"]),
            speed(row),
            figures.milliseconds(row["usd_per_million"]),
        ]
        head = f"{text(row['method'])} <small>{setting_text(row['setting'])}</small>"
        lines.append(html_line(head, cells))
    timed = sum(row["latency_ms_p50"] is not None for row in table.rows)
    link = f"../tasks/{page_name(table.task.name, table.scale)}.html"
    return (
        f'<h2><a href="{link}">{text(table.task.title)}</a></h2>'
        f"<p>{timed} of {len(table.rows)} rows timed; the Pareto front, fastest first.</p>"
        + html_table(HEADS, lines, "Front")
    )
