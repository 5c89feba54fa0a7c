"""Magnitude pruning: zero the smallest weights, at once or gradually, layer by layer.

Source: Zhu and Gupta 2017, arXiv:1710.01878, section 3 (gradual, cubic); Han et al. 2015,
arXiv:1506.02626, section 3 (one-shot; shares by the sensitivity of each layer).
"""

from torch import nn

from harness import Compression, Method
from harness.sparsity import gradual, prunable, pruned_quality

PROBE = 512


def shares(problem: Compression, model: nn.Module, sparsity: float) -> dict[str, float]:
    """Share of zeros of each layer: `sparsity` in all, sensitive layers keep up to 3x more."""
    sizes = {name: weight.numel() for name, weight in prunable(model, problem.keep).items()}
    whole = problem.validate(model, PROBE)
    left = pruned_quality(problem, model, sparsity, PROBE)
    lost = {name: max(0.0, whole - quality) for name, quality in left}
    worst = max(*lost.values(), 1e-9)
    weight = {name: 0.5 + lost[name] / worst for name in sizes}
    mean = sum(weight[name] * sizes[name] for name in sizes) / sum(sizes.values())
    return {name: max(0.0, 1 - (1 - sparsity) * weight[name] / mean) for name in sizes}


def solve(problem: Compression, sparsity: float, schedule: str) -> nn.Module:
    """The reference with `sparsity` of its linear and convolution weights zero."""
    model = problem.reference()
    ramp = 0.7 if schedule == "gradual" else 0.0
    after_step = gradual(shares(problem, model, sparsity), ramp)
    if ramp == 0:
        after_step(model, 0.0)
    return problem.finetune(model, after_step=after_step)


METHOD = Method(
    name="magnitude_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"sparsity": 0.5, "schedule": "one-shot"},
        {"sparsity": 0.8, "schedule": "one-shot"},
        {"sparsity": 0.8, "schedule": "gradual"},
        {"sparsity": 0.95, "schedule": "gradual"},
    ),
    source="arXiv:1710.01878",
)
