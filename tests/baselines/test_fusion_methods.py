"""Parts of the methods over three modalities: odds, and what decides about an early exit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from baselines.fusion import branch_pruning
from baselines.fusion.boosted_trees import HandFeatures, training_data
from baselines.fusion.early_exit import threshold
from harness.odds import to_even_odds
from tasks.fraud_late_fusion.task import TASK


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


def requests_of_four() -> tuple[torch.Tensor, ...]:
    """Four requests as the task's networks take them."""
    return (
        torch.zeros(4, 5, dtype=torch.int64),
        torch.randint(0, 255, (4, 256, 256), dtype=torch.uint8),
        torch.randint(1, 9, (4, 64)),
        torch.rand(4, 64),
        torch.rand(4, 8),
    )


def test_each_branch_loses_its_own_share_and_keeps_its_vector():
    torch.manual_seed(0)
    model = TASK.build(width=0.5, fusion="gated").eval()
    whole = {name: tuple(each.shape) for name, each in model.named_parameters()}
    example = requests_of_four()
    problem = SimpleNamespace(example=example, keep=("classifier",))
    shares = {"table": 0.0, "log": 0.5, "image": 0.75}
    cut = branch_pruning.pruned(problem, model, shares)
    assert cut(*example).shape == (4, 2)
    found = {name: tuple(each.shape) for name, each in cut.named_parameters()}
    assert all(found[name] == whole[name] for name in whole if name.startswith("fusion"))
    assert all(found[name] == whole[name] for name in whole if name.startswith("table"))
    assert found["log.layers.0.weight"][0] == whole["log.layers.0.weight"][0] / 2
    assert found["image.encoder.1.0.weight"][0] == whole["image.encoder.1.0.weight"][0] / 4
    for branch in shares:
        last = branch_pruning.layers_of(model, branch)[-1]
        assert found[f"{last}.weight"][0] == model.features


def test_what_is_left_of_the_branches_is_taught_by_the_whole_model():
    asked = []

    def finetune(model, **options):
        asked.append((model, options))
        return model

    problem = SimpleNamespace(
        example=requests_of_four(),
        keep=("classifier",),
        build=lambda **shape: TASK.build(**shape | {"width": 0.5}),
        train=lambda model, share: model.eval(),
        finetune=finetune,
    )
    branch_pruning.solve(problem, table=0.0, log=0.0, image=0.5)
    left = branch_pruning.solve(problem, table=0.0, log=0.0, image=0.5, taught=True)
    (_, plain), (student, options) = asked
    assert plain == {}
    assert student is left
    sizes = [sum(p.numel() for p in one.parameters()) for one in (options["teacher"], student)]
    assert sizes[0] > 1.2 * sizes[1]


def test_layers_of_one_name_play_one_role_at_every_depth():
    space = TASK.search.space
    sizes = [len(names) for names in space.choices]
    roles: dict[str, set[tuple[bool, int]]] = {}
    for depth in range(sizes[3]):
        model = TASK.search.network(None, (1, 1, 1, depth, 2))
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                halves = getattr(module, "stride", (1,))[0] == 2
                outputs = module.weight.shape[0]
                roles.setdefault(name, set()).add((halves, outputs))
    assert all(len(found) == 1 for found in roles.values()), roles
    assert "image.encoder.layers.down4_0.0" in roles
