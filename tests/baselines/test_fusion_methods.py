"""Parts of the methods over three modalities: odds, and what decides about an early exit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from baselines.fusion.boosted_trees import HandFeatures, training_data
from baselines.fusion.early_exit import threshold
from harness.odds import to_even_odds


class Margin(nn.Module):
    """A classifier whose margin is its only input."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(1, 2)
        self.classifier.weight.data = torch.tensor([[0.0], [1.0]])
        self.classifier.bias.data.zero_()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.classifier(values)


def problem(values: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
    return SimpleNamespace(batches=lambda _, count: iter([((values,), labels)] * count))


def test_logits_are_shifted_to_even_odds():
    model = Margin()
    labels = torch.tensor([0, 0, 0, 1])  # a model that knows nothing answers log(1/3)
    model.classifier.bias.data[1] = -np.log(3)
    to_even_odds(problem(torch.zeros(4, 1), labels), model)
    assert model(torch.zeros(1, 1)).squeeze().tolist() == pytest.approx([0, 0], abs=1e-6)


def test_the_threshold_is_a_quantile_of_honest_requests():
    values = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0], [100.0], [200.0]])
    labels = torch.tensor([0, 0, 0, 0, 0, 1, 1])
    assert threshold(problem(values, labels), Margin(), 0.5) == 3.0


def test_trees_know_which_requests_have_a_document():
    rows = 6
    document = torch.full((rows, 256, 256), 255, dtype=torch.uint8)
    document[:2, 0, 0] = 254
    inputs = (
        torch.zeros(rows, 5, dtype=torch.int64),
        document,
        torch.zeros(rows, 64, dtype=torch.int64),
        torch.zeros(rows, 64),
        torch.zeros(rows, 8),
    )
    labels = torch.tensor([1, 0, 0, 0, 0, 1])
    made = SimpleNamespace(
        occurrences=lambda _: np.array([rows * 64]),
        example=(None, None, torch.zeros(2, 64)),
        batches=lambda _, count: iter([(inputs, labels)]),
    )
    features, found, documents = training_data(made, HandFeatures((0, 1, 2)))
    assert len(features) == rows
    assert found.tolist() == labels.tolist()
    assert documents.tolist() == [True, True, False, False, False, False]
