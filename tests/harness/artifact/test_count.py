import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.artifact.count import by_branch, count, count_nodes
from harness.errors import SlimbenchError, UsageError

FLOAT = TensorProto.FLOAT
RANDOM = np.random.default_rng(0)


def weight(name, *shape):
    return numpy_helper.from_array(RANDOM.normal(size=shape).astype(np.float32), name)


def save(path, nodes, shape, initializers=(), opset=20):
    """A model with one float input `x` and the last node's first output."""
    x = helper.make_tensor_value_info("x", FLOAT, shape)
    y = helper.make_tensor_value_info(nodes[-1].output[0], FLOAT, None)
    graph = helper.make_graph(nodes, "test", [x], [y], list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def macs_of(tmp_path, node, shape, *initializers):
    return count(save(tmp_path / "m.onnx", [node], shape, initializers)).macs


def test_a_convolution_costs_its_outputs_times_its_window(tmp_path):
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2], group=2)
    macs = macs_of(tmp_path, node, ["batch", 4, 8, 8], weight("w", 6, 2, 3, 3))
    assert macs == (6 * 4 * 4) * (2 * 3 * 3)


def test_a_transposed_convolution_costs_its_inputs_times_its_window(tmp_path):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    macs = macs_of(tmp_path, node, [1, 4, 8, 8], weight("w", 4, 6, 2, 2))
    assert macs == (4 * 8 * 8) * (6 * 2 * 2)


def test_a_product_of_matrices_costs_rows_times_columns_times_inner(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    assert macs_of(tmp_path, node, ["n", 5, 7], weight("w", 7, 3)) == 5 * 7 * 3


def test_gemm_and_einsum_agree(tmp_path):
    gemm = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    einsum = helper.make_node("Einsum", ["x", "w"], ["y"], equation="bi,oi->bo")
    assert macs_of(tmp_path, gemm, ["n", 7], weight("w", 3, 7)) == 21
    assert macs_of(tmp_path, einsum, ["n", 7], weight("w", 3, 7)) == 21


def test_a_gru_costs_three_gates_a_step_and_direction(tmp_path):
    node = helper.make_node("GRU", ["x", "w", "r"], ["y"], hidden_size=4, direction="bidirectional")
    macs = macs_of(tmp_path, node, [9, 1, 5], weight("w", 2, 12, 5), weight("r", 2, 12, 4))
    assert macs == 9 * 2 * 3 * 4 * (5 + 4)


def test_attention_counts_scores_and_values(tmp_path):
    node = helper.make_node("Attention", ["x", "x", "x"], ["y"], q_num_heads=2, kv_num_heads=2)
    path = save(tmp_path / "m.onnx", [node], [1, 6, 8], opset=23)
    assert count(path).macs == 2 * (6 * 6 * 8)


def test_an_unknown_operator_is_an_error_that_names_the_node(tmp_path):
    node = helper.make_node("DFT", ["x"], ["y"], name="spectrum")
    with pytest.raises(SlimbenchError, match="DFT 'spectrum'"):
        macs_of(tmp_path, node, [1, 8, 1])


def test_an_unknown_domain_is_an_error_that_names_the_node(tmp_path):
    node = helper.make_node("Fast", ["x"], ["y"], domain="com.microsoft", name="mystery")
    with pytest.raises(SlimbenchError, match=r"com\.microsoft\.Fast 'mystery'"):
        macs_of(tmp_path, node, [1, 8])


def test_zeros_lower_the_nonzero_count_alone(tmp_path):
    values = np.array([[1, 0, 2], [0, 0, 3]], np.float32)
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        ["n", 2],
        [numpy_helper.from_array(values, "w")],
    )
    counts = count(path)
    assert (counts.params, counts.params_nonzero, counts.macs) == (6, 3, 6)


def test_constants_and_buffers_count_but_shapes_do_not(tmp_path):
    nodes = [
        helper.make_node("Constant", [], ["c"], value=weight("", 3)),
        helper.make_node("Add", ["x", "c"], ["s"]),
        helper.make_node("Reshape", ["s", "shape"], ["r"]),
        helper.make_node("Gather", ["r", "kept"], ["y"], axis=1),
    ]
    shape = numpy_helper.from_array(np.array([-1, 3], np.int64), "shape")
    kept = numpy_helper.from_array(np.array([0, 2], np.int64), "kept")
    counts = count(save(tmp_path / "m.onnx", nodes, ["n", 3], [shape, kept]))
    assert counts.params == 3 + 2


def test_peak_memory_is_the_largest_sum_alive(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["wide"]),  # 10 -> 100
        helper.make_node("Relu", ["wide"], ["relu"]),  # 100 and 100 alive
        helper.make_node("MatMul", ["relu", "b"], ["y"]),  # 100 -> 5
    ]
    path = save(tmp_path / "m.onnx", nodes, ["n", 10], [weight("a", 10, 100), weight("b", 100, 5)])
    assert count(path).peak_memory_bytes == 4 * 200


def quantised(tmp_path, quant_format):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rows = iter([{"x": RANDOM.normal(size=(1, 4, 8, 8)).astype(np.float32)}] * 2)

        def get_next(self):
            return next(self.rows, None)

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "g"], ["y"]),
    ]
    weights = [weight("w", 32, 4, 3, 3), weight("g", 32, 10)]
    path = save(tmp_path / "m.onnx", nodes, [1, 4, 8, 8], weights)
    quantize_static(
        path, tmp_path / "q.onnx", Reader(), quant_format=getattr(QuantFormat, quant_format)
    )
    return path, tmp_path / "q.onnx"


@pytest.mark.parametrize("quant_format", ["QDQ", "QOperator"])
@pytest.mark.filterwarnings("ignore")
def test_quantising_changes_no_macs_and_shrinks_activations(tmp_path, quant_format):
    dense, small = (count(path) for path in quantised(tmp_path, quant_format))
    assert small.macs == dense.macs == 32 * 64 * 36 + 320
    assert dense.params == 32 * 36 + 320
    assert small.params >= dense.params
    assert small.peak_memory_bytes < 0.5 * dense.peak_memory_bytes


@pytest.mark.filterwarnings("ignore")
def test_dynamically_quantised_products_are_counted(tmp_path):
    from onnxruntime.quantization import quantize_dynamic

    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("MatMul", ["h", "b"], ["y"]),
    ]
    path = save(tmp_path / "m.onnx", nodes, ["n", 8], [weight("a", 8, 16), weight("b", 16, 4)])
    quantize_dynamic(path, tmp_path / "q.onnx")
    assert count(tmp_path / "q.onnx").macs == count(path).macs == 8 * 16 + 16 * 4


def test_four_bit_weights_are_counted(tmp_path):
    node = helper.make_node(
        "MatMulNBits", ["x", "q", "s"], ["y"], domain="com.microsoft", K=32, N=6, bits=4,
        block_size=32,
    )  # fmt: skip
    packed = np.full((6, 1, 16), 0x81, np.uint8)  # 1 and 8, which stands for zero
    q = numpy_helper.from_array(packed, "q")
    found = count(save(tmp_path / "q.onnx", [node], ["n", 32], [q, weight("s", 6)]))
    assert found.macs == 32 * 6
    assert (found.params, found.params_nonzero) == (32 * 6 + 6, 32 * 3 + 6)


def test_rows_sum_to_the_total_and_roll_up_by_branch(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="/stem/linear/MatMul"),
        helper.make_node("Relu", ["h"], ["r"], name="/stem/Relu"),
        helper.make_node("MatMul", ["r", "b"], ["y"], name="/head/MatMul"),
    ]
    path = save(tmp_path / "m.onnx", nodes, ["n", 8], [weight("a", 8, 16), weight("b", 16, 4)])
    rows = count_nodes(path)
    assert sum(row.macs for row in rows) == count(path).macs
    assert sum(row.params for row in rows) == count(path).params
    assert {row.name: row.macs for row in by_branch(rows)} == {"stem": 128, "head": 64}


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_text("hello")
    with pytest.raises(UsageError, match=r"m\.onnx"):
        count(path)


def test_an_open_dimension_besides_the_batch_is_refused(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"])
    with pytest.raises(SlimbenchError, match="only the batch may be open"):
        macs_of(tmp_path, node, ["batch", "length"])
