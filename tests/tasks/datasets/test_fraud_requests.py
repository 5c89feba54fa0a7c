"""Bad input: what is packed as missing, what is refused, and what the network makes of both."""

import numpy as np
import onnxruntime
import pytest
import torch

import leaderboard
from harness.errors import DataError
from tasks.datasets.fraud_documents import BLANK
from tasks.datasets.fraud_requests import pack
from tasks.models import fusion

TRANSACTION = {
    "amount": 12.5,
    "hour": 13.0,
    "gap": 900.0,
    "count": 2,
    "usual_amount": 20.0,
    "account_age": 400,
    "distance": 3.0,
    "limit_used": 0.3,
    "merchant": 3,
    "country": 1,
    "device": 2,
    "channel": 1,
    "currency": 1,
}
LOG = [("login", 0.0), ("view", 3.5), ("pay", 12.0)]
DOCUMENT = np.full((256, 256), 230, np.uint8)


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return {name: fusion.build(**shape).eval() for name, shape in SHAPES.items()}


SHAPES = {"monolith": {}, "late fusion": {"width": 0.125}}
PUBLISHED = ("fusion_distillation", "early_exit", "boosted_trees")  # rows whose artifacts are kept


@pytest.fixture(scope="module")
def artifacts():
    """An ONNX Runtime session of a stored artifact of each method."""
    board = leaderboard.load()
    found = {}
    for run in board.records("fraud_late_fusion").runs:
        path = board.artifact_of("fraud_late_fusion", run.artifact_sha256 or "none")
        if run.method.name in PUBLISHED and path is not None:
            found[run.method.name] = onnxruntime.InferenceSession(path.read_bytes())
    return found


def logits(network, request):
    if isinstance(network, onnxruntime.InferenceSession):
        return torch.from_numpy(network.run(None, dict(request))[0])
    with torch.inference_mode():
        return network(*(torch.from_numpy(array) for array in request.values()))


@pytest.mark.parametrize("name", [*SHAPES, *PUBLISHED])
@pytest.mark.parametrize(
    "change",
    [
        {"transaction": None},
        {"log": None},
        {"document": None},
        {"log": []},
        {"transaction": TRANSACTION | {"amount": float("nan")}},
        {"transaction": TRANSACTION | {"merchant": 999}},
        {"transaction": TRANSACTION | {"merchant": "a shop"}},
        {"transaction": TRANSACTION | {"merchant": None}},
        {"transaction": TRANSACTION | {"country": -1}},
        {"transaction": TRANSACTION | {"amount": 1e30}},
        {"log": [("view", 1.0)] * 100_000},
        {"log": [("teleport", 1.0)]},
        {"log": [("view", 1e300)]},
    ],
)
def test_a_request_with_a_hole_gets_a_finite_answer(name, change, networks, artifacts):
    request = {"transaction": TRANSACTION, "log": LOG, "document": DOCUMENT} | change
    known = networks | artifacts
    if name not in known:
        pytest.skip(f"no artifact of {name} is stored here")
    assert torch.isfinite(logits(known[name], pack(**request))).all()


def test_a_number_that_is_a_word_is_refused():
    with pytest.raises(DataError, match="amount is 'twelve', not a number; give NaN"):
        pack(TRANSACTION | {"amount": "twelve"}, LOG, DOCUMENT)


def test_the_order_of_packed_inputs_is_that_of_the_task():
    from tasks.fraud_late_fusion.task import TASK

    packed = pack(TRANSACTION, LOG, DOCUMENT)
    assert list(packed) == [each.name for each in TASK.inputs]
    for each in TASK.inputs:
        assert packed[each.name].shape[1:] == each.shape
        assert packed[each.name].dtype == each.dtype


def test_raw_values_out_of_range_count_as_unknown_inside_the_network(networks):
    good = pack(TRANSACTION | {"merchant": 0}, LOG, DOCUMENT)
    bad = {name: array.copy() for name, array in good.items()}
    bad["categories"][0, 0] = 10**12
    for network in networks.values():
        assert torch.equal(logits(network, good), logits(network, bad))
    bad["gaps"][0, 1] = np.nan
    assert torch.isfinite(logits(networks["monolith"], bad)).all()


def test_of_a_long_log_the_newest_events_are_kept():
    packed = pack(TRANSACTION, [("help", 1.0)] * 99_999 + [("pay", 2.0)], DOCUMENT)
    assert packed["events"].shape == (1, 64)
    assert packed["events"][0, -1] == 13
    assert packed["gaps"][0, -1] == 2


def test_a_missing_document_is_blank_and_leaves_the_image_out(networks):
    packed = pack(TRANSACTION, LOG, None)
    assert (packed["document"] == BLANK).all()
    network = networks["late fusion"]
    assert (network.image(torch.from_numpy(packed["document"])) == 0).all()


@pytest.mark.parametrize("shape", [(255, 256), (256, 256, 3), (1024, 1024)])
def test_an_image_of_another_size_is_refused(shape):
    with pytest.raises(DataError, match=r"not uint8 \(256, 256\) grey; scale it"):
        pack(TRANSACTION, LOG, np.zeros(shape, np.uint8))


def test_an_image_of_other_numbers_is_refused():
    with pytest.raises(DataError, match="a document is float64"):
        pack(TRANSACTION, LOG, np.zeros((256, 256)))


def test_a_column_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match=r"has no column \['colour'\]"):
        pack(TRANSACTION | {"colour": 1}, LOG, DOCUMENT)


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_an_event_before_the_one_before_is_refused(seconds):
    with pytest.raises(DataError, match="event 1 of the log came"):
        pack(TRANSACTION, [("login", 0.0), ("view", seconds)], DOCUMENT)


def test_blank_rows_are_left_out_of_large_batches_with_equal_outputs(networks):
    network = networks["late fusion"]
    random = np.random.default_rng(0)
    documents = random.integers(0, 255, (12, 256, 256)).astype(np.uint8)
    documents[[0, 3, 4, 11]] = BLANK
    with torch.inference_mode():
        whole = network.image(torch.from_numpy(documents))
        single = [network.image(torch.from_numpy(documents[[row]])) for row in range(12)]
    assert torch.allclose(whole, torch.cat(single), atol=1e-5)
