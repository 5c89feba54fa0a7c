"""Slimming the monolith itself: one view of the image, channels cut as groups, static INT8.

Source: group-norm pruning of Fang et al. 2023, arXiv:2301.12900, section 3.3, as much in every
layer; ranges as in Jacob et al. 2018, arXiv:1712.05877. The design stays early fusion, so this is
the control for the light late fusions.
"""

from typing import Any

import torch_pruning
from onnx import ModelProto
from torch import nn

from harness import Compression, Method
from harness.int8 import quantize
from harness.structured import prune


def solve(problem: Compression, speed_up: float, int8: bool) -> nn.Module | ModelProto:
    """The reference at 1 / `speed_up` of its MACs, fine-tuned, in static INT8 if asked for.

    At 2 the second view is nearly all that goes.
    """
    model: Any = problem.reference()
    model.image.views = 1  # the mean over moved images is the first thing to go
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    slim = problem.finetune(prune(problem, model, importance, speed_up))
    return quantize(problem, problem.export(slim)) if int8 else slim


METHOD = Method(
    name="monolith_slimming",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"speed_up": 2.0, "int8": False},
        {"speed_up": 8.0, "int8": False},
        {"speed_up": 8.0, "int8": True},
        {"speed_up": 32.0, "int8": True},
    ),
    source="arXiv:2301.12900",
    modalities=("fusion",),
)
