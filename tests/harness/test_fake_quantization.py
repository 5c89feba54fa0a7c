"""Quantization-aware training: what is simulated is what the ONNX graph computes."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import nn

from harness.artifact.export import to_onnx
from harness.fake_quantization import QuantizedLinear, export_int8, quantization_aware
from harness.types import Input


class Text(nn.Module):
    """An embedding large enough to be quantized, two linear layers."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(1200, 16)
        self.hidden = nn.Linear(16, 32)
        self.classifier = nn.Linear(32, 3)

    def forward(self, ids):
        return self.classifier(torch.relu(self.hidden(self.table(ids).mean(1))))


class Problem:
    """As much of a compression problem as export needs."""

    ids = torch.randint(0, 1200, (64, 7), generator=torch.Generator().manual_seed(0))

    def export(self, model):
        return to_onnx(model, (Input("ids", "int64", (7,)),), (self.ids[:2],))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = quantization_aware(Text()).train()
    for _ in range(5):
        model(Problem.ids)
    return model.eval()


@pytest.fixture(scope="module")
def graph(trained):
    return export_int8(Problem(), trained)


def test_every_linear_layer_is_rounded(trained):
    assert isinstance(trained.hidden, QuantizedLinear)
    assert isinstance(trained.classifier, QuantizedLinear)


def test_the_graph_computes_what_was_simulated(trained, graph):
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    found = session.run(None, {"ids": Problem.ids.numpy()})[0]
    expected = trained(Problem.ids).detach().numpy()
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_weights_and_table_are_stored_in_one_byte_each(graph):
    stored = {
        tuple(each.dims) for each in graph.graph.initializer if each.data_type == TensorProto.INT8
    }
    assert {(1200, 16), (32, 16)} <= stored or {(1200, 16), (16, 32)} <= stored
    fp32 = [e for e in graph.graph.initializer if e.data_type == TensorProto.FLOAT]
    assert max(int(np.prod(each.dims)) for each in fp32) <= 32  # biases and scales


def test_rows_are_gathered_before_they_are_restored(graph):
    gather = next(node for node in graph.graph.node if node.op_type == "Gather")
    tables = {each.name: each.data_type for each in graph.graph.initializer}
    assert tables[gather.input[0]] == TensorProto.INT8


def test_rounding_passes_gradients_to_weights_and_inputs():
    layer = QuantizedLinear(nn.Linear(4, 2)).train()
    inputs = torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_()
    layer(inputs).sum().backward()
    assert layer.weight.grad.abs().sum() > 0
    assert inputs.grad.abs().sum() > 0


def test_the_activation_range_is_that_of_the_first_batch_then_moves_slowly():
    layer = QuantizedLinear(nn.Linear(2, 1)).train()
    layer(torch.tensor([[-1.0, 3.0]]))
    assert (layer.low.item(), layer.high.item()) == (-1.0, 3.0)
    layer(torch.tensor([[-1.0, 13.0]]))
    assert layer.high.item() == pytest.approx(3.1)
