"""Networks that searches found: what was predicted, what they became, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from leaderboard.pages import figures
from leaderboard.pages.html_table import html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import row_name, text

Row = dict[str, Any]
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
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def derived_plot(rows: Sequence[Row]) -> str:
    """What searches with shared weights would have answered on their way, by the table's accuracy.

    The table's networks are larger ones; the first data set that it knows is drawn.
    """
    series = []
    for row in rows:
        points = row["found"]["derived"] if row["usable"] and row["found"] else []
        if points and points[0]["table"]:
            name = next(iter(points[0]["table"]))
            x, y = [one["share"] for one in points], [one["table"][name] for one in points]
            words = [f"{key} {value}" for key, value in row["setting"].items() if key != "limit"]
            label = f"{row['method']} {', '.join(words)}".strip()
            series.append(Series(label, np.array(x), np.array(y), step=True))
    if not series:
        return ""
    axes = "share of the search's budget", f"{TABLE_WORDS.get(name, name)} in the table, %"
    plot = LinePlot(series, *axes, log_x=False)
    return (
        f'<figure class="sb-figure">{line_svg(plot)}<figcaption>Test accuracy that the table has '
        "for the cell of largest weights, as each search went on (first seed); none of it was seen"
        "</figcaption></figure>"
    )
