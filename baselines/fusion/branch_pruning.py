"""Per-branch pruning: a trained gated late fusion loses channels of each branch by its own share.

Source: group-norm pruning of Fang et al. 2023, arXiv:2301.12900, section 3.3, one ratio a branch;
the length of a branch's vector stays, so that the fusion is untouched. If `taught`, the whole model
teaches what is left of it: Hinton et al. 2015, arXiv:1503.02531, section 2, T = 2, weight 0.7. If
`rewound`, that is trained at the first learning rate again: Renda et al. 2020, arXiv:2003.02389.
"""

import copy
from typing import Any

import torch_pruning
from torch import nn

from harness import Compression, Method
from harness.structured import pruner_for

FIRST = 0.6  # of the budget, before the cut


def solve(
    problem: Compression,
    table: float,
    log: float,
    image: float,
    taught: bool = False,
    rewound: bool = False,
) -> nn.Module:
    """A light model less these shares of the channels of each layer of its branches."""
    model: Any = problem.train(problem.build(width=1.0, fusion="gated"), share=FIRST)
    whole = copy.deepcopy(model).eval()
    left = pruned(problem, model, {"table": table, "log": log, "image": image})
    again = problem.train if rewound else problem.finetune
    if not taught:
        return again(left)
    return again(left, teacher=whole, keep_soft=True, teacher_weight=0.7, temperature=2.0)


def pruned(problem: Compression, model: nn.Module, shares: dict[str, float]) -> nn.Module:
    """The model without `shares` of the channels of its branches, cut in place."""
    ends = [layers_of(model, branch)[-1] for branch in shares]
    pruner = pruner_for(
        problem,
        model,
        torch_pruning.importance.GroupMagnitudeImportance(p=2),
        keep=(*ends, "fusion.gates", "fusion.hidden"),
        pruning_ratio=0.0,
        pruning_ratio_dict={getattr(model, name): share for name, share in shares.items()},
        iterative_steps=1,
    )
    pruner.step()
    return model


def layers_of(model: nn.Module, branch: str) -> list[str]:
    """Names of a branch's convolutions and linear layers, in order; the last makes its vector."""
    return [
        f"{branch}.{name}"
        for name, module in model.get_submodule(branch).named_modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear)
    ]


METHOD = Method(
    name="branch_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"table": 0.0, "log": 0.0, "image": 0.5},
        {"table": 0.5, "log": 0.5, "image": 0.5},
        {"table": 0.0, "log": 0.5, "image": 0.75},
        {"table": 0.5, "log": 0.75, "image": 0.75},
        {"table": 0.0, "log": 0.5, "image": 0.75, "taught": True},
        {"table": 0.0, "log": 0.5, "image": 0.75, "taught": True, "rewound": True},
        {"table": 0.0, "log": 0.5, "image": 0.75, "rewound": True},
    ),
    source="arXiv:2301.12900",
    modalities=("fusion",),
)
