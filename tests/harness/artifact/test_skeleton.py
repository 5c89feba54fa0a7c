"""A graph without its weights stands for the artifact when a row is timed elsewhere."""

import numpy as np
import onnx
import onnxruntime
import pytest
import zstandard
from onnx import TensorProto, helper, numpy_helper

from harness.artifact import skeleton
from harness.artifact.graph import read_graph
from harness.errors import UsageError
from harness.registry import ROOT

PUBLISHED = sorted(ROOT.glob("leaderboard/results/*/artifacts/*.onnx"))[::12]
OPSET = [helper.make_opsetid("", 20)]


def saved(folder, weight, nodes=None):
    """A layer of 64 x 32 floats and a bias; `nodes` replace its two."""
    random = np.random.default_rng(0)
    stored = {"weight": weight, "bias": random.normal(size=32).astype(np.float32)}
    graph = helper.make_graph(
        nodes
        or [
            helper.make_node("MatMul", ["x", "weight"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["y"]),
        ],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 32])],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=OPSET, ir_version=10), path)
    return path


@pytest.fixture
def layer(tmp_path):
    weight = np.random.default_rng(1).normal(0.5, 0.1, (64, 32)).astype(np.float32)
    return saved(tmp_path, weight), weight


def test_weights_are_drawn_from_the_range_of_the_artifact_s(layer):
    path, weight = layer
    stripped = skeleton.strip(path)
    filled = {
        one.name: numpy_helper.to_array(one) for one in skeleton.fill(stripped).graph.initializer
    }
    drawn = filled["weight"]
    assert len(stripped) < weight.nbytes / 8
    assert drawn.shape == weight.shape and drawn.dtype == weight.dtype
    assert not np.array_equal(drawn, weight)
    assert drawn.mean() == pytest.approx(weight.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(weight.std(), rel=0.05)
    assert weight.min() <= drawn.min() and drawn.max() <= weight.max()
    original = numpy_helper.to_array(onnx.load(path).graph.initializer[1])
    assert np.array_equal(filled["bias"], original), "small tensors are kept"


def test_one_seed_draws_the_same_weights(layer):
    stripped = skeleton.strip(layer[0])
    first, again, other = (skeleton.fill(stripped, seed) for seed in (0, 0, 1))
    assert first.SerializeToString() == again.SerializeToString() != other.SerializeToString()


def test_whole_numbers_stay_in_their_range(tmp_path):
    table = np.random.default_rng(0).integers(0, 64, (40, 32))
    nodes = [
        helper.make_node("GatherElements", ["x", "table"], ["taken"], axis=1),
        helper.make_node("ReduceMax", ["taken"], ["y"], keepdims=1),
    ]
    graph = helper.make_graph(
        nodes,
        "look",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [40, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(table, "table")],
    )
    path = tmp_path / "look.onnx"
    onnx.save(helper.make_model(graph, opset_imports=OPSET, ir_version=10), path)
    model = skeleton.fill(skeleton.strip(path))
    onnxruntime.InferenceSession(model.SerializeToString()).run(
        None, {"x": np.zeros((40, 64), np.float32)}
    )


def test_a_graph_whose_time_depends_on_values_is_not_kept(tmp_path):
    branch = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["made"])],
        "branch",
        [],
        [helper.make_tensor_value_info("made", TensorProto.FLOAT, ["n", 32])],
    )
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["sure"], to=TensorProto.BOOL),
        helper.make_node("If", ["sure"], ["y"], then_branch=branch, else_branch=branch),
    ]
    weight = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    assert skeleton.strip(saved(tmp_path, weight, nodes)) is None


def test_a_graph_that_sorts_by_value_is_not_kept(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["scores"]),
        helper.make_node("Shape", ["bias"], ["all"]),
        helper.make_node("TopK", ["scores", "all"], ["y", "places"]),
    ]
    weight = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    assert skeleton.strip(saved(tmp_path, weight, nodes)) is None


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_artifacts_and_their_graphs_count_alike(path, tmp_path):
    stripped = skeleton.strip(path)
    if stripped is None:
        return
    onnx.save(skeleton.fill(stripped), tmp_path / "filled.onnx")
    own, filled = read_graph(path), read_graph(tmp_path / "filled.onnx")
    assert own.shapes == filled.shapes and own.types == filled.types


@pytest.mark.parametrize("damaged", [b"", b"no archive", zstandard.compress(b"\xff no graph")])
def test_a_damaged_graph_is_refused(damaged):
    with pytest.raises(UsageError, match="restore it from git"):
        skeleton.fill(damaged)
