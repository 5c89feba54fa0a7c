import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from harness.artifact.as_torch import UnknownOperatorError, as_torch
from harness.artifact.torch_quantized import two_of_four

RANDOM = np.random.default_rng(0)


def f(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def i(*numbers):
    return np.array(numbers, np.int64)


def both(path, x):
    """Outputs of ONNX Runtime and of the torch module for one input."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options)
    wanted = session.run(None, {session.get_inputs()[0].name: x})
    with torch.inference_mode():
        found = [output.numpy() for output in as_torch(path)(torch.from_numpy(x))]
    return wanted, found


def single(path, op, x, *others, outputs=1, domain="", **attributes):
    """A model of one node whose further inputs are stored; None leaves an input out."""
    names = [f"w{index}" if other is not None else "" for index, other in enumerate(others)]
    results = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op, ["x", *names], results, domain=domain, **attributes)
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_empty_tensor_value_info(name) for name in results],
        [numpy_helper.from_array(o, n) for o, n in zip(others, names, strict=True) if n],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


X = f(2, 4, 6, 8)
BYTES = RANDOM.integers(0, 255, (3, 8), np.uint8)
CASES = {
    "Conv": (X, [f(6, 2, 3, 3), f(6)], {"pads": [1, 1, 1, 1], "group": 2, "strides": [2, 1]}),
    "Conv uneven": (X, [f(6, 4, 3, 3)], {"pads": [0, 1, 1, 2]}),
    "Conv same": (X, [f(6, 4, 3, 3)], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "ConvTranspose": (X, [f(4, 3, 2, 2)], {"strides": [2, 2]}),
    "Gemm": (f(3, 5), [f(7, 5), f(7)], {"transB": 1, "alpha": 0.5}),
    "MatMul": (X, [f(8, 3)], {}),
    "MaxPool": (X, [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "AveragePool": (X, [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "GlobalAveragePool": (X, [], {}),
    "BatchNormalization": (X, [f(4), f(4), f(4), np.abs(f(4))], {}),
    "LayerNormalization": (X, [f(8), f(8)], {"axis": -1}),
    "Softmax": (X, [], {"axis": 1}),
    "Gelu": (X, [], {"approximate": "tanh"}),
    "Erf": (X, [], {}),
    "HardSwish": (X, [], {}),
    "HardSigmoid": (X, [], {"alpha": 1 / 6}),
    "LeakyRelu": (X, [], {"alpha": 0.2}),
    "Clip": (X, [np.float32(-0.5), np.float32(0.5)], {}),
    "Pow": (np.abs(X), [np.float32(1.5)], {}),
    "Div": (X, [np.float32(3)], {}),
    "Reshape": (X, [i(0, -1, 4)], {}),
    "Flatten": (X, [], {"axis": 2}),
    "Transpose": (X, [], {"perm": [0, 2, 3, 1]}),
    "Squeeze": (f(2, 1, 3), [i(1)], {}),
    "Unsqueeze": (X, [i(0, 2)], {}),
    "Slice": (X, [i(1, 0), i(9999, -1), i(2, 3), i(2, 3)], {}),
    "Slice back": (X, [i(-1), i(-(2**63) + 1), i(3), i(-1)], {}),
    "Gather": (X, [np.array([[0, -1], [2, 1]])], {"axis": 3}),
    "GatherElements": (f(3, 3), [np.array([[0, -1, 2]])], {"axis": 0}),
    "GatherND": (X, [np.array([[0, 1], [1, 3]])], {}),
    "ScatterElements": (f(3, 3), [np.array([[0, 2, 2]]), f(1, 3)], {"reduction": "add"}),
    "ScatterND": (f(4, 2), [np.array([[1], [3]]), f(2, 2)], {}),
    "Expand": (f(2, 1, 3), [i(4, 1, 5, 3)], {}),
    "Tile": (f(2, 3), [i(2, 2)], {}),
    "Pad": (X, [i(0, 0, 1, 2, 0, 0, 3, 4)], {}),
    "Pad edge": (X, [i(0, 0, 1, 2, 0, 0, 1, 1)], {"mode": "edge"}),
    "Resize": (X, [None, np.array([1, 1, 2, 2], np.float32)], {"mode": "linear"}),
    "ReduceMean": (X, [i(1, -1)], {"keepdims": 0}),
    "ReduceSum": (X, [], {}),
    "ReduceL2": (X, [i(2)], {}),
    "ReduceMax": (X, [i(2)], {}),
    "ArgMax": (X, [], {"axis": 2}),
    "CumSum": (X, [np.array(1)], {}),
    "Trilu": (f(5, 5), [], {"upper": 0}),
    "Cast": (X, [], {"to": TensorProto.INT64}),
    "Einsum": (f(2, 3, 4), [f(4, 5)], {"equation": "bij,jk->bik"}),
    "Where": (X > 0, [f(8), np.float32(0)], {}),
    "Mod": (np.arange(-5, 5), [np.array(3)], {}),
    "QuantizeLinear": (X, [np.float32(0.1), np.int8(3)], {}),
    "DequantizeLinear": (BYTES, [np.float32(0.1), np.uint8(9)], {}),
    "MatMulInteger": (BYTES, [RANDOM.integers(-9, 9, (8, 2), np.int8), np.uint8(7)], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_operator_gives_what_onnx_runtime_gives(tmp_path, case):
    x, others, attributes = CASES[case]
    path = single(tmp_path / "m.onnx", case.split()[0], x, *others, **attributes)
    wanted, found = both(path, x)
    assert wanted[0].shape == found[0].shape
    np.testing.assert_allclose(wanted[0], found[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("op", "gates", "options"), [("GRU", 3, {"linear_before_reset": 1}), ("LSTM", 4, {})]
)
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_recurrent_cell_gives_what_onnx_runtime_gives(tmp_path, op, gates, options, direction):
    ways = 2 if direction == "bidirectional" else 1
    others = (f(ways, gates * 5, 3), f(ways, gates * 5, 5), f(ways, 2 * gates * 5))
    path = single(
        tmp_path / "m.onnx", op, f(7, 2, 3), *others,
        outputs=2, hidden_size=5, direction=direction, **options,
    )  # fmt: skip
    wanted, found = both(path, f(7, 2, 3))
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_several_outputs_come_in_order(tmp_path):
    path = single(tmp_path / "m.onnx", "Split", X, i(1, 3), outputs=2, axis=1)
    wanted, found = both(path, X)
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_dynamic_quantisation_is_simulated_exactly(tmp_path):
    path = single(tmp_path / "m.onnx", "DynamicQuantizeLinear", f(4, 9), outputs=3)
    wanted, found = both(path, f(4, 9))
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(a.astype(float), b.astype(float), atol=1e-6)


def test_an_operator_without_a_function_is_named(tmp_path):
    path = single(tmp_path / "m.onnx", "NonZero", X)
    with pytest.raises(UnknownOperatorError, match="NonZero"):
        as_torch(path)


def test_floats_run_in_the_type_asked_for(tmp_path):
    path = single(tmp_path / "m.onnx", "MatMul", X, f(8, 3))
    (found,) = as_torch(path, torch.bfloat16)(torch.from_numpy(X))
    assert found.dtype == torch.bfloat16


def test_two_of_four_is_recognised():
    assert two_of_four(torch.tensor([[1.0, 0, 2, 0, 0, 0, 3, 4]]))
    assert not two_of_four(torch.tensor([[1.0, 5, 2, 0]]))
    assert not two_of_four(torch.ones(2, 3))
