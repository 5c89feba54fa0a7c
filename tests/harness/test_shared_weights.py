"""Search with shared weights: what is charged, who trains what, and the gradients of the papers."""

import math
from dataclasses import replace
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.search import darts, gdas, proxyless, shared_random_search
from harness import data, registry, shared_weights
from harness.errors import OverBudgetError, UsageError
from harness.run.compression import Problem
from harness.run.meter import Meter
from harness.run.trained_search import TrainedSearch
from harness.types import Budget

TASK = registry.find_task("cifar10_cell_networks")
NONE, SKIP, ONE, THREE, POOL = range(5)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The generated images' folder."""
    folder = tmp_path_factory.mktemp("images")
    data.store(TASK.dataset.generate(0), folder)
    return folder


@pytest.fixture
def search(images):
    """A search over cells with a budget of a few steps."""
    torch.manual_seed(0)
    problem = Problem(
        task=TASK,
        train_split=data.load_split(images, "train"),
        validation_split=data.load_split(images, "validation"),
        trained=TASK.build(**TASK.smoke_shape),
        shape=dict(TASK.smoke_shape),
        meter=Meter(Budget()),
        seed=0,
        device=torch.device("cpu"),
    )
    return TrainedSearch(problem, TASK.search, 2e9, "macs", random=Random(0))


def spent(search, call):
    """What a call charges."""
    before = search.training.meter.train_macs
    call()
    return search.training.meter.train_macs - before


def test_a_call_is_charged_for_the_choices_it_computes(search):
    shared = shared_weights.SharedWeights(search)
    inputs, _ = next(shared.training)
    cell = (THREE, SKIP, ONE, NONE, POOL, THREE)
    mix = shared_weights.one_hot(search, cell)
    alone, count = search.cost(cell), len(inputs[0])
    with torch.no_grad():
        assert spent(search, lambda: shared.net(mix, *inputs)) == pytest.approx(count * alone)
    kept = spent(search, lambda: shared.net(mix, images=inputs[0], active=mix != 0))
    assert kept == pytest.approx(3 * count * alone)
    every = torch.full_like(mix, 0.2)
    base, added = shared_weights.choice_costs(search)
    assert spent(search, lambda: shared.net(every, *inputs)) == pytest.approx(
        3 * count * (base + float(added.sum()))
    )
    only = torch.zeros_like(mix, dtype=torch.bool)
    assert spent(search, lambda: shared.net(every, *inputs, only)) == pytest.approx(
        3 * count * base
    )


def test_a_path_of_the_supernet_is_the_network_of_its_cell(search):
    shared = shared_weights.SharedWeights(search)
    (images,), _ = next(shared.training)
    cell = (THREE, ONE, SKIP, POOL, NONE, THREE)
    network = search.network(cell).train()
    weights = {name: one for name, one in network.named_parameters() if one.ndim != 1}
    ours = dict(shared.net.network.named_parameters())
    with torch.no_grad():
        for name, one in weights.items():
            before, edges, inside = name.partition(".edges.")
            if edges:
                edge, _, rest = inside.partition(".")
                number = ["0_1", "0_2", "1_2", "0_3", "1_3", "2_3"].index(edge)
                inside = f"{number}.{cell[number]}.{rest}"
            one.copy_(ours[before + edges + inside])
        network.classifier.bias.copy_(ours["classifier.bias"])
        expected = network(images)
        assert torch.allclose(shared.path(cell)(images), expected, atol=1e-4)


def test_each_half_of_the_images_has_its_own_batches(search):
    plain = replace(TASK.recipe, augment=None)
    search.training.task = replace(TASK, recipe=plain)
    images = search.training.train_split.inputs["image"]
    for half, batches in enumerate(search.halves(16)):
        own = {image.tobytes() for image in np.asarray(images[half::2])}
        for _ in range(10):
            (drawn,), targets = next(batches)
            assert len(drawn) == len(targets) == 16
            assert {image.numpy().tobytes() for image in drawn} <= own


def test_the_answer_so_far_is_kept_a_few_times_and_looked_up(search):
    search.budget = 1.0
    for share in np.linspace(0, 0.999, 500):
        search.training.meter.train_macs = share
        search.derive((SKIP,) * 6)
    assert len(search.report([(SKIP,) * 6])["derived"]) == 20
    with pytest.raises(UsageError, match="outside the space"):
        search.derive((9,) * 6)


def test_a_spent_budget_gives_no_more_batches(search):
    training, _ = search.halves(64)
    next(training)
    search.training.meter.train_macs = search.budget
    with pytest.raises(OverBudgetError, match="one more batch is above the budget"):
        next(training)


def test_a_dear_choice_loses_to_a_cheap_one_whatever_the_data_say(search, monkeypatch):
    monkeypatch.setattr(
        shared_weights.SharedWeights, "loss", lambda self, mix, batch, active=None: 0 * mix.sum()
    )
    monkeypatch.setattr(shared_weights.SharedWeights, "step", lambda self, mix, batch: None)
    spends = iter(range(10_000))
    monkeypatch.setattr(search, "progress", lambda: next(spends) / 4000)
    cell = proxyless.solve(search, 1.0)
    assert THREE not in cell
    assert search.cost(cell) < search.cost((ONE,) * 6)


def test_a_space_without_a_supernet_says_so(search):
    search.found = replace(search.found, supernet=None)
    with pytest.raises(UsageError, match="has no supernet"):
        search.halves(8)
    with pytest.raises(UsageError, match="has no supernet"):
        search.supernet()
    applies = registry.applies
    method = registry.find_method("darts")
    assert applies(method, TASK)
    assert not applies(method, registry.find_task("mnist_mlp_microcontroller"))
    assert not applies(method, registry.find_task("cifar10_resnet_slimming"))


METHODS = [
    (gdas.METHOD, 1),
    *(
        pytest.param(method, number, marks=pytest.mark.slow)
        for method, number in (
            (shared_random_search.METHOD, 0),
            *((darts.METHOD, number) for number in range(3)),
            (proxyless.METHOD, 2),
        )
    ),
]


@pytest.mark.parametrize(("method", "number"), METHODS)
def test_a_method_answers_and_repeats_itself(method, number, search, images):
    setting = {k: v for k, v in method.settings[number].items() if k != "limit"}
    answers = []
    for _ in range(2):
        torch.manual_seed(0)
        again = TrainedSearch(
            replace(search.training, meter=Meter(Budget())), TASK.search, 2e9, "macs"
        )
        again.random = Random(0)
        answers.append(method.solve(again, **setting))
        assert again.exhausted()
        assert again.qualities()
    assert answers[0] == answers[1]


def test_second_order_darts_is_the_derivative_of_the_loss_one_step_ahead(search):
    """Against central differences of the loss after the step of the weights, in float64.

    With smooth activations: across the kinks of ReLUs finite differences say little.
    """
    search.budget = 1e18  # so that the learning rate stands
    shared = shared_weights.SharedWeights(search)
    for module in list(shared.net.double().modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, torch.nn.Softplus())
    logits = shared_weights.first_logits(search).detach().double().requires_grad_()
    held = (next(shared.training), next(shared.held_out))
    found = darts._second_order(shared, logits, *held)
    weights = [one.detach().clone() for one in shared.parameters]

    def ahead(values):
        slopes = torch.autograd.grad(shared.loss(values.softmax(1), held[0]), shared.parameters)
        with torch.no_grad():
            for one, slope in zip(shared.parameters, slopes, strict=True):
                one.sub_(shared.rate() * (slope + shared_weights.DECAY * one))
        loss = shared.loss(values.softmax(1), held[1]).item()
        with torch.no_grad():
            for one, old in zip(shared.parameters, weights, strict=True):
                one.copy_(old)
        return loss

    for place in ((0, THREE), (5, SKIP), (3, POOL)):
        nudge = torch.zeros_like(logits)
        nudge[place] = 1e-4
        slope = (ahead(logits.detach() + nudge) - ahead(logits.detach() - nudge)) / 2e-4
        assert float(found[place]) == pytest.approx(slope, rel=1e-3)


def test_gates_get_the_gradient_of_equation_four():
    logits = torch.tensor([[0.3, -0.2, 0.9, 0.0]])
    two = torch.tensor([[True, False, True, False]])
    slope = torch.tensor([[2.0, 5.0, -1.0, 7.0]])
    p = torch.tensor([0.3, 0.9]).softmax(0)
    expected = p[0] * p[1] * (2.0 - -1.0)
    found = proxyless._through_gates(slope, two, logits)
    assert found.tolist()[0] == pytest.approx([float(expected), 0, -float(expected), 0])


def test_a_step_of_two_choices_leaves_the_chances_of_the_others():
    logits = torch.tensor([[0.3, -0.2, 0.9, 0.0]], requires_grad=True)
    adam = torch.optim.Adam([logits], 0.5, betas=(0.0, 0.999))
    before = logits.detach().softmax(1)
    logits.grad = torch.tensor([[1.0, 0.0, -1.0, 0.0]])
    adam.param_groups[0]["weight_decay"] = 0.1  # pulls at the others too
    two = torch.tensor([[True, False, True, False]])
    proxyless._step_of_two(adam, logits, two)
    after = logits.detach().softmax(1)
    assert after[0, [1, 3]].tolist() == pytest.approx(before[0, [1, 3]].tolist())
    assert after[0, 2] > before[0, 2]


def test_a_drawn_cell_that_carries_nothing_moves_no_decision(search):
    shared = shared_weights.SharedWeights(search)
    mix = shared_weights.one_hot(search, (NONE,) * 6).requires_grad_()
    assert not shared_weights.slope(shared.loss(mix, next(shared.training)), mix).any()


def test_the_cost_of_a_cell_is_the_sum_of_its_choices(search):
    base, added = shared_weights.choice_costs(search)
    cell = (THREE, ONE, NONE, POOL, THREE, SKIP)
    total = base + sum(float(added[place, choice]) for place, choice in enumerate(cell))
    assert total == pytest.approx(search.cost(cell))
    assert math.isclose(float(added[:, NONE].sum()), 0)


def test_a_choice_that_nothing_reads_alone_is_priced_where_it_is_read():
    def cost(cell, device):  # the second decision reads what the first one made
        if device == "macs":
            return 1 + sum(cell)
        return 1.0 + (2.0 * cell[0] * (cell[1] > 0) + 3.0 * cell[1])

    space = SimpleNamespace(choices=(("none", "one", "two"),) * 2)
    base, added = shared_weights.choice_costs(SimpleNamespace(space=space, cost=cost), "clock")
    assert added.tolist() == [[0, 2, 4], [0, 7, 10]]  # from 4 more to 10 more with the first one on
    assert base + 4 + 10 == cost((2, 2), "clock")
