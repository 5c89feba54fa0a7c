import numpy as np
import pytest
from onnx import helper
from toy_models import chain

from harness.artifact.count import count
from harness.artifact.graph import read_graph
from harness.errors import UsageError
from harness.measure.many import random_inputs
from harness.measure.operators import Operator, cut, operators, write_operator
from harness.measure.predictor import (
    Predictor,
    fit_predictor,
    load_predictor,
    save_predictor,
    time_operators,
)
from harness.measure.profile import load_profile
from harness.measure.runtimes import onnxruntime

PROFILE = load_profile("ort-1t-xeon-amx")


def piece(key, kind="MatMul", macs=0):
    return Operator(key, kind, macs, 10, 2_000_000, 10, (0,))


def test_a_graph_is_cut_into_products_with_their_activations(models):
    path = models("m", chain(3))
    found = operators(path)
    assert [each.kind for each in found] == ["MatMul", "MatMul", "MatMul", "Identity"]
    assert len(found[0].nodes) == 2
    assert sum(each.macs for each in found) == count(path).macs


def test_equal_work_has_an_equal_key(models):
    first, second, third, _ = operators(models("m", chain(3)))
    assert first.key == second.key == third.key


def test_a_piece_runs_as_a_model_of_its_own(models, tmp_path):
    graph = read_graph(models("m", chain(2)))
    path = write_operator(cut(graph)[1], graph, tmp_path / "piece.onnx")
    (output,) = onnxruntime.load(path, 1)(random_inputs(path))
    assert output.shape == (1, 64)
    assert np.abs(output).max() <= 1


def test_a_known_operator_is_looked_up_and_combined_by_the_weights():
    predictor = Predictor("p", "0", {"a": 2.0, "b": 3.0}, {}, [1.0, 0.1, 0.5, 2.0, 0.25])
    latency = predictor.predict_operators([piece("a"), piece("b", macs=10**9)])
    assert latency == pytest.approx(2 + 3 + 0.1 * 2 + 0.5 * 4 + 2 * 1 + 0.25)


def test_an_unseen_shape_gets_its_kinds_regression():
    predictor = Predictor("p", "0", {}, {"MatMul": [1.0, 0.0, 0.0, 0.0, 0.0]})
    assert predictor.operator_ms(piece("new", macs=99)) == pytest.approx(100)


def test_an_unseen_kind_is_named():
    with pytest.raises(UsageError, match="never saw Conv"):
        Predictor("p", "0", {}, {}).operator_ms(piece("new", kind="Conv"))


def test_a_predictor_of_another_profile_is_refused(tmp_path):
    save_predictor(Predictor("p", "0" * 64, {}, {}), tmp_path / "p.json")
    with pytest.raises(UsageError, match="built for p"):
        load_predictor(tmp_path / "p.json", PROFILE)
    (tmp_path / "p.json").write_text("[]")
    with pytest.raises(UsageError, match="no latency predictor"):
        load_predictor(tmp_path / "p.json", PROFILE)


def test_a_predictor_orders_models_by_their_depth(models, tmp_path):
    paths = [models(f"m{depth}", chain(depth)) for depth in (8, 16, 32)]
    timed = time_operators(paths, paths[0], PROFILE)
    built = fit_predictor(timed, paths, [0.1, 0.2, 0.4], PROFILE)
    save_predictor(built, tmp_path / "p.json")
    predictor = load_predictor(tmp_path / "p.json", PROFILE)
    unseen = [predictor.predict(models(f"u{depth}", chain(depth))) for depth in (12, 24)]
    assert unseen == pytest.approx([0.15, 0.3], rel=0.1)


@pytest.mark.slow
def test_an_operator_without_a_batch_is_timed_whole(models):
    rows = helper.make_node("Transpose", ["h"], ["r"], perm=[1, 0])  # (64, 1)
    turned = helper.make_node("Softmax", ["r"], ["y"], axis=0)  # reads (64, 1)
    path = models("turned", chain(1, rows, turned))
    timed = {piece.kind: latency for piece, latency in time_operators([path], path, PROFILE)}
    assert timed["Softmax"] > 0


def test_random_inputs_fit_the_model(models):
    (array,) = random_inputs(models("m", chain(1))).values()
    assert array.shape == (1, 64)
    assert helper.np_dtype_to_tensor_dtype(array.dtype) == 1
