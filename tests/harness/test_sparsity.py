"""Masks over weights: how many, which, and that they stay."""

import pytest
import torch
from torch import nn

from harness import sparsity


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))


def test_the_smallest_weights_go():
    layer = nn.Sequential(nn.Linear(4, 1, bias=False))
    layer[0].weight.data = torch.tensor([[0.1, -3.0, 0.2, -0.05]])
    assert sparsity.magnitude_masks(layer, {"0": 0.5})["0"].tolist() == [[False, True, True, False]]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_the_share_is_exact_in_each_layer(model, share):
    masks = sparsity.magnitude_masks(model, {"0": share, "2": share})
    for mask in masks.values():
        assert int((~mask).sum()) == round(share * mask.numel())


def test_layers_that_must_stay_are_not_prunable(model):
    assert set(sparsity.prunable(model, keep=("2",))) == {"0"}


def test_a_gradual_schedule_is_cubic_and_full_at_the_end_of_the_ramp(model):
    step = sparsity.gradual({"0": 0.8}, ramp=0.5)
    shares = []
    for progress in (0.05, 0.25, 0.5, 1.0):
        model[0].weight.data.normal_()  # training moves every weight
        step(model, progress)
        shares.append(float((model[0].weight == 0).float().mean()))
    by_hand = [0.8 * (1 - 0.9**3), 0.8 * (1 - 0.5**3), 0.8, 0.8]
    assert shares == pytest.approx(by_hand, abs=0.005)


def test_a_single_cut_is_there_from_the_first_step_and_its_places_stay(model):
    step = sparsity.gradual({"0": 0.6}, ramp=0)
    step(model, 0.01)
    places = model[0].weight == 0
    model[0].weight.data += 1.0
    step(model, 1.0)
    assert torch.equal(model[0].weight == 0, places)
    assert places.float().mean().item() == pytest.approx(0.6)
