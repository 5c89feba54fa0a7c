"""Static INT8: which weights end up in one byte, and that a weight used twice is stored once."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnxruntime.quantization import calibrate
from torch import nn

from harness import int8
from harness.artifact.export import to_onnx
from harness.int8 import quantize
from harness.types import Input

CHANNELS = 16


class Twice(nn.Module):
    """A convolution with batch norm seen from two views, and attention over its channels."""

    def __init__(self, attends: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.query = nn.Linear(16, 16, bias=False)
        self.attends = attends

    def forward(self, image):
        views = [self.norm(self.convolution(each)) for each in (image, image.flip(3))]
        tokens = self.query((views[0] + views[1]).flatten(2))  # (n, channels, 16)
        return tokens.softmax(2).sum(1) if self.attends else tokens.relu().sum(1)


class Calibrated:
    """What quantize asks of a problem."""

    def calibration(self, count):
        return {"image": np.random.default_rng(0).normal(size=(8, CHANNELS, 4, 4)).astype("f4")}


class Columns(nn.Module):
    """A raw column of any magnitude beside an image."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Linear(16, 4)
        self.joined = nn.Linear(5, 2)

    def forward(self, image, amount):
        values = torch.log1p(amount * 1.0)
        return self.joined(torch.cat([self.image(image).relu(), values], dim=1))


def test_a_raw_column_of_a_graph_of_several_inputs_is_left_alone():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    inputs = {
        "image": random.normal(size=(256, 16)).astype("f4"),
        "amount": np.exp(random.uniform(0, 20, (256, 1))).astype("f4"),
    }

    class Mixed:
        def calibration(self, count):
            return inputs

    given = (Input("image", "float32", (16,)), Input("amount", "float32", (1,)))
    model = Columns().eval()
    tensors = tuple(torch.from_numpy(array) for array in inputs.values())
    graph = to_onnx(model, given, tuple(each[:8] for each in tensors))
    session = onnxruntime.InferenceSession(quantize(Mixed(), graph).SerializeToString())
    found = session.run(None, inputs)[0]
    exact = model(*tensors).detach().numpy()
    assert np.abs(found - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize("attends", [True, False])
def test_a_convolution_that_is_used_twice_is_stored_once_in_one_byte(attends):
    torch.manual_seed(0)
    example = torch.randn(8, CHANNELS, 4, 4)
    graph = to_onnx(
        Twice(attends).eval(), (Input("image", "float32", (CHANNELS, 4, 4)),), (example,)
    )
    stored = quantize(Calibrated(), graph).graph.initializer
    large = [
        (tensor.data_type, len(tensor.raw_data))
        for tensor in stored
        if len(tensor.raw_data) >= CHANNELS * CHANNELS * 9
    ]
    assert large == [(3, CHANNELS * CHANNELS * 9)]  # int8, once


@pytest.mark.parametrize("calibration", ["MinMax", "Percentile"])
def test_few_batches_are_held_at_once_and_ranges_stay(monkeypatch, calibration):
    torch.manual_seed(0)
    images = np.random.default_rng(0).normal(size=(128, CHANNELS, 4, 4)).astype("f4")

    class Many:
        def calibration(self, count):
            return {"image": images}

    held = []
    collect = calibrate.HistogramCollector.collect

    def watched(self, found):
        held.append(max(len(arrays) for arrays in found.values()))
        return collect(self, found)

    monkeypatch.setattr(calibrate.HistogramCollector, "collect", watched)
    graph = to_onnx(
        Twice(False).eval(),
        (Input("image", "float32", (CHANNELS, 4, 4)),),
        (torch.randn(8, 16, 4, 4),),
    )
    answers = []
    for batches in (int8.HELD, 8):
        monkeypatch.setattr(int8, "HELD", batches)
        session = onnxruntime.InferenceSession(
            quantize(Many(), graph, calibration).SerializeToString()
        )
        answers.append(session.run(None, {"image": images})[0])
    if calibration == "MinMax":
        assert np.array_equal(*answers)
    else:
        assert held == [4, 4, 8]
        assert np.abs(answers[0] - answers[1]).max() < 0.02 * np.abs(answers[1]).max()
