"""Cutting heads, neurons and vocabulary of a BERT encoder."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness import transformer
from tasks.models import bert


@pytest.fixture
def model():
    torch.manual_seed(0)
    return bert.build(width=1 / 3, depth=1 / 3).eval()  # 2 layers of 4 heads


@pytest.fixture
def sentences():
    torch.manual_seed(1)
    return torch.randint(1000, 1100, (5, 12)), torch.ones(5, 12, dtype=torch.int64)


def test_a_head_whose_gate_is_zero_can_be_cut(model, sentences):
    with torch.no_grad():
        with transformer.gates(model) as gates:
            gates[0][0][2] = 0.0
            gated = model(*sentences)
        transformer.keep_heads(model.layers[0], torch.tensor([0, 1, 3]))
        assert torch.allclose(model(*sentences), gated, atol=1e-5)
    assert model.layers[0].attention.self.query.weight.shape == (96, 128)


def test_a_neuron_whose_gate_is_zero_can_be_cut(model, sentences):
    kept = torch.tensor([n for n in range(512) if n not in (3, 400)])
    with torch.no_grad():
        with transformer.gates(model) as gates:
            gates[1][1][[3, 400]] = 0.0
            gated = model(*sentences)
        transformer.keep_neurons(model.layers[1], kept)
        assert torch.allclose(model(*sentences), gated, atol=1e-5)


def test_the_gates_leave_the_model_as_it_was(model, sentences):
    before = model(*sentences)
    with transformer.gates(model):
        pass
    assert torch.equal(model(*sentences), before)


def test_gate_scores_are_the_mean_of_absolute_gradients(model, sentences):
    """Against the derivative taken by a finite difference of one gate."""
    targets = torch.tensor([0, 1, 0, 1, 1])
    problem = SimpleNamespace(
        batches=lambda model, count: [(sentences, targets)] * count,
        loss=lambda model, inputs, targets: torch.nn.functional.cross_entropy(
            model(*inputs), targets
        ),
    )
    scores = transformer.gate_scores(problem, model, batches=2, power=1)

    def loss(value):
        with torch.no_grad(), transformer.gates(model) as gates:
            gates[1][0][1] = value
            return torch.nn.functional.cross_entropy(model(*sentences), targets).item()

    assert scores[1][0][1].item() == pytest.approx(abs(loss(1.05) - loss(0.95)) / 0.1, rel=0.02)


def test_the_most_frequent_tokens_and_the_marks_are_kept():
    seen = np.zeros(300, np.int64)
    seen[[150, 200, 250]] = 5, 9, 7
    problem = SimpleNamespace(occurrences=lambda name: seen.copy())
    assert transformer.frequent(problem, 6).tolist() == [0, 100, 101, 102, 200, 250]
    assert transformer.frequent(problem, 99).tolist() == [0, 100, 101, 102, 150, 200, 250]


def test_a_smaller_vocabulary_maps_other_words_to_unknown(model):
    problem = SimpleNamespace(
        occurrences=lambda name: np.bincount([1005] * 3 + [1007], minlength=30522),
        example=(torch.zeros(1, 64),),
    )
    known = torch.tensor([[101, 1005, 1007, 102]])
    odd = torch.tensor([[101, 1005, 2500, 102]])
    unknown = torch.tensor([[101, 1005, transformer.UNKNOWN, 102]])
    mask = torch.ones_like(known)
    with torch.no_grad():
        before, as_unknown = model(known, mask), model(unknown, mask)
        transformer.prune_vocabulary(problem, model, 6)
        assert torch.allclose(model(known, mask), before, atol=1e-6)
        assert torch.allclose(model(odd, mask), as_unknown, atol=1e-6)
    assert model.embeddings.word_embeddings.rows.weight.shape == (6, 128)
    assert model.embeddings.position_embeddings.weight.shape == (64, 128)


def test_principal_axes_go_by_what_occurs():
    vectors = torch.tensor([[9.0, 0.0], [0.0, 2.0]])
    first = transformer.principal_axes(vectors, np.array([0, 0]))[0].abs()
    assert torch.allclose(first, torch.tensor([1.0, 0.0]))
    first = transformer.principal_axes(vectors, np.array([0, 99]))[0].abs()
    assert torch.allclose(first, torch.tensor([0.0, 1.0]))
