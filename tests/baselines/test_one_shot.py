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
    space = TASK.search.space
    parts = SimpleNamespace(reference=lambda: deepcopy(reference))
    random = Random(0)
    ids = torch.randint(1, 1000, (3, 12))
    inputs = (ids, torch.ones_like(ids))
    problem = SimpleNamespace(
        space=space,
        network=lambda one: TASK.search.network(parts, one),
        sample=lambda: space.sample(random),
        costs=lambda many, unit: np.array([macs_of(problem, one, inputs) for one in many]),
    )
    supernet = Supernet(problem).eval()
    supernet.charged = tuple(len(names) - 1 for names in space.choices)
    torch.testing.assert_close(supernet(*inputs), reference(*inputs))

    for one in (space.sample(random) for _ in range(5)):
        candidate, cut = supernet.candidate(one), problem.network(one).eval()
        for name, parameter in candidate.named_parameters():
            assert torch.equal(parameter, cut.get_parameter(name)), (one, name)
    frozen = [each for each in supernet.parameters() if not each.requires_grad]
    assert len(frozen) == sum(not each.requires_grad for each in reference.parameters()) > 0


def test_a_step_is_charged_what_a_random_network_computes():
    task = registry.find_task("cifar10_cell_networks")
    space, random = task.search.space, Random(0)
    parts = SimpleNamespace(reference=lambda: task.build(**task.smoke_shape))
    inputs = (torch.zeros(1, 3, 32, 32, dtype=torch.uint8),)
    problem = SimpleNamespace(
        space=space,
        network=lambda one: task.search.network(parts, one),
        sample=lambda: space.sample(random),
        costs=lambda many, unit: np.array([macs_of(problem, one, inputs) for one in many]),
    )
    charged = forward_macs(Supernet(problem), inputs)
    computed = np.mean([macs_of(problem, problem.sample(), inputs) for _ in range(200)])
    assert charged == pytest.approx(computed, rel=0.15)


def macs_of(problem, architecture, inputs):
    """What one network of the space computes for one example."""
    return forward_macs(problem.network(tuple(architecture)), inputs)
