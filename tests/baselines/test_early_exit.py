"""Early exit: each request gets the answer that it gets alone, whatever its batch."""

import numpy as np
import onnxruntime
import pytest
import torch

from baselines.fusion.early_exit import Early, combined
from harness.artifact.count import count
from harness.artifact.export import save, to_onnx
from harness.artifact.graph import takes_ways
from tasks.fraud_late_fusion.task import TASK

ROWS = 12


@pytest.fixture(scope="module")
def inputs():
    random = np.random.default_rng(0)
    return {
        "categories": random.integers(0, 4, (ROWS, 5)),
        "document": random.integers(0, 255, (ROWS, 256, 256)).astype(np.uint8),
        "events": random.integers(0, 16, (ROWS, 64)),
        "gaps": random.random((ROWS, 64)).astype(np.float32),
        "numbers": (9 * random.random((ROWS, 8))).astype(np.float32),
    }


@pytest.fixture(scope="module")
def graphs(inputs, tmp_path_factory):
    """The early part, the whole and their combination at the median margin, as files."""
    torch.manual_seed(0)
    whole = TASK.build(width=0.125, depth=0.5).eval()
    early = Early(whole, 2).eval()
    example = tuple(torch.from_numpy(array[:8]) for array in inputs.values())
    parts = [to_onnx(each, TASK.inputs, example) for each in (early, whole)]
    logits = early(*(torch.from_numpy(array) for array in inputs.values())).detach()
    limit = float((logits[:, 1] - logits[:, 0]).median()) + 1e-6
    folder = tmp_path_factory.mktemp("exit")
    names = ("early", "whole", "both")
    made = [*parts, combined(*parts, limit)]
    return {name: save(one, folder / f"{name}.onnx") for name, one in zip(names, made, strict=True)}


def run(path, inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return session.run(None, {name: inputs[name] for name in names})[0]


def test_decided_requests_get_the_early_answer_and_others_the_whole_one(graphs, inputs):
    early, whole, both = (run(graphs[name], inputs) for name in ("early", "whole", "both"))
    chosen = [np.allclose(both[row], whole[row], atol=1e-5) for row in range(ROWS)]
    assert 0 < sum(chosen) < ROWS
    for row in range(ROWS):
        assert np.allclose(both[row], whole[row] if chosen[row] else early[row], atol=1e-5)


def test_only_the_combination_takes_one_of_two_ways(graphs):
    assert [takes_ways(graphs[name]) for name in ("early", "whole", "both")] == [False, False, True]


def test_a_request_alone_gets_the_answer_that_it_gets_in_a_batch(graphs, inputs):
    both = run(graphs["both"], inputs)
    for row in range(ROWS):
        alone = run(graphs["both"], {name: array[[row]] for name, array in inputs.items()})
        assert np.allclose(alone[0], both[row], atol=1e-5)


def test_the_worst_case_is_counted(graphs):
    early, whole, both = (count(graphs[name]) for name in ("early", "whole", "both"))
    assert both.macs == early.macs + whole.macs
    assert both.params > whole.params
