"""What each head, layer and operator of a task's reference is worth, as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.record_studies import ProbeBlock, SensitivityRecord
from leaderboard.pages import figures
from leaderboard.pages.heat_map import HeatMap, heat_svg
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import text

CHANGES = {
    "dropped": "left out",
    "heads": "half of its heads cut",
    "neurons": "half of its neurons cut",
    "int8": "in static INT8",
}


def sections(record: SensitivityRecord) -> list[str]:
    """Head importance, layer sensitivity and operator sensitivity, each with its words."""
    metric, whole = record.metric, figures.quality(record.quality, record.metric.unit)
    of = (
        f"Of the frozen reference on the {record.examples:,} validation examples, one change at a "
        f"time and no training after it; unchanged it has {whole}. One example is "
        f"{figures.significant(100 / record.examples, 2)} points; changes of a few examples are "
        "noise."
    )
    return [
        "## Head importance",
        "<p>Mean absolute gradient of the loss by a gate on each head (Michel et al. 2019, "
        f"arXiv:1905.10650), over {record.batches} training batches; each layer's values have "
        "length 1. Head pruning cuts the lowest first.</p>",
        _figure(_heads(record), "Importance of each attention head"),
        "## Layer sensitivity",
        f"<p>{of} INT8 is scored in the runtime, where the unchanged reference has "
        f"{figures.quality(record.quality_runtime, metric.unit)}. The lower a point, the more that "
        "layer is needed.</p>",
        _figure(_layers(record), f"{text(metric.name)} on validation with one layer changed"),
        "## Operator sensitivity",
        f"<p>{_share(record)} of one operator's weights, the smallest, set to zero.</p>",
        _figure(_operators(record), "Change in points by one pruned operator"),
        _int8_table(record),
    ]


def _figure(drawn: str, words: str) -> str:
    return f'<figure class="sb-figure">{drawn}<figcaption>{words}</figcaption></figure>'


def _heads(record: SensitivityRecord) -> str:
    most = max(map(len, record.heads))
    return heat_svg(
        HeatMap(
            values=[[*layer, *[None] * (most - len(layer))] for layer in record.heads],
            rows=[f"layer {number}" for number in range(1, len(record.heads) + 1)],
            columns=[str(number) for number in range(1, most + 1)],
            x_label="head",
            label=f"Importance of the heads in {len(record.heads)} layers",
            form=lambda value: f"{value:.2f}",
        )
    )


def _layers(record: SensitivityRecord) -> str:
    """One line for each change that was made to every layer, and the unchanged reference."""
    layers = np.arange(1, len(record.heads) + 1, dtype=float)
    series = []
    for change, words in CHANGES.items():
        found = {one.layer: one.quality for one in _of(record, change) if one.operator is None}
        values = [found.get(number, np.nan) for number in range(len(layers))]
        series.append(Series(words, layers, np.array(values)))
    series.append(Series("unchanged", layers, np.full(len(layers), record.quality), exact=True))
    return line_svg(
        LinePlot(series, "layer", f"{record.metric.name} on validation, %", log_x=False)
    )


def _operators(record: SensitivityRecord) -> str:
    found = _of(record, "pruned")
    names = list(dict.fromkeys(one.operator or "" for one in found))
    lost = {(one.operator, one.layer): 100 * (record.quality - one.quality) for one in found}
    layers = range(len(record.heads))
    return heat_svg(
        HeatMap(
            values=[[lost.get((name, layer)) for layer in layers] for name in names],
            rows=names,
            columns=[str(layer + 1) for layer in layers],
            x_label="layer",
            label="Points of quality lost by pruning one operator of one layer",
            form=lambda lost: f"{0 - lost:+.2f}",
        )
    )


def _int8_table(record: SensitivityRecord) -> str:
    """Each kind of product quantized in all layers, in the runtime."""
    unit, whole = record.metric.unit, record.quality_runtime
    lines = [
        html_line(
            text(one.operator),
            [figures.quality(one.quality, unit), f"{100 * (one.quality - whole):+.2f}"],
        )
        for one in _of(record, "int8")
        if one.operator is not None
    ]
    heads = ["Static INT8 in all layers", "in the runtime", "change in points"]
    return html_table(heads, lines, "Operators in INT8") if lines else ""


def _of(record: SensitivityRecord, change: str) -> Sequence[ProbeBlock]:
    return [one for one in record.probes if one.change == change]


def _share(record: SensitivityRecord) -> str:
    share = next((one.share for one in _of(record, "pruned") if one.share is not None), 0.0)
    return f"{share:.0%}"
