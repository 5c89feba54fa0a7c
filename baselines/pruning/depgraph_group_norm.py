"""DepGraph: channels coupled by the dependency graph are scored and cut as one group.

Source: Fang et al. 2023, arXiv:2301.12900, section 3.3 (group L2 norm, without the sparse
training), by its authors' library Torch-Pruning.
"""

import torch_pruning
from torch import nn

from harness import Compression, Method
from harness.structured import prune


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """Cut the groups of smallest norm over all layers, at most 90% of a layer, then fine-tune."""
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    model = prune(
        problem,
        problem.reference(),
        importance,
        speed_up,
        global_pruning=True,
        max_pruning_ratio=0.9,
    )
    return problem.finetune(model)


METHOD = Method(
    name="depgraph_group_norm",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:2301.12900",
    modalities=("image", "text", "vector"),  # a table read and written is not followed
)
