"""board.json, board.csv and their schema: every row in full precision, at addresses that stay."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

Row = dict[str, Any]
FORMAT = 1
TEXT = {"type": "string"}
NUMBER = {"type": ["number", "null"]}
NOTES = {
    "row_id": "stable id of task, versions, method, setting and scale",
    "quality": "mean over seeds on the hidden test, in `unit`; fractions are in [0, 1]",
    "retention": "quality as a share of the reference's, above 1 is better",
    "speedup": "paired ratio of reference time to entry time, above 1 is faster",
    "latency_ms_p50": "nominal: the reference's frozen latency over the speed-up; of the mean "
    "request where requests differ in cost",
    "tie_group": "1 leads; null with fewer than 3 seeds: shown, not ranked",
    "artifact_group": "as tie_group, for the first seed's artifact, by McNemar or bootstrap",
    "limits_met": "met, may meet (interval crosses), missed, pending; null without limits",
    "limits_worst": "quantities whose limit is in the state of limits_met, where others are better",
    "runs_tried": "runs of this method on this task, all settings and seeds, failed ones too; or "
    "the tries that its authors state, if more",
    "history": "dated statuses of the row's runs, oldest first; none is ever deleted",
    "card": "what the authors say, as they wrote it",
    "found": "what a search found before it was trained: architecture (first seed), what it cost "
    "by prediction, validation quality then, and what the search spent",
    "usable": "false for failed, flagged, withdrawn and superseded rows",
}


def json_chunks(rows: Iterable[Row]) -> Iterator[str]:
    """The text of board.json, a row at a time."""
    yield f'{{"format":{FORMAT},"schema":"board.schema.json","rows":['
    for number, row in enumerate(rows):
        yield ("\n" if number == 0 else ",\n") + json_row(row)
    yield "\n]}\n"


def json_row(row: Row) -> str:
    """One row as JSON with sorted keys."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)


def csv_chunks(rows: Iterable[Row]) -> Iterator[str]:
    """The text of board.csv; lists and objects are JSON in their cell."""
    names: list[str] | None = None
    for row in rows:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if names is None:
            names = sorted(row)
            writer.writerow(names)
        writer.writerow([_cell(row[name]) for name in names])
        yield buffer.getvalue()


def _cell(value: Any) -> str:
    """A value as CSV text; text that a spreadsheet would run as a formula is quoted with '."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return str(value)


def schema(example: Row) -> dict[str, Any]:
    """JSON Schema of board.json; the columns are those of any row."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "slimbench board",
        "type": "object",
        "required": ["format", "rows"],
        "properties": {
            "format": {"const": FORMAT},
            "schema": TEXT,
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": sorted(example),
                    "additionalProperties": False,
                    "properties": {name: _type(name) for name in sorted(example)},
                },
            },
        },
    }


def _type(name: str) -> dict[str, Any]:
    note = {"description": NOTES[name]} if name in NOTES else {}
    return _kind(name) | note


def _kind(name: str) -> dict[str, Any]:
    for kind, names in _KINDS.items():
        if name in names:
            return json.loads(kind)  # type: ignore[no-any-return]
    return NUMBER


_KINDS = {
    '{"type":"string"}': (
        *("row_id", "task", "scale", "method", "family", "source", "metric", "unit"),
        *("status", "verification", "created", "reproduce"),
    ),
    '{"type":["string","null"]}': (
        *("cause", "profile", "profile_sha256", "profile_kind", "load_label", "latency_cause"),
        "instructions",
        "limits_met",
    ),
    '{"type":"boolean"}': (
        *("small_baseline", "is_reference", "higher_is_better", "usable", "superseded", "pareto"),
        *("stale", "by_request", "redrawn"),
    ),
    '{"type":["boolean","null"]}': ("settled",),
    '{"type":"array"}': (
        *("seeds", "seeds_failed", "quality_seeds", "keys", "artifacts", "limits", "pareto_axes"),
        "limits_worst",
        "history",
    ),
    '{"type":["object","null"]}': ("card", "found"),
    '{"type":"object"}': ("setting", "slices", "figures", "figures_error"),
}
