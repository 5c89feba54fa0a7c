"""The reference: clicks through a causal Transformer, items from their own vector and a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from tasks.models.clicks import ClickModel
from tasks.models.item_graph import table

WIDTH, HEADS, LAYERS, LENGTH = 128, 2, 2, 50
DROPOUT = 0.5
UNKNOWN = {  # a catalogue to look at where there is no data
    "sizes": np.array([1, 20, 2], np.int32),
    "item_attribute": np.array([[1, 2], [0, 1]], np.int32),
}


def build(
    context: Mapping[str, Any] | None = None,
    width: float = 1.0,
    depth: float = 1.0,
    fusion: str = "gated",
) -> nn.Module:
    """An untrained model of the catalogue in `context`, scaled by `width` and `depth`."""
    context = context or UNKNOWN
    shape = {
        "width": max(1, round(width * WIDTH / (8 * HEADS))) * 8 * HEADS,
        "heads": HEADS,
        "layers": max(1, round(depth * LAYERS)),
        "length": LENGTH,
    }
    items = table(context, shape["width"], fusion)
    return ClickModel(items, int(context["sizes"][1]), shape, DROPOUT)
