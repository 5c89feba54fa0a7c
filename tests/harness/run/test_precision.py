"""Where training leaves bf16."""

import copy

import torch
from torch import nn

from harness.run import precision

CPU = torch.device("cpu")


def test_only_strided_depthwise_convolutions_run_in_fp32(monkeypatch):
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: True)
    strided = nn.Conv2d(8, 8, 3, stride=2, groups=8)
    model = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, stride=2), strided)
    seen = []
    for conv in model:
        conv.register_forward_hook(lambda conv, inputs, output: seen.append(output.dtype))
    image = torch.rand(2, 8, 16, 16)
    with torch.autocast("cpu", torch.bfloat16), precision.strided_depthwise_in_fp32(model, CPU):
        copied = copy.deepcopy(model)
        model(image).sum().backward()
    assert seen == [torch.bfloat16, torch.bfloat16, torch.float32]
    assert copied[2].forward.__self__ is copied[2]
    with torch.autocast("cpu", torch.bfloat16):
        model(image)
    assert seen[3:] == [torch.bfloat16] * 3


def test_plain_fp32_training_is_left_alone(monkeypatch):
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: False)
    strided = nn.Conv2d(8, 8, 3, stride=2, groups=8)
    with precision.strided_depthwise_in_fp32(strided, CPU):
        assert "forward" not in vars(strided)
