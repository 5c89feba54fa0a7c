"""Trees inside a graph: the same answers as scikit-learn's, and what the counter makes of them."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from harness.artifact.check import check_model
from harness.artifact.count import count
from harness.errors import SlimbenchError, UsageError
from harness.trees import with_trees

NODE = [
    ("feature_idx", np.int64),
    ("num_threshold", np.float64),
    ("missing_go_to_left", np.uint8),
    ("left", np.uint32),
    ("right", np.uint32),
    ("is_leaf", np.uint8),
    ("value", np.float64),
]


def tree(*rows):
    return np.array(list(rows), NODE)


# x0 <= 0.5 ? -1 : (x1 <= 2 ? 3 : 0), missing x0 goes right
DEEP = tree(
    (0, 0.5, 0, 1, 2, 0, 0.0),
    (0, 0.0, 0, 0, 0, 1, -1.0),
    (1, 2.0, 1, 3, 4, 0, 0.0),
    (0, 0.0, 0, 0, 0, 1, 3.0),
    (0, 0.0, 0, 0, 0, 1, 0.0),
)
STUMP = tree((1, 0.0, 0, 1, 2, 0, 0.0), (0, 0, 0, 0, 0, 1, 10.0), (0, 0, 0, 0, 0, 1, 20.0))


def features():
    """A graph that hands its input on: two features."""
    shape = ["batch", 2]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "made")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["made"])], "features", values[:1], values[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    return model


def run(model, rows):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": np.array(rows, np.float32)})[0]


def test_leaves_are_added_up_and_missing_values_take_their_side():
    found = run(with_trees(features(), [DEEP, STUMP], 0.25), [[0, -1], [1, 2], [1, 3], [np.nan, 0]])
    assert found.tolist() == [[0, 9.25], [0, 23.25], [0, 20.25], [0, 13.25]]


def test_trees_in_the_graph_answer_as_in_scikit_learn():
    ensemble = pytest.importorskip("sklearn.ensemble")
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 2)).astype(np.float32)
    rows[::7, 0] = np.nan
    labels = (np.nan_to_num(rows[:, 0]) * rows[:, 1] > 0).astype(int)
    booster = ensemble.HistGradientBoostingClassifier(max_iter=12).fit(rows, labels)
    trees = [stage[0].nodes for stage in booster._predictors]
    model = with_trees(features(), trees, float(booster._baseline_prediction[0, 0]))
    assert np.allclose(run(model, rows)[:, 1], booster.decision_function(rows), atol=1e-4)


def test_a_comparison_counts_as_one_multiply_accumulate(tmp_path):
    path = tmp_path / "trees.onnx"
    onnx.save(with_trees(features(), [DEEP, STUMP], 0.0), path)
    check_model(path, 10**6)
    found = count(path)
    assert found.macs == 3 + 2  # two comparisons and a leaf, one comparison and a leaf
    assert found.params == 2 * 3 + 5 + 1  # feature and threshold of branches, leaves, the zero
    assert found.params_nonzero == 2 * 3 + 4


def test_a_tree_that_leads_back_to_itself_is_refused(tmp_path):
    looped = DEEP.copy()
    looped[2]["left"] = 0
    path = tmp_path / "trees.onnx"
    onnx.save(with_trees(features(), [looped], 0.0), path)
    with pytest.raises(SlimbenchError, match="leads back to itself"):
        count(path)


def test_other_operators_of_that_domain_stay_refused(tmp_path):
    model = with_trees(features(), [STUMP], 0.0)
    model.graph.node[1].op_type = "Scaler"
    del model.graph.node[1].attribute[:]
    path = tmp_path / "scaler.onnx"
    onnx.save(model, path)
    with pytest.raises(UsageError, match="Scaler"):
        check_model(path, 10**6)
