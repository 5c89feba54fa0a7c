"""The one training loop: schedule, resume, budget."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from harness import data, registry
from harness.data import load_split, lookup
from harness.errors import DataError, OverBudgetError, SlimbenchError
from harness.run import reference
from harness.run.batches import Batches
from harness.run.meter import Meter, forward_macs
from harness.run.training import Options, affordable_steps, fit, schedule
from harness.types import Budget, Split


def test_the_schedule_rises_to_one_and_falls_to_the_last_step():
    factors = [schedule(step, 10, 0.2) for step in range(10)]
    assert factors[:3] == [0.5, 1.0, 8 / 9]
    assert factors[-1] == pytest.approx(1 / 9)


def test_batches_depend_on_seed_and_step_alone(digits):
    split = load_split(digits.data, "train")
    recipe = registry.find_task("mnist_mlp_microcontroller").recipe
    first, second = (Batches(split, recipe, torch.device("cpu"), seed=3) for _ in range(2))
    assert torch.equal(first[40][1], second[40][1])
    assert not torch.equal(first[40][1], first[41][1])
    epoch = torch.cat([first[step][1] for step in range(first.per_epoch)])
    assert torch.equal(epoch.bincount(), torch.tensor(split.targets.tolist()).bincount())


def test_sequences_of_like_length_share_a_batch_and_none_is_lost():
    task = registry.find_task("sst2_bert_compression")
    split = task.dataset.generate(0)["train"]
    batches = Batches(split, task.recipe, torch.device("cpu"), seed=3)
    epoch = [batches[step] for step in range(batches.per_epoch)]
    spread = [inputs[1].sum(1).float().std().item() for inputs, _ in epoch]
    assert max(spread) < 0.2 * split.inputs["mask"].sum(1).std()
    expected = torch.from_numpy(split.inputs["ids"])
    found = [functional.pad(ids, (0, expected.shape[1] - ids.shape[1])) for (ids, _), _ in epoch]
    assert torch.equal(torch.cat(found).sum(0), expected.sum(0))
    assert all(ids.shape[1] == mask.sum(1).max() for (ids, mask), _ in epoch)
    lengths = torch.stack([inputs[1].sum() for inputs, _ in epoch]).float()
    assert abs(torch.corrcoef(torch.stack([lengths, torch.arange(len(epoch))]))[0, 1]) < 0.5


def test_forward_macs_of_a_layer_are_inputs_times_outputs():
    assert forward_macs(nn.Linear(30, 7), (torch.zeros(1, 30),)) == 210


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (nn.LSTM(8, 16, batch_first=True, bidirectional=True), 2 * 5 * 4 * 16 * (8 + 16)),
        (nn.GRU(8, 16, batch_first=True), 5 * 3 * 16 * (8 + 16)),
        (nn.TransformerEncoderLayer(8, 2, 32, batch_first=True), 5 * 8 * 8 * 12 + 2 * 5 * 5 * 8),
    ],
    ids=["lstm", "gru", "transformer"],
)
def test_what_fused_kernels_would_hide_is_charged(layer, macs):
    assert forward_macs(layer, (torch.zeros(1, 5, 8),)) == macs


def test_spending_above_the_budget_raises_and_is_not_charged():
    meter = Meter(Budget(train_macs=100))
    meter.spend(90)
    with pytest.raises(OverBudgetError, match="above the budget"):
        meter.spend(20)
    assert meter.train_macs == 90


def test_a_loss_that_is_not_finite_ends_training(digits):
    task = registry.find_task("mnist_mlp_microcontroller")
    batches = Batches(load_split(digits.data, "train"), task.recipe, torch.device("cpu"), seed=0)
    model = task.build(width=0.125)
    next(model.parameters()).data.fill_(float("inf"))
    with pytest.raises(FloatingPointError, match="training loss is nan"):
        fit(model, batches, task.recipe, 30)


@pytest.mark.parametrize("name", ["cifar10_resnet_slimming", "mnist_mlp_microcontroller"])
def test_a_reference_that_was_interrupted_ends_as_if_it_had_not_been(name, tmp_path):
    task = registry.find_task(name)
    folder = data.store(task.dataset.generate(0), tmp_path / "data")
    options = {"epochs": 2, "shape": {"width": 0.0625}}
    whole = reference.train(task, folder, tmp_path / "whole", **options)

    class StopError(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("epoch 1"):
            raise StopError

    with pytest.raises(StopError):
        reference.train(task, folder, tmp_path / "cut", say=stop, **options)
    again = reference.train(task, folder, tmp_path / "cut", **options)
    first, second = (load_file(path.with_name(reference.WEIGHTS)) for path in (whole, again))
    for weight, tensor in first.items():
        assert torch.equal(tensor, second[weight]), weight


def test_a_reference_is_trained_by_its_own_recipe_where_the_task_has_one(tmp_path):
    task = registry.find_task("mnist_mlp_microcontroller")
    slower = replace(task.recipe, learning_rate=task.recipe.learning_rate / 8)
    folder = data.store(task.dataset.generate(0), tmp_path / "data")
    options = {"epochs": 1, "shape": {"width": 0.0625}}
    common, own = (
        json.loads(reference.train(changed, folder, tmp_path / name, **options).read_text())
        for name, changed in (("common", task), ("own", replace(task, reference_recipe=slower)))
    )
    assert common["recipe"]["learning_rate"] == 8 * own["recipe"]["learning_rate"]
    assert common["log"][-1]["loss"] < own["log"][-1]["loss"]


def test_a_checkpoint_of_another_schedule_is_refused(tmp_path):
    task = registry.find_task("mnist_mlp_microcontroller")
    folder = data.store(task.dataset.generate(0), tmp_path / "data")

    def stop(line: str) -> None:
        raise InterruptedError

    for epochs, raised, said in (
        (2, InterruptedError, None),
        (3, SlimbenchError, "made by another recipe .* delete it"),
    ):
        with pytest.raises(raised, match=said):
            shape = {"width": 0.0625}
            reference.train(task, folder, tmp_path, epochs=epochs, shape=shape, say=stop)


@pytest.mark.parametrize("name", sorted(registry.tasks()))
def test_a_recipe_can_be_written_down(name):
    task = registry.find_task(name)
    for recipe in filter(None, (task.recipe, task.reference_recipe)):
        assert "functools" not in json.dumps(reference.named(recipe))


@pytest.fixture
def pretrained_task():
    """MNIST with a reference whose first layer is given and frozen; `seed[0]` says which."""
    task = registry.find_task("mnist_mlp_microcontroller")
    given = [0]

    def build(**shape):
        model = task.build(width=0.0625)
        first = next(module for module in model.modules() if isinstance(module, nn.Linear))
        random = torch.Generator().manual_seed(given[0])
        first.weight.data.normal_(generator=random).mul_(0.05)
        first.weight.requires_grad_(False)
        return model

    return replace(task, build=build), given


def test_a_reference_ships_without_its_pretrained_weights(pretrained_task, tmp_path):
    task, given = pretrained_task
    folder = data.store(task.dataset.generate(0), tmp_path / "data")
    card = reference.train(task, folder, tmp_path / "reference", epochs=1)
    stored = load_file(card.with_name(reference.WEIGHTS))
    given_size = max(p.numel() for p in task.build().parameters())
    assert max(tensor.numel() for tensor in stored.values()) < given_size
    model = reference.load(task, card.parent, {}, {})
    again = reference.load(task, card.parent, {}, {})
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    given[0] = 1
    with pytest.raises(DataError, match=r"pretrained weights found .* are not those"):
        reference.load(task, card.parent, {}, {})


def test_a_reference_with_frozen_weights_resumes_as_if_it_had_not_stopped(
    pretrained_task, tmp_path
):
    task, _ = pretrained_task
    folder = data.store(task.dataset.generate(0), tmp_path / "data")
    whole = reference.train(task, folder, tmp_path / "whole", epochs=2)

    class StopError(Exception):
        pass

    def stop(line: str) -> None:
        raise StopError

    with pytest.raises(StopError):
        reference.train(task, folder, tmp_path / "cut", epochs=2, say=stop)
    again = reference.train(task, folder, tmp_path / "cut", epochs=2)
    first, second = (load_file(path.with_name(reference.WEIGHTS)) for path in (whole, again))
    for weight, tensor in first.items():
        assert torch.equal(tensor, second[weight]), weight


class Teacher(nn.Module):
    """Counts the examples that it is asked for; answers with the mean pixel."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def forward(self, images):
        self.asked += len(images)
        mean = images.float().mean((1, 2))[:, None]
        return mean @ torch.ones(1, 10, device=images.device)


def test_a_teacher_whose_answers_are_kept_is_asked_once_for_each_example(digits):
    task = registry.find_task("mnist_mlp_microcontroller")
    batches = Batches(load_split(digits.data, "train"), task.recipe, torch.device("cpu"), seed=0)
    teacher = Teacher()
    for step in range(3 * batches.per_epoch):
        inputs, _ = batches[step]
        soft = batches.soft(teacher, inputs)
        if step % 7 == 0:
            assert torch.equal(soft, Teacher()(*inputs))
    assert teacher.asked <= len(batches.targets)
    assert teacher.asked >= batches.per_epoch * batches.size


def test_kept_answers_are_charged_once_and_training_stops_at_the_most_steps(digits):
    task = registry.find_task("mnist_mlp_microcontroller")
    batches = Batches(load_split(digits.data, "train"), task.recipe, torch.device("cpu"), seed=0)
    model, teacher = task.build(width=0.125), task.build()
    example = tuple(tensor[:1] for tensor in batches.inputs)
    recipe = task.recipe
    once = forward_macs(teacher, example) * batches.size * batches.per_epoch
    step = 3 * forward_macs(model, example) * batches.size
    meter = Meter(Budget(train_macs=once + 10 * batches.per_epoch * step))
    kept = Options(teacher=teacher, keep_soft=True)
    steps, charge = affordable_steps(model, batches, recipe, kept, (meter, 1.0))
    assert steps == 10 * batches.per_epoch
    assert steps * charge == pytest.approx(meter.remaining())
    fewer, dearer = affordable_steps(model, batches, recipe, kept, (meter, 1.0), passes=2)
    assert fewer == 2 * batches.per_epoch
    assert fewer * dearer == pytest.approx(once + fewer * step)
    again, _ = affordable_steps(model, batches, recipe, Options(teacher=teacher), (meter, 1.0))
    assert again < steps


def test_kept_answers_are_to_the_examples_before_augmentation():
    task = registry.find_task("cifar10_resnet_slimming")
    split = task.dataset.generate(0)["train"]
    batches = Batches(split, task.recipe, torch.device("cpu"), seed=0)
    asked = []

    class Teacher(nn.Module):
        def forward(self, images):
            asked.append(images)
            return torch.zeros(len(images), 10)

    model = task.build(width=0.125)
    options = Options(teacher=Teacher(), keep_soft=True)
    fit(model, batches, task.recipe, batches.per_epoch + 1, options=options)
    first, _ = batches[0]
    assert torch.equal(asked[0], first[0])
    assert sum(len(images) for images in asked) <= len(split)


def test_where_the_recipe_makes_its_own_rows_the_teacher_is_asked_at_each_step(digits):
    task = registry.find_task("mnist_mlp_microcontroller")
    batches = Batches(load_split(digits.data, "train"), task.recipe, torch.device("cpu"), seed=0)
    asked = []

    def rows(model, inputs, targets):
        if model is teacher:
            asked.append(len(targets))
        return model(*inputs)[::2], targets[::2]

    recipe, teacher = replace(task.recipe, examples=rows), task.build()
    steps = batches.per_epoch + 2
    options = Options(teacher=teacher, keep_soft=True)
    fit(task.build(width=0.125), batches, recipe, steps, options=options)
    assert asked == [batches.size] * steps


def test_rows_that_are_looked_up_make_the_same_batches():
    random = torch.Generator().manual_seed(0)
    table = torch.randint(0, 255, (5, 4, 4), generator=random, dtype=torch.uint8).numpy()
    index = torch.randint(0, 5, (64,), generator=random).numpy()
    recipe = registry.find_task("mnist_mlp_microcontroller").recipe
    targets = index % 2
    both = [
        Batches(Split({"image": image}, targets), recipe, torch.device("cpu"), seed=1)
        for image in (table[index], lookup(table, index))
    ]
    for step in range(20):
        assert torch.equal(both[0][step][0][0], both[1][step][0][0])
