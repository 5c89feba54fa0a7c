"""Shared weights of one-shot search: every network of the space is made of leading slices."""

from copy import deepcopy
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.search.one_shot import Supernet
from harness import registry
from harness.run.meter import forward_macs

TASK = registry.find_task("sst2_bert_compression")


def test_networks_cut_out_of_a_bert_are_slices_of_its_shared_weights():
    torch.manual_seed(0)
    reference = TASK.build(width=1 / 3, depth=2 / 3).eval()
    reference.embeddings.requires_grad_(False)
    ids = torch.randint(1, 1000, (3, 12))
    inputs = (ids, torch.ones_like(ids))
    problem = problem_of(TASK, lambda: deepcopy(reference), inputs)
    supernet = Supernet(problem).eval()
    supernet.charged = tuple(len(names) - 1 for names in TASK.search.space.choices)
    torch.testing.assert_close(supernet(*inputs), reference(*inputs))

    for one in (problem.sample() for _ in range(5)):
        candidate, cut = supernet.candidate(one), problem.network(one).eval()
        for name, parameter in candidate.named_parameters():
            assert torch.equal(parameter, cut.get_parameter(name)), (one, name)
    frozen = [each for each in supernet.parameters() if not each.requires_grad]
    assert len(frozen) == sum(not each.requires_grad for each in reference.parameters()) > 0


@pytest.mark.slow
def test_a_step_is_charged_what_a_random_network_computes():
    task = registry.find_task("cifar10_cell_networks")
    inputs = (torch.zeros(1, 3, 32, 32, dtype=torch.uint8),)
    problem = problem_of(task, lambda: task.build(**task.smoke_shape), inputs)
    charged = forward_macs(Supernet(problem), inputs)
    computed = problem.costs([problem.sample() for _ in range(200)], "macs").mean()
    assert charged == pytest.approx(computed, rel=0.15)


def problem_of(task, reference, inputs):
    """The part of a Search problem that a supernet needs."""
    random = Random(0)
    parts = SimpleNamespace(reference=reference)
    return SimpleNamespace(
        space=task.search.space,
        network=lambda one: task.search.network(parts, one),
        sample=lambda: task.search.space.sample(random),
        costs=lambda many, unit: np.array([macs_of(task, parts, one, inputs) for one in many]),
    )


def macs_of(task, parts, architecture, inputs):
    """What one network of the space computes for one example."""
    return forward_macs(task.search.network(parts, tuple(architecture)), inputs)
