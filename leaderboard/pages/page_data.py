"""The raw values that a page's JavaScript sorts, filters and exports, as compact columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from leaderboard.pages.safe import embedded_json

Row = dict[str, Any]
COLUMNS = (
    "row_id",
    "method",
    "method_version",
    "family",
    "source",
    "setting",
    "seeds",
    "status",
    "cause",
    "verification",
    "usable",
    "small_baseline",
    "superseded",
    "quality",
    "quality_low",
    "quality_high",
    "quality_seeds",
    "retention",
    "retention_low",
    "retention_high",
    "macs",
    "params",
    "params_nonzero",
    "size_bytes",
    "peak_memory_bytes",
    "macs_int8",
    "tie_group",
    "artifact_group",
    "runs_tried",
    "cost_train_macs",
    "cost_cpu_seconds",
    "created",
)
TIMED = (
    "speedup",
    "speedup_low",
    "speedup_high",
    "latency_ms_p50",
    "latency_ms_low",
    "latency_ms_high",
    "latency_ms_p99",
    "settled",
    "instructions",
    "usd_per_million",
    "latency_cause",
    "limits_met",
    "limits_worst",
    "pareto",
)


def page_data(
    rows: Sequence[Row],
    timed: Mapping[str, Sequence[Row]],
    facts: Mapping[str, Any],
    stored: Collection[str] = (),
) -> str:
    """A script element with the rows (in page order) and their timing on each profile.

    `stored` holds the sha256 of the artifacts that the site offers for download.
    """
    slices = sorted({name for row in rows for name in row["slices"]})
    places = {row["row_id"]: number for number, row in enumerate(rows)}
    value = {
        **facts,
        "columns": COLUMNS,
        "rows": [[_compact(row[name]) for name in COLUMNS] for row in rows],
        "timed_columns": TIMED,
        "profiles": {name: _timing(table, places) for name, table in timed.items()},
        "slices": slices,
        "slice_values": [[_compact(row["slices"].get(name)) for name in slices] for row in rows],
        "artifact": [_download(row, stored) for row in rows],
        "scored": [_key_with_scores(row) for row in rows],
    }
    return f'<script type="application/json" id="sb-data">{embedded_json(value)}</script>'


def _timing(table: Sequence[Row], places: Mapping[str, int]) -> dict[int, list[Any]]:
    return {places[row["row_id"]]: [_compact(row[name]) for name in TIMED] for row in table}


def _compact(value: Any) -> Any:
    """Six significant digits are enough for a page; board.json has them all."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_compact(one) for one in value]
    return value


def _download(row: Row, stored: Collection[str]) -> str | None:
    found = next((one for one in row["artifacts"] if one in stored), None)
    return f"artifacts/{found[:16]}.onnx" if found else None


def _key_with_scores(row: Row) -> str | None:
    """The run whose example scores the compare view loads, when the row has any."""
    return row["keys"][0][:16] if row["artifact_group"] is not None else None
