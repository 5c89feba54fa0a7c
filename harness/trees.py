"""Boosted trees inside an ONNX graph: scikit-learn's histogram trees behind features made in it.

The trees read the features as float32; thresholds are rounded down to float32, which keeps every
comparison of float32 features as it is in float64.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

DOMAIN, OPERATOR, VERSION = "ai.onnx.ml", "TreeEnsembleRegressor", 3


def ensemble(trees: list[Any], base: float, inputs: str, output: str) -> onnx.NodeProto:
    """One node float32 (n, features) to (n, 1): `base` plus the leaf reached in each tree.

    `trees` are node arrays of scikit-learn's histogram gradient boosting, with the fields
    feature_idx, num_threshold, missing_go_to_left, left, right, is_leaf and value.
    """
    columns: dict[str, list[Any]] = defaultdict(list)
    for number, nodes in enumerate(trees):
        for place, node in enumerate(nodes):
            leaf = bool(node["is_leaf"])
            columns["nodes_treeids"].append(number)
            columns["nodes_nodeids"].append(place)
            columns["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            columns["nodes_featureids"].append(0 if leaf else int(node["feature_idx"]))
            columns["nodes_values"].append(0.0 if leaf else _down(float(node["num_threshold"])))
            columns["nodes_truenodeids"].append(0 if leaf else int(node["left"]))
            columns["nodes_falsenodeids"].append(0 if leaf else int(node["right"]))
            columns["nodes_missing_value_tracks_true"].append(int(node["missing_go_to_left"]))
            if leaf:
                columns["target_treeids"].append(number)
                columns["target_nodeids"].append(place)
                columns["target_ids"].append(0)
                columns["target_weights"].append(float(node["value"]))
    return helper.make_node(
        OPERATOR, [inputs], [output], domain=DOMAIN, n_targets=1, base_values=[base], **columns
    )


def _down(threshold: float) -> float:
    """The largest float32 that is not above the threshold."""
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))


def with_trees(features: onnx.ModelProto, trees: list[Any], base: float) -> onnx.ModelProto:
    """The graph of the features, then the trees: logits (n, 2) of 0 and the trees' sum."""
    graph = features.graph
    made = graph.output[0].name
    zero = numpy_helper.from_array(np.array(0, np.float32), "trees/zero")
    nodes = [
        *graph.node,
        ensemble(trees, base, made, "trees/margin"),
        helper.make_node("Mul", ["trees/margin", "trees/zero"], ["trees/other"]),
        helper.make_node("Concat", ["trees/other", "trees/margin"], ["logits"], axis=1),
    ]
    output = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 2])
    whole = helper.make_graph(
        nodes, "trees", list(graph.input), [output], [*graph.initializer, zero]
    )
    imports = [*features.opset_import, helper.make_opsetid(DOMAIN, VERSION)]
    model = helper.make_model(whole, opset_imports=imports)
    model.ir_version = features.ir_version
    onnx.checker.check_model(model)
    return model
