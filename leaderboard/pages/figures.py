"""Numbers as people read them: percent, 10^6 bytes, MACs with a prefix, ratios with an x."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
UNKNOWN = "\u2013"
NAMES = {  # quantities of limits whose unit stands behind the value
    "size_bytes": "size",
    "latency_ms": "latency",
    "latency_ms_p99": "p99 latency",
    "peak_memory_bytes": "peak memory",
}


def quality(value: float | None, unit: str, digits: int = 2) -> str:
    """A quality in its unit; fractions are shown in percent."""
    if value is None:
        return UNKNOWN
    if unit == "fraction":
        return f"{100 * value:.{digits}f}%"
    return f"{significant(value, digits + 2)} {unit}".strip()


def half_width(low: float | None, high: float | None, unit: str) -> str:
    """Half an interval as `±0.21`, in percentage points for fractions; empty when unknown."""
    if low is None or high is None:
        return ""
    half = (high - low) / 2
    return f"±{100 * half:.2f}" if unit == "fraction" else f"±{significant(half, 2)}"


def share(value: float | None) -> str:
    """A fraction in percent with one digit."""
    return UNKNOWN if value is None else f"{100 * value:.1f}%"


def ranged(row: Row, column: str, shown: Callable[[float], str]) -> str:
    """A column's value and, smaller, its 95% range where one is known."""
    value, low, high = (row[f"{column}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return UNKNOWN
    if low is None or high is None:
        return shown(value)
    return f"{shown(value)} <small>{shown(low)}&ndash;{shown(high)}</small>"


def ratio_between(value: float, low: float, high: float) -> str:
    """A factor with its interval in brackets, such as 3.25x (3.20-3.30)."""
    return f"{ratio(value)} ({significant(low, 3)}&ndash;{significant(high, 3)})"


def ratio(value: float | None) -> str:
    """A factor such as 3.25x."""
    return UNKNOWN if value is None else f"{significant(value, 3)}\u00d7"


def milliseconds(value: float | None) -> str:
    """Three significant digits of a time in ms."""
    return UNKNOWN if value is None else significant(value, 3)


def count(value: float | None) -> str:
    """A count with a prefix: 555 M."""
    return prefixed(value)


def size(value: float | None) -> str:
    """Bytes in units of 10^3: 11.2 MB."""
    if value is None:
        return UNKNOWN
    shown = prefixed(value)
    return f"{shown}B" if " " in shown else f"{shown} B"


def prefixed(value: float | None) -> str:
    """Three significant digits and k, M, G or T."""
    if value is None:
        return UNKNOWN
    for power, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power * 0.9995:
            return f"{significant(value / power, 3)} {letter}"
    return significant(value, 3)


def significant(value: float, digits: int) -> str:
    """A number with so many significant digits and no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = abs(float(f"{value:.{digits}g}"))
    places = max(0, digits - 1 - math.floor(math.log10(rounded)))
    return f"{value:,.{places}f}"


def bound(quantity: str, kind: str, value: float, unit: str) -> str:
    """A task's limit in words: `params ≤ 5 M`."""
    sign = "≥" if kind == "at_least" else "≤"
    return f"{quantity_name(quantity)} {sign} {_of_quantity(quantity, value, unit)}"


def quantity_name(quantity: str) -> str:
    """What a limit is on, in words."""
    return NAMES.get(quantity, quantity.replace("_", " "))


def _of_quantity(quantity: str, value: float, unit: str) -> str:
    if quantity == "quality":
        return quality(value, unit, 1)
    if quantity == "retention":
        return share(value)
    if quantity.endswith("_bytes"):
        return without_zeros(size(value))
    if quantity.startswith("latency"):
        return f"{milliseconds(value)} ms"
    return without_zeros(prefixed(value))


def without_zeros(shown: str) -> str:
    """A shown number without the zeros behind its point: 20 MB for 20.0 MB."""
    return re.sub(r"\.0+(?=\D|$)", "", shown)
