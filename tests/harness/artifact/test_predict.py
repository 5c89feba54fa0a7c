"""A graph is scored as it is served: dynamic quantization sees one request at a time."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harness import data
from harness.artifact import predict


@pytest.fixture
def rounded(tmp_path):
    """A graph that quantizes its input (n, 2) dynamically and returns it dequantized."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy")
    graph = helper.make_graph(nodes, "rounded", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


def test_a_small_request_keeps_its_own_scale_beside_a_large_one(rounded, monkeypatch):
    requests = np.array([[0.0, 0.01], [0.0, 100.0]], np.float32)
    split = data.Split({"x": requests}, np.zeros(2, np.int64))
    monkeypatch.setattr(predict, "load_split", lambda folder, name: split)
    ((_, (answers,)),) = predict.predict(rounded, None, ["test"])
    np.testing.assert_allclose(answers, requests, rtol=1e-5)
    together = predict.run_in_batches(predict.session(rounded, 1), split.inputs, predict.BATCH)
    assert together[0][0, 1] == 0, "in one batch the small request is rounded away"


def test_dynamic_quantization_inside_a_branch_is_found(rounded, tmp_path):
    inner = onnx.load(rounded).graph
    del inner.input[:]
    branch = helper.make_node("If", ["flag"], ["z"], then_branch=inner, else_branch=inner)
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
    ]
    output = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2])
    model = helper.make_model(helper.make_graph([branch], "outer", inputs, [output]))
    onnx.save(model, tmp_path / "branch.onnx")
    assert predict.batch_of(tmp_path / "branch.onnx") == 1
