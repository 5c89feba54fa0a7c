"""What an exported graph may differ by from the torch model that it was made of."""

import copy

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from harness import Input
from harness.artifact.export import check_parity, to_onnx
from harness.errors import SlimbenchError
from harness.fake_quantization import QuantizedLinear

INPUTS = (Input("x", "float32", (64,)),)
EXAMPLE = torch.linspace(0, 1, 4 * 64).reshape(4, 64)


def graph_of(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """A graph from x (n, 64) to y (n, 64) in float32; it rounds by s to uint8 if asked."""
    sizes = ["n", 64]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in "xy"]
    stored = [
        numpy_helper.from_array(np.array(1 / 255, np.float32), "s"),
        numpy_helper.from_array(np.array(0, np.uint8), "z"),
    ]
    made = helper.make_graph(list(nodes), "g", ends[:1], ends[1:], stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


PLAIN = graph_of(helper.make_node("Identity", ["x"], ["y"]))
ROUNDS = graph_of(
    helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
    helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
)


def outputs(model: onnx.ModelProto) -> np.ndarray:
    """What torch would say: x, or x in 255 levels."""
    return EXAMPLE.numpy() if model is PLAIN else np.rint(EXAMPLE.numpy() * 255) / 255


@pytest.mark.parametrize("model", [PLAIN, ROUNDS])
def test_a_graph_that_says_what_torch_says_passes(model):
    check_parity(model, INPUTS, (EXAMPLE,), outputs(model))


def test_one_sum_rounded_the_other_way_passes_only_where_a_graph_rounds():
    for model in (PLAIN, ROUNDS):
        expected = outputs(model).copy()
        expected[0, 5] += 1 / 255
        if model is ROUNDS:
            check_parity(model, INPUTS, (EXAMPLE,), expected)
            continue
        with pytest.raises(SlimbenchError, match=r"by 0.39% of the largest output \(limit 0.2%\)"):
            check_parity(model, INPUTS, (EXAMPLE,), expected)


@pytest.mark.parametrize("change", [lambda y: y + 1 / 255, lambda y: y + 0.03 * (y == y.max())])
def test_a_graph_that_rounds_is_refused_when_all_outputs_move_or_one_moves_far(change):
    expected = change(outputs(ROUNDS))
    with pytest.raises(SlimbenchError, match="differs from the torch model"):
        check_parity(ROUNDS, INPUTS, (EXAMPLE,), expected)


def test_a_deep_graph_that_rounds_may_differ_as_the_model_does_from_itself():
    random = torch.Generator().manual_seed(2)
    layers = []
    for _ in range(40):
        linear = nn.Linear(256, 256, bias=False)
        nn.init.normal_(linear.weight, std=1.5 / 16, generator=random)
        layers.append(QuantizedLinear(linear))
    model = nn.Sequential(*layers)
    inputs = (Input("x", "float32", (256,)),)
    example = (torch.randn(64, 256, generator=random),)
    model.train()(*example)
    for layer in layers:
        layer.freeze()
    graph = to_onnx(model, inputs, example)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for linear in other:
            linear.weight.mul_(1 + 1e-7 * torch.randn(256, 256, generator=random))
        expected = other(*example).numpy()
        wrong = nn.Sequential(*layers[:-2], layers[-1])(*example).numpy()
    with pytest.raises(SlimbenchError, match=r"largest output \(limit 2.0%\)"):
        check_parity(graph, inputs, example, expected)
    check_parity(graph, inputs, example, expected, model)
    with pytest.raises(SlimbenchError, match="differs from the torch model"):
        check_parity(graph, inputs, example, wrong, model)
