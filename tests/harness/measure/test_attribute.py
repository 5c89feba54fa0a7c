import json
from xml.etree import ElementTree

import pytest
from onnx import helper
from toy_models import chain

from harness.artifact.count import NodeCount, count
from harness.errors import SlimbenchError, UsageError
from harness.measure.attribute import RUNTIME, attribute, joined
from harness.measure.attribute_view import table, to_json, to_svg
from harness.measure.profile import load_profile

PROFILE = load_profile("ort-1t-xeon-amx")


def node(name, operator, branch, macs, ends):
    return NodeCount(name, operator, branch, macs, 0, 0, 0, *ends)


NODES = [
    node("conv", "Conv", "stem.conv", 100, (("x",), ("c",))),
    node("relu", "Relu", "stem.relu", 0, (("c",), ("r",))),
    node("gemm", "Gemm", "head", 10, (("r",), ("y",))),
]


def kernel(name, latency_ms, operator="Conv"):
    return {"name": name, "operator": operator, "latency_ms": latency_ms}


def test_rows_sum_to_the_total_and_the_rest_is_the_runtimes():
    found = joined(10.0, [kernel("conv", 6.0), kernel("gemm", 2.0, "Gemm")], NODES)
    assert {row.name: row.latency_ms for row in found.by("branch")} == {
        "stem": 6.0, "head": 2.0, RUNTIME: 2.0,
    }  # fmt: skip
    assert sum(row.macs for row in found.rows) == 110


def test_kernels_that_sum_to_more_than_the_total_are_scaled_down():
    found = joined(4.0, [kernel("conv", 6.0), kernel("gemm", 2.0, "Gemm")], NODES)
    assert found.scale == 0.5
    assert sum(row.latency_ms for row in found.rows) == pytest.approx(4.0)


def test_a_kernel_named_after_its_output_takes_the_node_fused_before_it():
    found = joined(10.0, [kernel("r_nchwc", 8.0), kernel("gemm", 2.0, "Gemm")], NODES)
    assert found.by("branch")[0].macs == 100
    assert found.by("branch")[0].name == "stem"


def test_a_kernel_named_after_its_first_node_takes_those_fused_after_it():
    found = joined(10.0, [kernel("conv", 8.0), kernel("gemm", 2.0, "Gemm")], NODES)
    assert found.by("operator")[0].macs == 100


def test_a_real_model_is_attributed_down_to_its_matrix_products(models, inputs, tmp_path):
    path = models("m", chain(6))
    found = attribute(path, PROFILE, inputs, trace=tmp_path / "trace.json")
    assert sum(row.latency_ms for row in found.rows) == pytest.approx(found.total_ms, rel=0.05)
    assert sum(row.macs for row in found.rows) == count(path).macs
    assert {"MatMul", "Tanh"} <= {row.name for row in found.by("operator")}
    assert any(
        event["cat"] == "Node" for event in json.loads((tmp_path / "trace.json").read_text())
    )


def test_the_views_name_every_branch():
    found = joined(10.0, [kernel("conv", 6.0), kernel("gemm", 2.0, "Gemm")], NODES)
    assert "| stem | 6.0000 | 60.0% |" in table(found)
    assert json.loads(to_json(found))["total_ms"] == 10.0
    texts = [each.text for each in ElementTree.fromstring(to_svg(found)).iter()]
    assert {"stem", "head"} <= set(texts)


def test_a_runtime_without_kernel_times_is_refused(models, inputs):
    with pytest.raises(UsageError, match="reports no kernel times"):
        attribute(models("m", chain(1)), load_profile("ncnn-1t-xeon-amx"), inputs)


def test_a_model_that_does_not_run_is_one_sentence(models, inputs):
    model = chain(1, helper.make_node("Teleport", ["h"], ["y"], domain="com.microsoft"))
    with pytest.raises(SlimbenchError, match="did not run"):
        attribute(models("m", model), PROFILE, inputs)
