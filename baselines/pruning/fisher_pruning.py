"""Fisher pruning: heads and neurons cut together by Fisher information per saved MAC, distilled.

Source: Kwon et al. 2022, arXiv:2204.09656, section 4.1 (diagonal Fisher information of the gates,
search under a MAC limit). Departs from it: the cut model is distilled instead of tuned in closed
form.
"""

from torch import nn

from harness import Compression, Method
from harness.transformer import keep_by_fisher


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """The reference at 1 / `speed_up` of its MACs."""
    model = keep_by_fisher(problem, problem.reference(), speed_up)
    return problem.finetune(model, teacher=problem.reference(), temperature=2.0, keep_soft=True)


METHOD = Method(
    name="fisher_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:2204.09656",
    modalities=("text",),
)
