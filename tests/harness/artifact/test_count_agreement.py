"""The counter beside FlopCounterMode, fvcore and Torch-Pruning; site/measuring.md explains."""

import copy
import time

import pytest
import torch
from architectures import NAMES, build
from torch.utils.flop_counter import FlopCounterMode

from harness.artifact.count import count, count_nodes

# How far each counter is from ours, in percent of ours.
FLOP_COUNTER = {"vit_b_16": -4.07, "bert": -1.37, "lstm": -100.0}
FVCORE = {
    "resnet18": 0.28, "resnet50": 0.55, "mobilenet_v2": 4.46, "mobilenet_v3_small": 5.55,
    "mobilenet_v3_large": 4.36, "efficientnet_b0": 4.11, "vgg11_bn": 0.20, "squeezenet1_1": 0.05,
    "shufflenet_v2_x1_0": 2.69, "densenet121": 1.11, "convnext_tiny": 0.33, "vit_b_16": -3.97,
    "bert": -1.26, "gru": -100.0, "lstm": -100.0, "graphsage": 0.0,
}  # fmt: skip
TORCH_PRUNING = {
    "resnet18": 0.45, "resnet50": 0.80, "mobilenet_v2": 6.47, "mobilenet_v3_small": 6.40,
    "mobilenet_v3_large": 5.43, "efficientnet_b0": 4.11, "vgg11_bn": 0.47, "squeezenet1_1": 1.92,
    "shufflenet_v2_x1_0": 3.93, "densenet121": 1.71, "convnext_tiny": 0.35, "vit_b_16": 0.17,
    "bert": -1.32, "gru": 3981.76, "lstm": 4073.08, "graphsage": -100.0,
}  # fmt: skip
QUICK = ("gru", pytest.param("squeezenet1_1", marks=pytest.mark.slow))
quiet = pytest.mark.filterwarnings("ignore")


def exported(name, tmp_path):
    model, inputs = build(name)
    path = tmp_path / f"{name}.onnx"
    torch.onnx.export(model, inputs, dynamo=True, opset_version=20, verbose=False).save(str(path))
    return path, model, inputs


def percent_off(macs, ours):
    return 100 * (macs / ours - 1)


def by_flop_counter(model, inputs):
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    return counter.get_total_flops() // 2


@quiet
@pytest.mark.parametrize("name", QUICK)
def test_macs_are_those_of_flop_counter_mode(name, tmp_path):
    path, model, inputs = exported(name, tmp_path)
    assert count(path).macs == by_flop_counter(model, inputs)


@quiet
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_differences_to_other_counters_are_those_explained(name, tmp_path):
    from fvcore.nn import FlopCountAnalysis
    from torch_pruning.utils import count_ops_and_params

    path, model, inputs = exported(name, tmp_path)
    ours = count(path).macs
    found = percent_off(by_flop_counter(model, inputs), ours)
    assert found == pytest.approx(FLOP_COUNTER.get(name, 0.0), abs=0.02)
    analysis = FlopCountAnalysis(model, inputs).unsupported_ops_warnings(False)
    found = percent_off(analysis.uncalled_modules_warnings(False).total(), ours)
    assert found == pytest.approx(FVCORE[name], abs=0.1)
    one = inputs if len(inputs) > 1 else inputs[0]
    found = percent_off(count_ops_and_params(copy.deepcopy(model), one)[0], ours)
    assert found == pytest.approx(TORCH_PRUNING[name], abs=0.1)


@quiet
@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "bert"])
def test_counting_a_graph_takes_less_than_a_second(name, tmp_path):
    path, _, _ = exported(name, tmp_path)
    begin = time.process_time()
    count_nodes(path)
    assert time.process_time() - begin < 1.0
