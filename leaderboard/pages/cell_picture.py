"""A NAS-Bench-201 cell as an SVG: four nodes, an arc for each operation that does something."""

from __future__ import annotations

import re

from leaderboard.pages.safe import text

NODES = (70.0, 250.0, 430.0, 610.0)  # pixels from the left
MIDDLE = 120.0
COLOURS = {
    "nor_conv_3x3": "architecture",
    "nor_conv_1x1": "quantization",
    "avg_pool_3x3": "factorization",
    "skip_connect": "other",
}
WORDS = {
    "nor_conv_3x3": "3x3",
    "nor_conv_1x1": "1x1",
    "avg_pool_3x3": "pool",
    "skip_connect": "skip",
}


def cell_svg(written: str) -> str:
    """The picture of a cell written as NAS-Bench-201 does, or its text for any other space."""
    edges = [
        (int(source), target, operation)
        for target, node in enumerate(written.split("+"), start=1)
        for operation, source in re.findall(r"([a-z0-9_]+)~(\d)", node)
    ]
    if len(edges) != 6:
        return f"<code>{text(written)}</code>"
    drawn = [_edge(*edge) for edge in edges if edge[2] != "none"]
    nodes = "".join(
        f'<circle class="sb-node" cx="{x}" cy="{MIDDLE}" r="17"/>'
        f'<text class="sb-name" x="{x}" y="{MIDDLE + 4}" text-anchor="middle">{name}</text>'
        for x, name in zip(NODES, ("in", "1", "2", "out"), strict=True)
    )
    return (
        f'<svg class="sb-plot sb-cell" viewBox="0 0 680 240" role="img" '
        f'aria-label="{text(written)}">{"".join(drawn)}{nodes}</svg>'
    )


def _edge(source: int, target: int, operation: str) -> str:
    start, end = NODES[source], NODES[target]
    side = -1 if (source, target) != (1, 3) else 1
    height = 0.0 if target - source == 1 else side * 62.0 * (target - source - 0.35)
    middle, top = (start + end) / 2, MIDDLE + height / 2
    colour = f"f-{COLOURS.get(operation, 'other')}"
    return (
        f'<path class="sb-series {colour}" d="M{start} {MIDDLE}Q{middle} {MIDDLE + height} {end} '
        f'{MIDDLE}"/><text class="sb-name" x="{middle}" y="{top - 5:.1f}" text-anchor="middle">'
        f"{text(WORDS.get(operation, operation))}</text>"
    )
