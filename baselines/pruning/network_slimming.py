"""Network slimming: an L1 penalty drives batch-norm scales to zero, small ones are cut.

Source: Liu et al. 2017, arXiv:1708.06519, sections 3.2 and 3.3. Departs from it: starts from the
trained reference, 30% of the budget goes to the sparsity training.
"""

import torch
import torch_pruning
from torch import Tensor, nn

from harness import Compression, Method
from harness.structured import prune


def scale_penalty(model: nn.Module) -> Tensor:
    """1e-4 times the sum of absolute batch-norm scales (section 4.2)."""
    scales = [m.weight.abs().sum() for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    return 1e-4 * torch.stack(scales).sum()


def solve(problem: Compression, speed_up: float) -> nn.Module:
    """Train sparse, cut globally by batch-norm scale, fine-tune."""
    sparse = problem.finetune(problem.reference(), share=0.3, penalty=scale_penalty)
    importance = torch_pruning.importance.BNScaleImportance(normalizer=None)
    slim = prune(problem, sparse, importance, speed_up, global_pruning=True, max_pruning_ratio=0.9)
    return problem.finetune(slim)


METHOD = Method(
    name="network_slimming",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"speed_up": 2.0}, {"speed_up": 4.0}, {"speed_up": 8.0}),
    source="arXiv:1708.06519",
    modalities=("image",),
)
