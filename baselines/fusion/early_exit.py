"""Early exit: transaction and log first, the image only where they leave the request undecided.

Source: early exits of Teerapittayanon et al. 2016, arXiv:1709.01686, section 3, over modalities
instead of layers. A batch takes the image's branch when one of its requests needs it, and each
request gets the answer that it would get alone. Version 1 set its threshold on training requests,
of which a quarter are frauds, and answered early at their odds.
"""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from harness import Compression, Method
from harness.errors import SlimbenchError
from harness.odds import to_even_odds

CALIBRATION = 40  # batches


class Early(nn.Module):
    """The cheap modalities of a light model with a head of their own."""

    def __init__(self, model: Any, classes: int) -> None:
        super().__init__()
        self.table, self.log = model.table, model.log
        self.hidden = nn.Linear(2 * model.features, model.features)
        self.classifier = nn.Linear(model.features, classes)

    def forward(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> Tensor:
        """Logits (n, classes) without the document."""
        both = torch.cat([self.table(categories, numbers), self.log(events, gaps)], dim=1)
        logits: Tensor = self.classifier(torch.relu(self.hidden(both)))
        return logits


def threshold(problem: Compression, early: nn.Module, exits: float) -> float:
    """The margin of the early logits below which the share `exits` of honest requests lies.

    Nearly all traffic is honest, while training oversamples fraud.
    """
    margins: list[Tensor] = []
    early.eval()
    for inputs, targets in problem.batches(early, CALIBRATION):
        with torch.inference_mode():
            logits = early(*inputs)
        margins.append((logits[:, 1] - logits[:, 0])[targets == 0])
    return float(torch.quantile(torch.cat(margins), exits))


def combined(early: ModelProto, whole: ModelProto, limit: float) -> ModelProto:
    """One graph: the early logits, and behind an If those of the whole model."""
    first = onnx.compose.add_prefix_graph(early.graph, "early/", rename_inputs=False)
    names = [value.name for value in whole.graph.input]
    inner = onnx.compose.add_prefix_graph(whole.graph, "whole/", rename_inputs=False)
    answer = first.output[0].name
    constants = {
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "limit": np.array(limit, np.float32),
    }
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    branch = helper.make_graph(
        inner.node, "image", [], [_rows(inner.output[0].name)], inner.initializer
    )
    stop = helper.make_graph(
        [helper.make_node("Identity", [answer], ["stopped"])], "stop", [], [_rows("stopped")]
    )
    nodes = [
        *first.node,
        helper.make_node("Gather", [answer, "first"], ["honest"], axis=1),
        helper.make_node("Gather", [answer, "second"], ["fraud"], axis=1),
        helper.make_node("Sub", ["fraud", "honest"], ["margin"]),
        helper.make_node("GreaterOrEqual", ["margin", "limit"], ["undecided"]),  # (n, 1)
        helper.make_node("Cast", ["undecided"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["number"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["any"], to=TensorProto.BOOL),
        helper.make_node("If", ["any"], ["late"], then_branch=branch, else_branch=stop),
        helper.make_node("Where", ["undecided", "late", answer], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "early_exit",
        list(first.input),
        [_rows("output")],
        [*first.initializer, *initializers],
    )
    if sorted(value.name for value in first.input) != sorted(names):
        raise SlimbenchError(f"the two exported graphs differ in inputs: {names}")
    model = helper.make_model(graph, opset_imports=early.opset_import)
    model.ir_version = early.ir_version
    onnx.checker.check_model(model)
    return model


def _rows(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2])


def solve(problem: Compression, width: float, exits: float) -> ModelProto:
    """A light model of `width` that answers about `exits` of honest requests early."""
    model: Any = problem.train(problem.build(width=width, fusion="gated"), share=0.8)
    early = Early(model, problem.classes)
    for part in (early.table, early.log):
        part.requires_grad_(False)
    problem.train(early, epochs=2)
    to_even_odds(problem, early)  # as the whole model's, which was trained to read documents
    limit = threshold(problem, early, exits)
    return combined(problem.export(early), problem.export(model), limit)


METHOD = Method(
    name="early_exit",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 0.5, "exits": 0.3},
        {"width": 0.5, "exits": 0.5},
        {"width": 0.5, "exits": 0.7},
    ),
    source="arXiv:1709.01686",
    modalities=("fusion",),
)
