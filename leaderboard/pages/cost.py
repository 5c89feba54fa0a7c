"""What serving each row costs a month at the rate of the task's story, as table and plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.money import cost_per_month, requests_per_second
from harness.paired import Interval
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_table
from leaderboard.pages.plot import Line, Plot, svg
from leaderboard.pages.safe import row_name, setting_text, text
from leaderboard.published import Cost
from leaderboard.table import Table

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
    priced = [(row, _monthly(row, reference, price, rate)) for row in timed]
    words = (
        "<p>In the task&rsquo;s story serving the reference costs "
        f"<b>{_usd(cost.usd_per_month)}</b> a month ({text(cost.source)}). At ${price:g} an hour "
        "for one virtual CPU of this profile, kept busy for 70% of the time, that is "
        f"{rate:,.0f} requests a second. Every row serves that rate; its cost follows from its "
        "paired speed-up, that of the mean request where a row answers some requests quicker than "
        "others. The reference&rsquo;s weight is the task&rsquo;s choice, so the speed-up over "
        "the best small baselines stands beside.</p>"
    )
    drawn = [row | {AXIS: monthly.value} for row, monthly in priced]
    return [
        "## What it costs",
        words,
        _table(priced, [row for row in timed if row["small_baseline"]]),
        f'<figure class="sb-figure">{svg(Plot(drawn, AXIS, lines))}'
        "<figcaption>Quality against the cost of a month</figcaption></figure>",
    ]


def over(row: Row, base: Row) -> Interval:
    """How many times faster a row is than another, from both speed-ups over the one anchor."""
    value = row["speedup"] / base["speedup"]
    if row is base:
        return Interval(1.0, 1.0, 1.0)
    if None in (row["speedup_low"], base["speedup_low"]):
        return Interval(value, 0.0, math.inf)
    halves = [math.log(one["speedup_high"] / one["speedup_low"]) / 2 for one in (row, base)]
    error = math.hypot(*halves)
    return Interval(value, value * math.exp(-error), value * math.exp(error))


def _monthly(row: Row, reference: Row, price: float, rate: float) -> Interval:
    """US dollars a month with the range of the paired speed-up over the reference."""
    ratio = over(row, reference)
    ms = reference["latency_ms_p50"]
    low = ms / ratio.low if ratio.low > 0 else math.inf
    return cost_per_month(price, Interval(ms / ratio.value, ms / ratio.high, low), rate)


def _table(priced: Sequence[tuple[Row, Interval]], small: Sequence[Row]) -> str:
    ordered = sorted(small, key=lambda row: float(row["quality"]))
    best = list({row["method"]: row for row in ordered}.values())
    whole = next(monthly.value for row, monthly in priced if row["is_reference"])
    heads = ["Method", "Quality", "Kept", "p99", "Speed-up"]
    heads += [f"Over {text(row['method'])}<br>{setting_text(row['setting'])}" for row in best]
    heads += ["A month", "Saved a month", "Saved"]
    cheapest = sorted(priced, key=lambda one: one[1].value)
    lines = [_line(row, monthly, whole, best) for row, monthly in cheapest]
    return html_table(heads, lines, "Cost of a month")


def _line(row: Row, monthly: Interval, whole: float, best: Sequence[Row]) -> str:
    name = row_name(row)
    p99 = row["latency_ms_p99"]
    cells = [
        figures.quality(row["quality"], row["unit"]),
        figures.ranged(row, "retention", figures.share),
        figures.UNKNOWN if p99 is None else f"{figures.milliseconds(p99)} ms",
        figures.ratio(row["speedup"]),
        *(_ranged(over(row, base)) for base in best),
        f"{_usd(monthly.value)} <small>{_usd(monthly.low)}&ndash;{_usd(monthly.high)}</small>",
        f"{_usd(whole - monthly.value)} <small>{_usd(whole - monthly.high)}&ndash;"
        f"{_usd(whole - monthly.low)}</small>",
        figures.share(1 - monthly.value / whole),
    ]
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _ranged(ratio: Interval) -> str:
    low, high = (figures.significant(end, 3) for end in (ratio.low, ratio.high))
    return f"{figures.ratio(ratio.value)} <small>{low}&ndash;{high}</small>"


def _usd(value: float) -> str:
    """US dollars, rounded to three digits."""
    if not math.isfinite(value):
        return "unknown"
    return f"{'-' if value < 0 else ''}${abs(float(f'{value:.3g}')):,.0f}"
