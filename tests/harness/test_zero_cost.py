"""Zero-cost proxies on networks small enough to work out by hand."""

import math
from collections import OrderedDict

import pytest
import torch
from torch import nn

from harness import zero_cost


def linear(*rows):
    """A linear layer without bias and with these weights."""
    layer = nn.Linear(len(rows[0]), len(rows), bias=False)
    layer.weight.data = torch.tensor(rows, dtype=torch.float32)
    return layer


def test_synflow_is_the_sum_over_layers_of_the_flow_through_absolute_weights():
    network = nn.Sequential(linear([1.0, -2.0], [3.0, 1.0]), linear([-1.0, 2.0]))
    # (1 + 2) x 1 + (3 + 1) x 2 = 11 flows through each of the two layers
    assert zero_cost.synflow(network, (2,)) == pytest.approx(22)


def test_synflow_skips_normalisation():
    plain = nn.Conv2d(1, 1, 1, bias=False)
    plain.weight.data.fill_(-3.0)
    norm = nn.BatchNorm2d(1)
    norm.running_var.fill_(100.0)
    assert zero_cost.synflow(nn.Sequential(plain, norm.eval()), (1, 1, 1)) == pytest.approx(3)


def test_naswot_counts_the_units_on_which_two_images_agree():
    network = nn.Sequential(linear([1.0, 0.0], [0.0, 1.0], [1.0, 1.0]), nn.ReLU())
    images = torch.tensor([[1.0, -2.0], [1.0, 1.0]])  # codes 100 and 111
    with zero_cost.agreement(network, 2) as kernel:
        network(images)
    assert kernel.tolist() == [[3, 1], [1, 3]]
    assert zero_cost.naswot(kernel) == pytest.approx(math.log(8))
    assert zero_cost.naswot(torch.ones(2, 2).double()) == -math.inf


def test_jacov_prefers_images_whose_gradients_do_not_correlate():
    torch.manual_seed(0)
    images = torch.randn(4, 50, requires_grad=True)
    apart, alike = (images**2).sum(1), images.sum(1)
    assert zero_cost.jacov(apart, images) > zero_cost.jacov(alike, images)
    # eigenvalues 4, 0, 0, 0 of four gradients that are the same
    least = -(math.log(4 + 1e-5) + 1 / (4 + 1e-5) + 3 * (math.log(1e-5) + 1e5))
    assert zero_cost.jacov(alike, images) == pytest.approx(least, rel=1e-6)


def test_grad_norm_and_snip_read_the_gradients_of_the_weights():
    network = nn.Sequential(linear([3.0, -4.0]))
    network(torch.tensor([[2.0, 1.0]])).sum().backward()
    assert zero_cost.grad_norm(network) == pytest.approx(math.sqrt(5))
    assert zero_cost.snip(network) == pytest.approx(3 * 2 + 4 * 1)


def test_zen_undoes_the_scale_of_normalisation():
    torch.manual_seed(0)
    layer, norm = nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1)
    layer.weight.data.fill_(1.0)
    score = zero_cost.zen(nn.Sequential(layer, norm), (512, 1, 4, 4))
    # a weight w moves an image by |0.01 w| E|N(0, 1)| a pixel; 1 / (w sd) of norm is undone
    expected = math.log(0.01 * 16 * math.sqrt(2 / math.pi)) + math.log(abs(layer.weight.item()))
    assert score == pytest.approx(expected, abs=0.05)


def test_every_proxy_is_scored_timed_and_repeats_itself():
    def build():
        torch.manual_seed(0)
        features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
        return nn.Sequential(OrderedDict(features=features, head=head))

    torch.manual_seed(1)
    images, labels = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 3])
    values, seconds = zero_cost.score(build, images, labels)
    assert tuple(values) == tuple(seconds) == zero_cost.PROXIES
    assert all(math.isfinite(one) for one in values.values())
    assert min(seconds.values()) > 0
    assert zero_cost.score(build, images, labels)[0] == values
    assert images.grad is None
