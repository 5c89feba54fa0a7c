"""Networks that searches found: what was predicted, what they became, and the way there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import row_name, text

Row = dict[str, Any]
SKIP = "skip_connect"
TABLE_WORDS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}


def found_table(rows: Sequence[Row]) -> str:
    """Architectures that searches found: predicted cost beside what the row turned out to be."""
    shown = [row for row in rows if row["usable"] and row["found"]]
    if not shown:
        return ""
    heads = [
        "Method",
        "Architecture (first seed)",
        "Queries",
        "Search, TMACs",
        "When found",
        "Trained",
    ]
    heads += ["Predicted cost", "Of the reference's", "Turned out"]
    tables = list(dict.fromkeys(name for row in shown for name in row["found"]["table"]))
    heads += [f"{TABLE_WORDS.get(name, name)} in the table" for name in tables]
    return html_table(heads, ["".join(_line(row, tables) for row in shown)], "Found by search")


def _line(row: Row, tables: Sequence[str]) -> str:
    found, unit = row["found"], row["unit"]
    name = row_name(row)
    timed = row["latency_ms_p50"] if row["profile"] == found["cost_of"] else None
    said, factor, measured = {
        "macs": ("M MACs", 1e-6, row["macs"]),
        "params": ("M parameters", 1e-6, row["params"]),
    }.get(found["cost_of"], (f"ms on {text(found['cost_of'])}", 1.0, timed))
    share = found["cost"] / found["cost_of_reference"]
    cells = [
        text(found["architecture"]),
        figures.significant(row["cost_queries"], 3),
        figures.significant(found["search_macs"] / 1e12, 3),
        figures.quality(found["quality_when_found"], unit, 1),
        figures.quality(row["quality_validation"], unit, 1),
        f"{figures.significant(factor * found['cost'], 3)} {said}",
        figures.significant(share, 3),
        figures.UNKNOWN if measured is None else figures.significant(factor * measured, 3),
        *(figures.quality(found["table"].get(one), "fraction") for one in tables),
    ]
    return html_line(name, cells)


def derived_plot(rows: Sequence[Row]) -> str:
    """What searches with shared weights would have answered on their way (first seed).

    The test accuracy that the table has for it, whose networks are larger ones (of the first data
    set that it knows), and how many of its edges are skip connections: of those DARTS is known to
    take more and more (Zela et al. 2020, arXiv:1909.09656).
    """
    shown = [row for row in rows if row["usable"] and row["found"] and row["found"]["derived"]]
    shown = [row for row in shown if row["found"]["derived"][0]["table"]]
    if not shown:
        return ""
    name = next(iter(shown[0]["found"]["derived"][0]["table"]))
    return _derived_figure(
        shown,
        lambda one: one["table"][name],
        f"{TABLE_WORDS.get(name, name)} in the table, %",
        "Test accuracy that the table has for the cell of largest weights, as each search went on "
        "(first seed); none of it was seen",
    ) + _derived_figure(
        shown,
        lambda one: float(one["architecture"].count(SKIP)),
        "skip connections in the cell",
        "Edges of that cell that are skip connections: where all are, a search has collapsed",
    )


def _derived_figure(
    rows: Sequence[Row], value: Callable[[Row], float], axis: str, caption: str
) -> str:
    series = []
    for row in rows:
        points = row["found"]["derived"]
        words = [f"{key} {value}" for key, value in row["setting"].items() if key != "limit"]
        label = f"{row['method']} {', '.join(words)}".strip()
        places, values = ([f(one) for one in points] for f in (lambda one: one["share"], value))
        series.append(Series(label, np.array(places), np.array(values), step=True))
    percent = axis.endswith("%")
    plot = LinePlot(series, "share of the search's budget", axis, log_x=False, percent=percent)
    return f'<figure class="sb-figure">{line_svg(plot)}<figcaption>{caption}</figcaption></figure>'
