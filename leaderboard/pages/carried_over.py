"""Do the conclusions of another task carry over to this one, which repeats it on other data?"""

from __future__ import annotations

from leaderboard.carried import CONTENDER, Carried, Pair, carried
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.safe import row_name, slug, text
from leaderboard.pages.sections import best_headline, headline_ratio, row_of
from leaderboard.rows import goodness
from leaderboard.summary import AT_LIMITS
from leaderboard.table import Table

SHOWN = 10  # reversed comparisons that are named


def carried_section(table: Table, repeated: Table | None) -> list[str]:
    """The section's parts; none where nothing is repeated or no row stands on both boards."""
    if repeated is None:
        return []
    found = carried(repeated.rows, table.rows)
    if not found.pairs:
        return []
    link = f'<a href="{slug(repeated.task.name)}.html">{text(repeated.task.title)}</a>'
    heads = ["Method", "Kept there", "Kept here", "Speed-up there", "Speed-up here"]
    return [
        "## Do the conclusions carry over?",
        f"<p>This task repeats {link} on other data; its methods and settings were chosen there. "
        f"{_verdict(found)}</p>",
        _winners(repeated, table),
        _reversed(found),
        html_table(heads, map(_line, found.pairs), "Rows on both boards"),
    ]


def _verdict(found: Carried) -> str:
    words = f"{len(found.pairs)} rows stand on both boards."
    if found.correlation is not None:
        words += f" Spearman&rsquo;s correlation of what they keep is {found.correlation:.2f}."
    if not found.settled:
        return words + " No two of them are settled (95% ranges apart) on both."
    same = found.settled - len(found.reversed)
    words += (
        f" Of {found.settled:,} comparisons of two rows that are settled on both boards (95% "
        f"ranges of what they keep apart), {same:,} have the same winner on both"
    )
    contenders = f"two contenders, rows that keep at least {CONTENDER:.0%} of the reference on both"
    if not found.contended:
        return f"{words}, but none of them compares {contenders}."
    kept = found.contended - found.contended_reversed
    return f"{words}; of the {found.contended:,} between {contenders}, <b>{kept:,}</b>."


def _winners(*tables: Table) -> str:
    """Who keeps most, and who is fastest at the strictest limit that anybody meets, on each."""
    said = []
    for table in tables:
        able = [row for row in table.rows if row["usable"] and not row["is_reference"]]
        best = max(able, key=goodness)
        words = f"{text(table.task.title)}: most is kept by {row_name(best)}"
        words += f" ({figures.share(best['retention'])})"
        key, headline = best_headline(table)
        if headline is not None:
            where = "within the task&rsquo;s limits" if key == AT_LIMITS else f"at {float(key):.0%}"
            what = "" if table.summary.speed == "time" else " fewer MACs"
            fastest = row_name(row_of(table, headline.name))
            words += f"; fastest {where} is {fastest}, {headline_ratio(table, headline)}{what}"
        said.append(f"<li>{words}</li>")
    return f"<ul>{''.join(said)}</ul>"


def _reversed(found: Carried) -> str:
    if not found.reversed:
        return ""
    named = [f"{row_name(a[0])} over {row_name(b[0])}" for a, b in found.reversed[:SHOWN]]
    more = len(found.reversed) - len(named)
    rest = f"; and {more:,} more" if more else ""
    return f"<p>True there and reversed here: {'; '.join(named)}{rest}.</p>"


def _line(pair: Pair) -> str:
    kept = [figures.ranged(row, "retention", figures.share) for row in pair]
    faster = [figures.ranged(row, "speedup", figures.ratio) for row in pair]
    return html_line(row_name(pair[0]), (*kept, *faster))
