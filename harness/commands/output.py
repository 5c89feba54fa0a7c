"""What commands print: the console, cells of a board's table, tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.record import MeasurementRecord

Row = dict[str, Any]
console = Console()


def text(value: object) -> str:
    """A cell; `-` for nothing."""
    return "-" if value is None else str(value)


def number(value: float | None, factor: float, form: str) -> str:
    """A scaled number in a format; `-` for nothing."""
    return "-" if value is None else form.format(value * factor)


def speed_up(row: Row) -> str:
    """The paired speed-up with its interval, and whether it settled."""
    if row["speedup"] is None:
        return "latency pending"
    if row["speedup_low"] is None or row["speedup_high"] is None:
        return f"{row['speedup']:.2f}x (one start)"
    mark = "" if row["settled"] else " (not settled)"
    return f"{row['speedup']:.2f}x [{row['speedup_low']:.2f}, {row['speedup_high']:.2f}]{mark}"


def superseded(row: Row) -> str:
    """What marks the row of an older version of its method."""
    return f" (version {row['method_version']}, superseded)" if row.get("superseded") else ""


COLUMNS: dict[str, Callable[[Row], str]] = {
    "group": lambda r: text(r.get("tie_group")),
    "method": lambda r: r["method"] + superseded(r),
    "setting": lambda r: ", ".join(f"{k}={v}" for k, v in r["setting"].items()) or "-",
    "n": lambda r: text(len(r["seeds"])),
    "quality": lambda r: number(r["quality"], 100, "{:.2f}%"),
    "of ref.": lambda r: number(r["retention"], 100, "{:.1f}%"),
    "MACs": lambda r: number(r["macs"], 1e-6, "{:.1f} M"),
    "params": lambda r: number(r["params"], 1e-6, "{:.3f} M"),
    "size": lambda r: number(r["size_bytes"], 1e-6, "{:.3f} MB"),
    "speed-up (95%)": speed_up,
    "p50": lambda r: number(r["latency_ms_p50"], 1, "{:.3f} ms"),
    "limits": lambda r: text(r["limits_met"]),
    "Pareto": lambda r: "*" if r.get("pareto") else "",
}


def speed_of(measured: MeasurementRecord | None) -> str:
    """The paired speed-up of a measurement, or why there is none."""
    from harness.paired import of_requests_alone, speedup

    if measured is None:
        return "latency pending"
    if measured.status != "ok" or not measured.pairs:
        return f"latency {measured.status}: {measured.cause}"
    found = speedup(measured.pairs)
    differ = measured.by_request or measured.trimmed_length is not None
    if differ and not measured.request_ms:
        return f"{found.value:.2f}x for the quickest requests"
    if differ:
        found = of_requests_alone(measured.pairs, measured.request_ms)
    if found.high == float("inf"):
        return f"{found.value:.2f}x (one start)"
    return f"{found.value:.2f}x [{found.low:.2f}, {found.high:.2f}]"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table as wide as the terminal; plain when there is none."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    wide = Console(width=None if sys.stdout.isatty() else 200)
    wide.print(table)


def print_json(value: object) -> None:
    """JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=1, default=str) + "\n")
