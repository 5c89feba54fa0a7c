import numpy as np
import pytest
import torch
from onnx import helper
from toy_models import chain

from harness.errors import UsageError
from harness.measure.runtimes import NotRunnableError, find_runtime, list_runtimes, torch_cuda


@pytest.mark.parametrize("name", list_runtimes())
def test_every_runtime_has_the_four_names(name):
    runtime = find_runtime(name)
    assert callable(runtime.load)
    assert callable(runtime.version)
    assert isinstance(runtime.LIBRARY, str)
    assert runtime.STARTUP_SECONDS > 0


def test_an_unknown_runtime_lists_the_known():
    with pytest.raises(UsageError, match="the runtimes are ncnn, onnxruntime"):
        find_runtime("tensorrt")


@pytest.mark.parametrize("name", ["openvino", "ncnn"])
def test_a_runtime_agrees_with_onnx_runtime(name, models, inputs):
    pytest.importorskip(name)
    path = models("m", chain(3))
    one = {"x": inputs["x"][:1]}
    (wanted,) = find_runtime("onnxruntime").load(path, 1, "fp32")(one)
    model = find_runtime(name).load(path, 1, "fp32")
    for _ in range(2):
        (found,) = model(one)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_operator_that_a_runtime_lacks_is_named(name, models):
    pytest.importorskip(name)
    model = chain(1, helper.make_node("Teleport", ["h"], ["y"], domain="com.microsoft"))
    with pytest.raises(NotRunnableError, match="Teleport"):
        find_runtime(name).load(models("m", model), 1, "fp32")


def test_the_torch_runtime_agrees_on_the_cpu(models, inputs):
    path = models("m", chain(3))
    (wanted,) = find_runtime("onnxruntime").load(path, 1, "fp32")(inputs)
    for precision, atol in (("fp32", 1e-5), ("bf16", 0.1)):
        (found,) = torch_cuda.load(path, 1, precision, device="cpu")(inputs)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=atol)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_the_torch_runtime_says_that_there_is_no_cuda_device(models):
    with pytest.raises(NotRunnableError, match="no CUDA device"):
        torch_cuda.load(models("m", chain(1)), 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "fp16-2:4"])
def test_a_cuda_graph_gives_fresh_results(models, inputs, precision):
    path = models("m", chain(3))
    model = torch_cuda.load(path, 1, precision)
    reference = find_runtime("onnxruntime").load(path, 1, "fp32")
    for row in range(3):
        one = {"x": inputs["x"][row : row + 1]}
        np.testing.assert_allclose(model(one)[0], reference(one)[0], atol=0.1)
