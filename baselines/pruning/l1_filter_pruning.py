"""L1-norm filter pruning: cut the filters with the smallest weights, then train the rest.

Source: Li et al. 2017, arXiv:1608.08710, section 3. Departs from it: the same share in every
layer, no hand-picked layers skipped.
"""

from torch import nn

from harness import Compression, Method
from harness.structured import l1_norm, prune


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """A fine-tuned model of 1 / `speed_up` of the reference's MACs."""
    return problem.finetune(prune(problem, problem.reference(), l1_norm(), speed_up))


METHOD = Method(
    name="l1_filter_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:1608.08710",
    modalities=("image", "text", "vector", "fusion"),  # a table read and written is not followed
)
