import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from toy_models import chain

from harness.errors import UsageError
from harness.measure import measure
from harness.measure.profile import freeze_anchor, load_profile
from harness.paired import speedup
from harness.record import parse_line, sha256_of, to_line


def outputs(path, inputs):
    return onnxruntime.InferenceSession(path).run(None, inputs)


@pytest.fixture
def profile(tmp_path):
    """One thread of ONNX Runtime on whatever CPU the tests run on."""
    path = tmp_path / "here.toml"
    path.write_text(
        'title = "here"\nkind = "measured"\nruntime = "onnxruntime"\nruntime_version = "any"\n'
        "throughput_batch = 4\n"
    )
    return load_profile(path)


def run(entry, anchor, profile, inputs, expected=None, **options):
    options = {"quick": True} | options
    return measure(entry, anchor, profile, inputs, expected, task="toy", task_version=1, **options)


def test_an_entry_with_fewer_layers_is_measured_as_faster(models, inputs, profile):
    anchor, entry = models("anchor", chain(40)), models("entry", chain(4))
    record = run(entry, anchor, profile, inputs, outputs(entry, inputs))
    assert (record.status, record.cause, record.outputs_match) == ("ok", None, True)
    assert speedup(record.pairs).value > 2
    assert record.cold_start_ms[0] > 0
    assert record.load_label in ("quiet", "noted", "loaded")
    assert record.profile.sha256 == profile.sha256
    assert parse_line(to_line(record)) == record


def test_a_full_measurement_has_requests_and_throughput(models, inputs, profile):
    anchor, entry = models("anchor", chain(8)), models("entry", chain(4))
    record = run(entry, anchor, profile, inputs, quick=False, cap_seconds=6)
    assert record.status == "ok"
    assert len(record.pairs) == len(record.cold_start_ms) >= 1
    assert len(record.request_ms) == 32
    assert record.throughput_batch == 4
    assert len(record.throughput_pairs) >= 1
    assert record.outputs_match is None


def test_outputs_that_were_not_scored_fail_the_record(models, inputs, profile):
    entry = models("entry", chain(4))
    wrong = [array[::-1].copy() for array in outputs(entry, inputs)]
    record = run(entry, entry, profile, inputs, wrong)
    assert (record.status, record.outputs_match) == ("failed", False)
    assert "differ from the scored predictions" in record.cause


def test_an_anchor_frozen_in_the_profile_gives_the_nominal_latency(models, inputs, profile):
    from harness.measure.machine import machine

    entry = models("entry", chain(2))
    freeze_anchor(profile, sha256_of(entry), "toy", [7.0] * 10, where=machine(), version="1")
    record = run(entry, entry, profile, inputs)
    assert record.anchor_nominal_ms == 7.0
    assert record.environment["anchor_frozen"] is True


def test_another_machine_is_labelled_off_profile_with_its_numbers(models, inputs, profile):
    profile.path.write_text(
        profile.path.read_text()
        + '[cpu]\nvendor = "Nobody"\nfamily = 1\nmodels = [1]\nflags = []\n'
    )
    record = run(
        models("entry", chain(2)), models("anchor", chain(2)), load_profile(profile.path), inputs
    )
    assert record.status == "off_profile"
    assert "Nobody" in record.cause
    assert record.pairs


def test_an_operator_the_runtime_lacks_is_named(models, inputs, profile):
    model = chain(1, helper.make_node("Teleport", ["h"], ["y"], domain="com.microsoft"))
    record = run(models("entry", model), models("anchor", chain(1)), profile, inputs)
    assert record.status == "not_runnable"
    assert "not runnable on here: " in record.cause
    assert "Teleport" in record.cause


def test_a_model_that_returns_nan_fails_with_a_sentence(models, inputs, profile):
    zero = helper.make_node("Sub", ["h", "h"], ["z"])
    model = chain(1, zero, helper.make_node("Div", ["z", "z"], ["y"]))
    record = run(models("entry", model), models("anchor", chain(1)), profile, inputs)
    assert (record.status, record.pairs) == ("failed", [])
    assert "NaN" in record.cause


def test_a_random_model_fails_with_a_sentence(models, inputs, profile):
    noise = helper.make_node("RandomNormalLike", ["h"], ["n"])
    model = chain(1, noise, helper.make_node("Add", ["h", "n"], ["y"]))
    record = run(models("entry", model), models("anchor", chain(1)), profile, inputs)
    assert record.status == "failed"
    assert "not deterministic" in record.cause


def test_a_model_beyond_the_profiles_memory_fails_with_a_sentence(models, inputs, profile):
    shape = helper.make_node("Constant", [], ["s"], value_ints=[600_000, 1, 64])
    grown = helper.make_node("Expand", ["h", "s"], ["e"])
    model = chain(1, shape, grown, helper.make_node("ReduceMax", ["e"], ["y"], keepdims=0))
    profile.path.write_text(profile.path.read_text() + "memory_bytes = 120_000_000\n")
    small = load_profile(profile.path)
    record = run(models("entry", model), models("anchor", chain(1)), small, inputs)
    assert record.status == "failed"
    assert "needs more memory than here allows (0.1 GB)" in record.cause


def test_a_model_slower_than_the_cap_fails_with_a_sentence(models, inputs, profile):
    record = run(
        models("entry", slow_model()), models("anchor", chain(1)), profile, inputs,
        quick=False, cap_seconds=0.5,
    )  # fmt: skip
    assert record.status == "failed"
    assert "cap" in record.cause


def slow_model():
    """A loop of many million steps."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Tanh", ["state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    steps = helper.make_node("Constant", [], ["steps"], value_int=10**9)
    return chain(1, steps, helper.make_node("Loop", ["steps", "", "h"], ["y"], body=body))


def test_a_file_that_is_no_model_is_a_record_with_a_cause(models, inputs, profile, tmp_path):
    bad = tmp_path / "bad.onnx"
    bad.write_text("hello")
    record = run(bad, models("anchor", chain(1)), profile, inputs)
    assert record.status == "failed"
    assert "\n" not in record.cause


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_profile_without_its_device_is_not_runnable(models, inputs):
    entry = models("entry", chain(1))
    record = run(entry, entry, load_profile("torch-cuda-bf16-h200"), inputs, quick=False)
    assert record.status == "not_runnable"
    assert "not runnable on torch-cuda-bf16-h200: no CUDA device" in record.cause


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"x": np.zeros((0, 64), np.float32)}, "at least 1"),
        ({"x": np.zeros((2, 64)), "z": np.zeros((3, 64))}, "same number"),
    ],
)
def test_wrong_inputs_are_usage_errors(models, profile, changed, word):
    entry = models("entry", chain(1))
    with pytest.raises(UsageError, match=word):
        run(entry, entry, profile, changed)


def test_a_table_profile_times_nothing(models, inputs):
    entry = models("entry", chain(1))
    with pytest.raises(UsageError, match="nothing can be timed"):
        run(entry, entry, load_profile("hwnas-pixel-3-latency"), inputs)


def test_a_missing_file_is_a_usage_error(models, inputs, profile, tmp_path):
    with pytest.raises(UsageError, match="not a file"):
        run(tmp_path / "none.onnx", models("anchor", chain(1)), profile, inputs)


def test_measuring_imports_no_torch():
    code = (
        "import harness.measure, harness.measure.protocol, sys; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
