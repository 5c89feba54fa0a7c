"""Layer dropping: leave out whole encoder layers, then fine-tune.

Source: Sajjad et al. 2020, arXiv:2004.03844, section 3 (top-, bottom- and alternate-layer
dropping).
"""

from typing import Any

from torch import nn

from harness import Compression, Method
from harness.transformer import keep_layers


def kept(count: int, keep: int, which: str) -> list[int]:
    """Numbers of the layers that stay when the `which` ones are dropped."""
    if which == "top":
        return list(range(keep))
    if which == "bottom":
        return list(range(count - keep, count))
    order = [*range(count - 1, -1, -2), *range(count - 2, -1, -2)]  # every other one from the top
    return sorted(order[count - keep :])


def solve(problem: Compression, share: float, which: str) -> nn.Module:
    """The reference with `share` of its layers."""
    model: Any = problem.reference()
    count = len(model.layers)
    stay = kept(count, max(1, round(share * count)), which)
    keep_layers(model, stay)
    return problem.finetune(model)


METHOD = Method(
    name="layer_dropping",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"share": 0.667, "which": "top"},
        {"share": 0.5, "which": "top"},
        {"share": 0.5, "which": "alternate"},
        {"share": 0.5, "which": "bottom"},
        {"share": 0.333, "which": "top"},
    ),
    source="arXiv:2004.03844",
    modalities=("clicks", "text"),
)
