"""Shared weights of one-shot search: every network of the space is made of leading slices."""

from copy import deepcopy
from random import Random
from types import SimpleNamespace

import torch

from baselines.search.one_shot import Supernet
from harness import registry

TASK = registry.find_task("sst2_bert_compression")


def test_networks_cut_out_of_a_bert_are_slices_of_its_shared_weights():
    torch.manual_seed(0)
    reference = TASK.build(width=1 / 3, depth=2 / 3).eval()
    reference.embeddings.requires_grad_(False)
    space = TASK.search.space
    parts = SimpleNamespace(reference=lambda: deepcopy(reference))
    problem = SimpleNamespace(space=space, network=lambda one: TASK.search.network(parts, one))
    supernet = Supernet(problem).eval()
    ids = torch.randint(1, 1000, (3, 12))
    inputs = (ids, torch.ones_like(ids))
    torch.testing.assert_close(supernet(*inputs), reference(*inputs))

    random = Random(0)
    for one in (space.sample(random) for _ in range(5)):
        candidate, cut = supernet.candidate(one), problem.network(one).eval()
        for name, parameter in candidate.named_parameters():
            assert torch.equal(parameter, cut.get_parameter(name)), (one, name)
    frozen = [each for each in supernet.parameters() if not each.requires_grad]
    assert len(frozen) == sum(not each.requires_grad for each in reference.parameters()) > 0
