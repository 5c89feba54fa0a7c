import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.artifact.check import check_model
from harness.errors import UsageError

LIMIT = 10**6


def relu_model(shape=("batch", 4), domain="", op="Relu"):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    node = helper.make_node(op, ["x"], ["y"], name="act", domain=domain)
    graph = helper.make_graph([node], "test", [x], [y])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(domain or "ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def saved(tmp_path, model):
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def refused(path, match, limit=LIMIT):
    with pytest.raises(UsageError, match=match) as caught:
        check_model(path, limit)
    assert "\n" not in str(caught.value)


def test_a_plain_model_passes(tmp_path):
    check_model(saved(tmp_path, relu_model()), LIMIT)


def test_an_onnx_runtime_operator_passes(tmp_path):
    check_model(saved(tmp_path, relu_model(domain="com.microsoft", op="Gelu")), LIMIT)


@pytest.mark.parametrize(
    "content", [b"hello", b"\x80\x04\x95pickle", b"PK\x03\x04", b"\x00" * 99, b"\x0a" * 5000]
)
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    refused(path, "not an ONNX")


def test_an_empty_file_and_a_missing_one_are_refused(tmp_path):
    refused(tmp_path / "none.onnx", "not a file")
    (tmp_path / "m.onnx").touch()
    refused(tmp_path / "m.onnx", "empty")


def test_a_file_above_the_limit_states_both_sizes(tmp_path):
    refused(saved(tmp_path, relu_model()), r"size 0\.0 MB is above the limit 0\.0 MB", limit=10)


@pytest.mark.parametrize("location", ["weights.bin", "../../etc/passwd", "/etc/passwd"])
def test_external_weights_are_refused_wherever_they_lie(tmp_path, location):
    model = relu_model()
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=location)
    model.graph.initializer.append(tensor)
    refused(saved(tmp_path, model), "another file")


def test_external_weights_hidden_in_an_attribute_are_refused(tmp_path):
    model = relu_model()
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))
    refused(saved(tmp_path, model), "another file")


def test_a_custom_operator_domain_is_refused_by_name(tmp_path):
    refused(saved(tmp_path, relu_model(domain="evil", op="Run")), "custom domain 'evil'")


def test_an_operator_that_is_not_in_the_standard_is_refused(tmp_path):
    refused(saved(tmp_path, relu_model(op="Teleport")), "Teleport")


def test_an_open_dimension_besides_the_batch_is_refused(tmp_path):
    refused(saved(tmp_path, relu_model(("batch", "length"))), "dimension 1 open")


def test_a_deep_nest_of_graphs_is_refused(tmp_path):
    model = relu_model()
    for _ in range(10):
        outer = relu_model()
        outer.graph.node.insert(
            0, helper.make_node("If", ["x"], ["z"], then_branch=model.graph, name="deep")
        )
        model = outer
    refused(saved(tmp_path, model), "deeper than")


def test_a_tensor_cut_short_is_refused(tmp_path):
    model = relu_model()
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[100], raw_data=b"1234")
    model.graph.initializer.append(tensor)
    refused(saved(tmp_path, model), "cut or damaged")


def test_a_tensor_that_claims_the_moon_is_refused(tmp_path):
    model = relu_model()
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40], raw_data=b"1234")
    model.graph.initializer.append(tensor)
    refused(saved(tmp_path, model), "claims")


def test_a_truncated_model_is_refused(tmp_path):
    model = relu_model()
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1000, np.float32), "w"))
    path = saved(tmp_path, model)
    path.write_bytes(path.read_bytes()[:-500])
    refused(path, "not an ONNX")
