"""Prune, distil, quantize: the three cheapest steps in one run.

Source: the order of Han et al. 2016, arXiv:1510.00149 (deep compression), with group-norm channel
pruning (arXiv:2301.12900), distillation (arXiv:1503.02531) and static INT8 (arXiv:1712.05877). If
`rewound`, what is left learns at the first learning rate again (Renda et al. 2020,
arXiv:2003.02389), not at the lower one of fine-tuning; `rate` scales either. If `inside`, residual
streams keep their width and only channels inside of blocks go. The same share of every layer goes:
norms compared across layers (versions 1 and 2) starved the first stages. The teacher is asked once
for each example; version 1 asked it at each step, which took most of the budget.
"""

import torch_pruning
from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize
from harness.structured import prune, streams


def solve(
    problem: Compression,
    speed_up: float,
    rewound: bool = False,
    inside: bool = False,
    rate: float = 1.0,
) -> ModelProto:
    """An INT8 graph of at most 1 / `speed_up` of the reference's MACs: channels go in eights."""
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    model = problem.reference()
    keep = streams(problem, model) if inside else ()
    model = prune(problem, model, importance, speed_up, keep=keep, round_to=8)
    again = problem.train if rewound else problem.finetune
    model = again(model, teacher=problem.reference(), keep_soft=True, learning_rate=rate)
    return quantize(problem, problem.export(model))


METHOD = Method(
    name="prune_distil_int8",
    version=3,
    solves=Compression,
    solve=solve,
    settings=(
        {"speed_up": 2.0},
        {"speed_up": 3.0},
        {"speed_up": 4.0},
        {"speed_up": 8.0},
        {"speed_up": 24.0},
        {"speed_up": 1.7},
        {"speed_up": 1.7, "rewound": True},
        {"speed_up": 1.7, "inside": True},
        {"speed_up": 1.7, "inside": True, "rate": 0.3},
        {"speed_up": 2.0, "rate": 0.3},
        {"speed_up": 3.0, "rate": 0.3},
    ),
    source="arXiv:1510.00149",
    modalities=("image", "text", "vector"),  # a table read and written is not followed
)
