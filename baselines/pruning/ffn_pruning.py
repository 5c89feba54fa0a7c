"""Feed-forward pruning: cut the neurons of the feed-forward layers whose gates matter least.

Source: first-order importance, Molchanov et al. 2019, arXiv:1906.10771, section 3.1, on the
intermediate neurons as in Prasanna et al. 2020, arXiv:2005.00561.
"""

from typing import Any

from torch import nn

from harness import Compression, Method
from harness.transformer import gate_scores, highest, keep_neurons

BATCHES = 50


def solve(problem: Compression, neurons: float) -> nn.Module:
    """The reference with the share `neurons` of each layer's feed-forward neurons."""
    model: Any = problem.reference()
    for layer, (_, score) in zip(
        model.layers, gate_scores(problem, model, BATCHES, 2), strict=True
    ):
        count = max(8, round(neurons * len(score)))
        keep_neurons(layer, highest(score, count))
    return problem.finetune(model)


METHOD = Method(
    name="ffn_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"neurons": 0.5}, {"neurons": 0.25}, {"neurons": 0.125}),
    source="arXiv:1906.10771",
    modalities=("clicks", "text"),
)
