"""An attribution as a table, as JSON, and as a flame-like SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from html import escape

from harness.measure.attribute import Attribution, Share

WIDTH, ROW_HEIGHT, MAXIMUM_DEPTH = 1000, 22, 4
COLOURS = ("#4e79a7", "#76b7b2", "#59a14f", "#edc948", "#e15759", "#b07aa1")


def table(found: Attribution, field: str = "branch", depth: int = 1) -> str:
    """Markdown: ms, share of the time, million MACs, and kB of weights and outputs."""
    lines = [
        f"| {field} | ms | share | MMACs | weights kB | outputs kB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in found.by(field, depth):
        share = row.latency_ms / found.total_ms
        lines.append(
            f"| {row.name or '(unnamed)'} | {row.latency_ms:.4f} | {share:.1%} | "
            f"{row.macs / 1e6:.2f} | {row.weight_bytes / 1e3:.1f} | {row.output_bytes / 1e3:.1f} |"
        )
    return "\n".join([*lines, f"| total | {found.total_ms:.4f} | 100% | | | |"])


def to_json(found: Attribution) -> str:
    """All rows with the total and the scale applied to kernel times."""
    return json.dumps(asdict(found), indent=1)


def to_svg(found: Attribution) -> str:
    """An icicle: the model above its branches, layers and kernels, as wide as their time."""
    boxes = list(_boxes(found))
    height = ROW_HEIGHT * (1 + max(level for level, *_ in boxes))
    body = "".join(_box(*box, total=found.total_ms) for box in boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="11" role="img">'
        f"<title>Time by branch, {found.total_ms:.3f} ms in all</title>{body}</svg>"
    )


def _boxes(found: Attribution) -> Iterator[tuple[int, float, Share]]:
    """(level, start in ms, share) of every box."""
    yield 0, 0.0, Share("model", "", "", found.total_ms, sum(r.macs for r in found.rows), 0, 0)
    pending = [(1, list(found.rows), 0.0)]
    while pending:
        level, rows, start = pending.pop()
        groups: dict[str, list[Share]] = {}
        for row in rows:
            parts = row.branch.split(".") if row.branch else []
            name = ".".join(parts[:level]) if len(parts) >= level else row.name
            groups.setdefault(name, []).append(row)
        for name, members in groups.items():
            latency = sum(row.latency_ms for row in members)
            yield level, start, Share(name, "", name, latency, sum(r.macs for r in members), 0, 0)
            if level < MAXIMUM_DEPTH and [row.name for row in members] != [name]:
                pending.append((level + 1, members, start))
            start += latency


def _box(level: int, start: float, share: Share, total: float) -> str:
    x, width = WIDTH * start / total, WIDTH * share.latency_ms / total
    if width < 0.5:
        return ""
    y, label = level * ROW_HEIGHT, escape(share.name or "(unnamed)")
    colour = COLOURS[sum(share.name.encode()) % len(COLOURS)]
    text = (
        f'<text x="{x + 3:.1f}" y="{y + 15}">{label[: int(width / 6)]}</text>' if width > 30 else ""
    )
    return (
        f"<g><title>{label}: {share.latency_ms:.4f} ms, {share.macs / 1e6:.2f} MMACs</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW_HEIGHT - 1}" '
        f'fill="{colour}" fill-opacity="0.6"/>{text}</g>'
    )
