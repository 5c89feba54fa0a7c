"""Which multiplications are between 8-bit numbers."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.artifact.count import count

SCALE = numpy_helper.from_array(np.array(0.1, np.float32), "scale")
ZERO = numpy_helper.from_array(np.array(0, np.int8), "zero")
WHOLE = numpy_helper.from_array(np.ones((8, 4), np.int8), "whole")
FLOAT = numpy_helper.from_array(np.ones((8, 4), np.float32), "float")
ROUNDED = [
    helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
    helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["restored"]),
]
WEIGHT = helper.make_node("DequantizeLinear", ["whole", "scale", "zero"], ["weight"])


def found(tmp_path, nodes, *stored):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])]
    outputs = [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(stored))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "m.onnx")
    counts = count(tmp_path / "m.onnx")
    return counts.macs, counts.macs_int8


def test_a_product_of_two_restored_operands_is_one_of_8_bits(tmp_path):
    product = helper.make_node("MatMul", ["restored", "weight"], ["y"])
    assert found(tmp_path, [*ROUNDED, WEIGHT, product], SCALE, ZERO, WHOLE) == (32, 32)


@pytest.mark.parametrize("operands", [["x", "weight"], ["restored", "float"], ["x", "float"]])
def test_one_float_operand_makes_it_a_float_product(tmp_path, operands):
    product = helper.make_node("MatMul", operands, ["y"])
    nodes = [*ROUNDED, WEIGHT, product]
    assert found(tmp_path, nodes, SCALE, ZERO, WHOLE, FLOAT) == (32, 0)


def test_a_weight_that_is_turned_first_is_still_one_of_8_bits(tmp_path):
    turned = numpy_helper.from_array(np.ones((4, 8), np.int8), "whole")
    turn = helper.make_node("Transpose", ["weight"], ["turned"])
    product = helper.make_node("Gemm", ["restored", "turned"], ["y"])
    assert found(tmp_path, [*ROUNDED, WEIGHT, turn, product], SCALE, ZERO, turned) == (32, 32)


def test_operators_on_whole_numbers_count(tmp_path):
    whole = helper.make_node("MatMulInteger", ["q", "whole"], ["sum"])
    cast = helper.make_node("Cast", ["sum"], ["y"], to=TensorProto.FLOAT)
    assert found(tmp_path, [ROUNDED[0], whole, cast], SCALE, ZERO, WHOLE) == (32, 32)


@pytest.mark.parametrize(("level", "whole"), [(4, 32), (1, 0)])
def test_weights_of_four_bits_count_where_activations_have_eight(tmp_path, level, whole):
    bits = numpy_helper.from_array(np.zeros((4, 1, 8), np.uint8), "bits")
    scales = numpy_helper.from_array(np.ones(4, np.float32), "scales")
    kinds = {"K": 8, "N": 4, "bits": 4, "block_size": 16, "accuracy_level": level}
    product = helper.make_node(
        "MatMulNBits", ["x", "bits", "scales"], ["y"], domain="com.microsoft", **kinds
    )
    assert found(tmp_path, [product], bits, scales) == (32, whole)
