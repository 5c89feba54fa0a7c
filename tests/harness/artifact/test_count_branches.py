"""An If is counted at its dearest branch, with what both branches store."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.artifact.count import count
from harness.errors import SlimbenchError


def branch(name, columns):
    """A branch that multiplies the outer `x` (1, 8) by its own (8, columns) weight."""
    weight = numpy_helper.from_array(np.ones((8, columns), np.float32), f"{name}/weight")
    out = helper.make_tensor_value_info(f"{name}/out", TensorProto.FLOAT, ["batch", columns])
    node = helper.make_node("MatMul", ["x", f"{name}/weight"], [f"{name}/out"])
    return helper.make_graph([node], name, [], [out], [weight])


def model():
    """x (n, 8) through the wide or the narrow branch, whichever the sum of x says."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["any"], to=TensorProto.BOOL),
        helper.make_node(
            "If", ["any"], ["out"], then_branch=branch("wide", 5), else_branch=branch("narrow", 3)
        ),
    ]
    graph = helper.make_graph(nodes, "graph", [value], [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def test_the_dearest_branch_counts_and_both_are_stored(tmp_path):
    onnx.save(model(), tmp_path / "if.onnx")
    found = count(tmp_path / "if.onnx")
    assert found.macs == 8 * 5
    assert found.params == 8 * 5 + 8 * 3
    assert found.peak_memory_bytes >= 4 * (8 + 5)


def test_an_unknown_operator_in_a_branch_is_named(tmp_path):
    made = model()
    body = made.graph.node[2].attribute[0].g
    body.node[0].op_type = "DFT"
    onnx.save(made, tmp_path / "if.onnx")
    with pytest.raises(SlimbenchError, match="DFT"):
        count(tmp_path / "if.onnx")
