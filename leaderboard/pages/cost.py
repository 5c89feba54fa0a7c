"""What serving each row costs a month at the rate of the task's story, as table and plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.money import cost_per_month, requests_per_second
from harness.paired import Interval
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.plot import Line, Plot, svg
from leaderboard.pages.safe import row_name, text
from leaderboard.published import Cost, price_of
from leaderboard.table import Table
from leaderboard.timing import over

Row = dict[str, Any]
AXIS = "usd_per_month"


def cost_section(table: Table, cost: Cost | None, lines: Sequence[Line] = ()) -> list[str]:
    """The section's parts; none without a story, a price, or a timed reference.

    `lines` are the quality limits that the plot shows.
    """
    price = table.profile.price_per_hour_usd if table.profile else None
    known = [row for row in table.rows if row["usable"]]
    timed = [row for row in known if row["speedup"] and row["latency_ms_p50"] is not None]
    reference = next((row for row in timed if row["is_reference"]), None)
    if cost is None or price is None or reference is None:
        return []
    rate = requests_per_second(price, reference["latency_ms_p50"], cost.usd_per_month)
    listed = price_of(table.profile.name) if table.profile else None
    where = f" ({text(listed.source)})" if listed else ""
    priced = [(row, _monthly(row, reference, price, rate)) for row in timed]
    words = (
        "<p>In the task&rsquo;s story serving the reference costs "
        f"<b>{_usd(cost.usd_per_month)}</b> a month ({text(cost.source)}). At ${price:g} an hour "
        f"for one virtual CPU of this profile{where}, kept busy for 70% of the time, that is "
        f"{rate:,.0f} requests a second. Every row serves that rate; its cost follows from its "
        "paired speed-up, that of the mean request where a row answers some requests quicker than "
        "others.</p>"
    )
    drawn = [row | {AXIS: monthly.value} for row, monthly in priced]
    return [
        "## What it costs",
        words,
        _table(priced),
        f'<figure class="sb-figure">{svg(Plot(drawn, AXIS, lines))}'
        "<figcaption>Quality against the cost of a month</figcaption></figure>",
    ]


def _monthly(row: Row, reference: Row, price: float, rate: float) -> Interval:
    """US dollars a month with the range of the paired speed-up over the reference."""
    ratio = over(row, reference)
    ms = reference["latency_ms_p50"]
    low = ms / ratio.low if ratio.low > 0 else math.inf
    return cost_per_month(price, Interval(ms / ratio.value, ms / ratio.high, low), rate)


def _table(priced: Sequence[tuple[Row, Interval]]) -> str:
    whole = next(_rounded(monthly.value) for row, monthly in priced if row["is_reference"])
    heads = ["Method", "Quality", "Kept", "p99", "Speed-up", "A month", "Saved a month", "Saved"]
    cheapest = sorted(priced, key=lambda one: one[1].value)
    return html_table(heads, [_line(*one, whole) for one in cheapest], "Cost of a month")


def _line(row: Row, monthly: Interval, whole: float) -> str:
    p99 = row["latency_ms_p99"]
    costs = [_rounded(end) for end in (monthly.value, monthly.low, monthly.high)]
    shares = [100 * (1 - costs[i] / whole) for i in (0, 2, 1)]
    cells = [
        figures.quality(row["quality"], row["unit"]),
        figures.ranged(row, "retention", figures.share),
        figures.UNKNOWN if p99 is None else f"{figures.milliseconds(p99)} ms",
        figures.ratio(row["speedup"]),
        _within(*map(_usd, costs)),
        _usd(whole - costs[0]),
        _within(*(f"{one:.2f}%" for one in shares)),
    ]
    return html_line(row_name(row), cells)


def _within(value: str, low: str, high: str) -> str:
    """The value and its range, unless the range is finer than the digits shown."""
    return value if value == low == high else f"{value} <small>{low}&ndash;{high}</small>"


def _rounded(usd: float) -> float:
    """To three digits; what is saved is then as fine as what is paid."""
    return float(f"{usd:.3g}")


def _usd(value: float) -> str:
    if not math.isfinite(value):
        return "unknown"
    return f"{'-' if value < 0 else ''}${abs(value):,.0f}"
