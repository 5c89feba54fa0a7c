"""Random channel pruning: the floor that every importance score must beat.

Source: Li et al. 2022, arXiv:2106.12379 ("Revisiting Random Channel Pruning").
"""

from torch import nn

from harness import Compression, Method
from harness.structured import RandomScores, prune


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """Cut random channels, the same share in every layer, then fine-tune."""
    return problem.finetune(prune(problem, problem.reference(), RandomScores(), speed_up))


METHOD = Method(
    name="random_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:2106.12379",
    modalities=("image", "text", "vector", "fusion"),  # a table read and written is not followed
    small_baseline=True,
)
