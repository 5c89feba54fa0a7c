"""Whether a row meets the limits that its task states about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import UsageError
from harness.record import LimitBlock

Row = dict[str, Any]
COLUMNS = {"latency_ms": "latency_ms_p50"}
ENDS = {
    "quality": ("quality_low", "quality_high"),
    "retention": ("retention_low", "retention_high"),
    "speedup": ("speedup_low", "speedup_high"),
    "latency_ms_p50": ("latency_ms_low", "latency_ms_high"),
}
ORDER = ("missed", "pending", "may meet", "met")  # the worst of several limits counts


def limit_columns(row: Row, limits: Sequence[LimitBlock]) -> Row:
    """`limits`: each limit's state; `limits_met`: the worst of them, None when there are none.

    `limits_worst` names the quantities in that worst state, where others are in a better one.
    """
    states = [
        {
            "quantity": limit.quantity,
            "kind": limit.kind,
            "bound": limit.bound,
            "state": _state(row, limit),
        }
        for limit in limits
    ]
    worst = min((state["state"] for state in states), key=ORDER.index, default=None)
    named = [str(state["quantity"]) for state in states if state["state"] == worst]
    some = named if len(named) < len(states) else []
    return {"limits": states, "limits_met": worst, "limits_worst": some}


def _state(row: Row, limit: LimitBlock) -> str:
    """`met`, `may meet` (its interval crosses the bound or is unknown), `missed`, or `pending`."""
    column = COLUMNS.get(limit.quantity, limit.quantity)
    if column not in row:
        raise UsageError(
            f"limit on '{limit.quantity}' of task {row['task']}: no such column; limits may name "
            f"{', '.join(sorted(COLUMNS))} or a numeric column of the board such as params"
        )
    value = row[column]
    if value is None:
        return "pending" if row["usable"] else "missed"
    low, high = ENDS.get(column, (column, column))
    pessimistic = row[low if limit.kind == "at_least" else high]
    if not _within(value, limit):
        return "missed"
    return "met" if pessimistic is not None and _within(pessimistic, limit) else "may meet"


def _within(value: float, limit: LimitBlock) -> bool:
    return value >= limit.bound if limit.kind == "at_least" else value <= limit.bound
