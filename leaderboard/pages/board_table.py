"""The static table of a task: what a reader without JavaScript sees of every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaderboard.pages import figures
from leaderboard.pages.history import tries
from leaderboard.pages.plot import family_class
from leaderboard.pages.safe import setting_text, slug, text

Row = dict[str, Any]
# (key to sort by, heading, hint)
COLUMNS = (
    ("tie_group", "Tie", "rows of one group are not separable from its best row"),
    ("method", "Method", "name, family and setting; open it for the command"),
    ("quality", "Quality", "on the hidden test, mean over seeds, ± half the 95% interval"),
    ("retention", "Kept", "share of the reference's quality"),
    ("speedup", "Speed-up", "paired with the reference on this hardware, 95% interval"),
    ("latency_ms_p50", "ms", "nominal latency, median"),
    ("macs", "MACs", "multiply-accumulates for one example"),
    ("params", "Params", "stored parameters"),
    ("size_bytes", "Size", "ONNX file"),
    ("seeds", "n", "seeds; below 3 a row is shown, not ranked"),
    ("limits_met", "Limits", "the task's own limits"),
)
LIMIT_MARKS = {
    "met": "✓ met",
    "may meet": "≈ may meet",
    "missed": "✗ missed",
    "pending": "… pending",
}
NOT_USABLE = "not ranked"
PENDING = "<small>latency pending</small>"
UNSETTLED = ' <abbr title="a time cap ended it before the interval was within 1%">*</abbr>'


def board_table(rows: Sequence[Row], caption: str, up: str = "../") -> str:
    """A table with one line a row; `up` leads from the page to the site's root."""
    heads = "".join(
        f'<th scope="col" data-key="{key}" title="{hint}">{name}</th>'
        for key, name, hint in COLUMNS
    )
    lines = "".join(_line(number, row, up) for number, row in enumerate(rows))
    return (
        '<div class="sb-scroll" data-search-exclude tabindex="0" role="region" '
        f'aria-label="{text(caption)}"><table class="sb-table"><caption>{text(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _line(number: int, row: Row, up: str) -> str:
    classes = " ".join(
        name
        for name, holds in (
            ("sb-front-row", row["pareto"]),
            ("sb-gone", not row["usable"] and not row["superseded"]),
            ("sb-old", row["superseded"]),
            ("sb-reference", row["is_reference"]),
        )
        if holds
    )
    return (
        f'<tr data-r="{number}"{f" class={classes!r}" if classes else ""}>'
        f"<td>{_tie(row)}</td>{_method(row, up)}{_values(row)}</tr>"
    )


def _tie(row: Row) -> str:
    if row["tie_group"] is not None:
        return str(row["tie_group"])
    return f'<abbr title="{_why_unranked(row)}">{figures.UNKNOWN}</abbr>'


def _why_unranked(row: Row) -> str:
    if row["superseded"]:
        return "a newer version of the method ran"
    return "fewer than 3 seeds" if row["usable"] else NOT_USABLE


def _method(row: Row, up: str) -> str:
    link = f'<a href="{up}methods/{slug(row["method"])}.html">{text(row["method"])}</a>'
    shown = setting_text(row["setting"])
    return (
        f'<th scope="row"><i class="sb-dot {family_class(row["family"])}"></i>{link}{badges(row)}'
        f"<details><summary>{shown}</summary><code>{text(row['reproduce'])}</code>"
        f" <small>{made_by(row)}{tries(row)}</small></details></th>"
    )


def made_by(row: Row) -> str:
    """That the command beside a superseded row runs a newer version, in words."""
    if not row["superseded"]:
        return ""
    return f"made by version {row['method_version']} of the method; the command runs the newest. "


def badges(row: Row) -> str:
    """Words that change how a row is to be read."""
    models = len(set(row["artifacts"]))
    words = [
        word
        for word, holds in (
            ("baseline", row["small_baseline"]),
            ("reference", row["is_reference"] and row["method"] != "reference"),
            (int8(row), row["macs_int8"]),
            (f"v{row['method_version']}", row["method_version"] > 1 or row["superseded"]),
            ("superseded", row["superseded"]),
            ("stale", row["stale"] and not row["superseded"]),
            ("mean request", row["by_request"]),
            ("timed with other weights", row["redrawn"]),
            (f"timed {row['timed']} of {models}", 0 < row["timed"] < models),
            (row["verification"], row["verification"] != "self_reported"),
            (row["status"].replace("_", " "), row["status"] != "ok"),
        )
        if holds
    ]
    return "".join(f' <span class="sb-badge">{text(word)}</span>' for word in words)


def int8(row: Row) -> str:
    """How much of a row multiplies 8-bit numbers, and the instructions that its timing had."""
    if not row["macs_int8"]:
        return ""
    share = row["macs_int8"] / row["macs"]
    part = "" if share == 1 else f" {100 * share:.0f}%"
    return f"INT8{part}" + (f" on {row['instructions']}" if row["instructions"] else "")


def _values(row: Row) -> str:
    if not row["seeds"]:
        cause = text(row["cause"] or "failed")
        return f'<td class="sb-cause" colspan="{len(COLUMNS) - 2}">{cause}</td>'
    half = figures.half_width(row["quality_low"], row["quality_high"], row["unit"])
    cells = (
        f"{figures.quality(row['quality'], row['unit'])} <small>{half}</small>",
        figures.share(row["retention"]),
        speed(row),
        figures.milliseconds(row["latency_ms_p50"]),
        figures.count(row["macs"]),
        figures.count(row["params"]),
        figures.size(row["size_bytes"]),
        str(len(row["seeds"])),
        limits_cell(row),
    )
    return "".join(f"<td>{cell}</td>" for cell in cells)


def limits_cell(row: Row) -> str:
    """The worst state of the task's limits, and which limits are in it where others are not."""
    mark = LIMIT_MARKS.get(row["limits_met"] or "", figures.UNKNOWN)
    named = ", ".join(map(figures.quantity_name, row["limits_worst"]))
    return f"{mark} <small>{text(named)}</small>" if named else mark


def speed(row: Row) -> str:
    """The paired speed-up with its interval, or why there is none."""
    if row["speedup"] is None:
        cause = row["latency_cause"]
        return f'<abbr title="{text(cause)}">not timed</abbr>' if cause else PENDING
    shown = figures.ratio(row["speedup"])
    if row["speedup_low"] is None or row["speedup_high"] is None:
        return f"{shown} <small>unsettled</small>"
    low, high = (figures.significant(row[f"speedup_{end}"], 3) for end in ("low", "high"))
    mark = "" if row["settled"] else UNSETTLED
    return f"{shown} <small>{low}&ndash;{high}</small>{mark}"
