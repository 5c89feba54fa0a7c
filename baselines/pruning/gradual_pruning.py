"""Gradual pruning: cut by per-layer sensitivity, in rounds with training between them.

Source: schedule of Zhu and Gupta 2017, arXiv:1710.01878, section 3; sensitivity as in Li et al.
2017, arXiv:1608.08710, section 3.2. One round is the one-shot control.
"""

import copy
from typing import Any

from torch import nn

from harness import Compression, Method
from harness.structured import l1_norm, prune_to, pruner_for

PROBE = 512
PROBE_RATIO = 0.5


def sensitivity(problem: Compression, model: nn.Module) -> dict[str, float]:
    """Validation quality lost when half of one layer's channels go, by layer name."""
    whole = problem.validate(model, PROBE)
    lost = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and name not in problem.keep:
            trial = copy.deepcopy(model)
            layer = trial.get_submodule(name)
            options: dict[str, Any] = {
                "pruning_ratio": 0.0,
                "pruning_ratio_dict": {layer: PROBE_RATIO},
            }
            pruner_for(problem, trial, l1_norm(), iterative_steps=1, **options).step()
            lost[name] = max(0.0, whole - problem.validate(trial, PROBE))
    return lost


def ratios(lost: dict[str, float]) -> dict[str, float]:
    """Final share to cut of each layer, 0.7 (most sensitive) to 0.99 (least)."""
    worst = max(*lost.values(), 1e-9)
    return {name: 0.99 - 0.29 * value / worst for name, value in lost.items()}


def solve(problem: Compression, speed_up: float, rounds: int) -> nn.Module:
    """`rounds` cuts on the cubic schedule; half of the budget trains between them."""
    model = problem.reference()
    chosen = ratios(sensitivity(problem, model))
    for number in range(1, rounds + 1):
        done = 1 - (1 - number / rounds) ** 3  # share of the pruning done, cubic schedule
        by_layer = {model.get_submodule(name): ratio for name, ratio in chosen.items()}
        pruner = pruner_for(problem, model, l1_norm(), pruning_ratio_dict=by_layer)
        prune_to(problem, model, pruner, 1 / (1 - done * (1 - 1 / speed_up)))
        if number < rounds:
            part = 0.5 / (rounds - 1)  # of the whole; `share` is of what remains
            problem.finetune(model, share=part / (1 - part * (number - 1)))
    return problem.finetune(model)


METHOD = Method(
    name="gradual_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"speed_up": 2.0, "rounds": 3},
        {"speed_up": 4.0, "rounds": 3},
        {"speed_up": 4.0, "rounds": 1},
        {"speed_up": 8.0, "rounds": 3},
    ),
    source="arXiv:1710.01878",
    modalities=("image", "text", "vector"),  # a table read and written is not followed
)
