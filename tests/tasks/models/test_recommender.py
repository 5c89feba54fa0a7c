"""The click models: what is cached is exact, the deployed graph answers every request."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from harness import Input, retrieval
from harness.artifact.export import to_onnx
from harness.run.batches import Batches
from harness.run.compression import Problem
from harness.run.meter import Meter
from harness.types import Budget
from tasks.beauty_graph_recommendation.task import FUSIONS, TASK
from tasks.datasets import amazon
from tasks.models import clicks, recommender

SPLITS = amazon.generate(0)
CONTEXT = SPLITS["train"].context
ITEMS = int(CONTEXT["sizes"][1])
HISTORY = torch.from_numpy(SPLITS["test"].inputs["history"][:64].copy())


def model(fusion="gated", width=0.25):
    torch.manual_seed(0)
    net = recommender.build(CONTEXT, width=width, fusion=fusion).eval()
    with torch.no_grad():  # scores that differ clearly
        for parameter in net.parameters():
            parameter.mul_(4)
    return net


@pytest.mark.parametrize("fusion", FUSIONS)
def test_cached_item_vectors_are_exact(fusion):
    net = model(fusion)
    with torch.inference_mode():  # up to the order in which threads add up neighbours
        assert torch.allclose(net(HISTORY), net.cached()(HISTORY), rtol=1e-4, atol=1e-4)
        assert torch.equal(
            clicks.Ranked(net, 10)(HISTORY), clicks.Ranked(net.cached(), 10)(HISTORY)
        )
    assert not any("graph" in name for name, _ in net.cached().named_modules())
    assert net.items is not net.cached().items or fusion == "sequence"


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_vectors_of_some_items_are_those_of_the_whole_table(fusion):
    net = model(fusion)
    numbers = torch.tensor([0, 3, 7, 8, ITEMS])
    with torch.inference_mode():
        some = retrieval.rows(net.items, numbers)
        assert torch.allclose(some, net.items()[numbers], rtol=1e-4, atol=1e-5)


def test_groups_by_length_hold_every_sequence_once():
    lengths = torch.tensor([3, 50, 1, 8, 25, 7, 26, 0])
    groups = clicks.by_length(lengths)
    assert sorted(torch.cat(groups).tolist()) == list(range(8))
    assert [sorted(lengths[group].tolist()) for group in groups] == [
        [0, 1, 3],
        [7],
        [8],
        [25],
        [26, 50],
    ]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_last_position_alone_is_the_last_of_all(fusion):
    net = model(fusion).double()  # processors differ in how they round single precision
    with torch.inference_mode():
        table = net.items()
        whole = net.encode(HISTORY, table)[:, -1:]
        assert torch.allclose(whole, net.encode(HISTORY, table, last=True), atol=1e-5)


def test_padding_that_is_cut_off_changes_nothing():
    net = model()
    short = HISTORY[(HISTORY > 0).sum(1) < 12]
    with torch.inference_mode():
        assert torch.allclose(net(short), net(short[:, -12:]), atol=1e-5)


def test_a_later_click_does_not_reach_an_earlier_position():
    net = model()
    changed = HISTORY.clone()
    changed[:, -1] = changed[:, -1] % ITEMS + 1
    with torch.inference_mode():
        table = net.items()
        first, second = net.encode(HISTORY, table), net.encode(changed, table)
    assert torch.allclose(first[:, :-1], second[:, :-1], atol=1e-6)
    assert not torch.allclose(first[:, -1], second[:, -1], atol=1e-3)


@pytest.fixture(scope="module")
def session():
    """The deployed graph in ONNX Runtime and the torch model it was made from."""
    served = clicks.Ranked(model(), 10)
    graph = to_onnx(served, (Input("history", "int64", (50,)),), (HISTORY[:8],))
    return onnxruntime.InferenceSession(graph.SerializeToString()), served


def ask(session, history):
    return session[0].run(None, {"history": np.asarray(history, np.int64)})[0]


def test_onnx_agrees_with_torch(session):
    with torch.inference_mode():
        assert (ask(session, HISTORY) == session[1](HISTORY).numpy()).mean() > 0.99


def test_no_answer_is_in_the_history_or_padding(session):
    answers = ask(session, HISTORY)
    assert answers.min() >= 1
    assert answers.max() <= ITEMS
    assert not any(set(a) & set(h) for a, h in zip(answers.tolist(), HISTORY.tolist(), strict=True))


def test_an_empty_history_gets_ten_different_items(session):
    answer = ask(session, np.zeros((1, 50)))
    assert len(set(answer[0].tolist())) == 10


@pytest.mark.parametrize("unknown", [ITEMS + 1, 10**12, -3])
def test_an_unknown_item_counts_as_padding(session, unknown):
    history = np.zeros((1, 50), np.int64)
    history[0, -1] = 5
    strange = history.copy()
    strange[0, -2] = unknown
    assert ask(session, strange).tolist() == ask(session, history).tolist()


def test_an_isolated_item_can_be_clicked_and_has_a_finite_vector(session):
    linked = set(CONTEXT["item_attribute"][0].tolist())
    (isolated,) = set(range(1, ITEMS + 1)) - linked
    with torch.inference_mode():
        assert torch.isfinite(model().items()[isolated]).all()
    history = np.zeros((1, 50), np.int64)
    history[0, -1] = isolated
    assert isolated not in ask(session, history)[0]


class Constant(nn.Module):
    """Every item scores the same."""

    def __init__(self, catalogue):
        super().__init__()
        self.catalogue = catalogue

    def forward(self, history):
        return 0.0 * history[:, :1] + torch.zeros(self.catalogue + 1)


@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_equal_scores_go_by_the_renumbered_id_which_finds_no_more_than_chance():
    """Published ids tell what is popular, as they are numbered by first appearance."""
    random, number, sequences = np.random.default_rng(0), {}, []
    weights = 1 / np.arange(1, 601)
    for _ in range(2000):
        drawn = random.choice(600, 6, replace=False, p=weights / weights.sum()).tolist()
        sequences.append([number.setdefault(item, len(number) + 1) for item in drawn])
    count = len(number)
    test = amazon.splits(sequences, {item: [] for item in range(1, count + 1)})["test"]
    history = test.inputs["history"]
    served = clicks.Ranked(Constant(count), 10).eval()
    program = torch.onnx.export(served, (torch.from_numpy(history.copy()),), dynamo=True)
    ask = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    answers = ask.run(None, {"history": history})[0]

    def lowest(clicked):
        return [item for item in range(1, 60) if item not in clicked][:10]

    assert answers.tolist() == [lowest(clicked) for clicked in history.tolist()]
    hits = (answers == test.targets[:, :1]).any(1).mean()
    published = np.mean([items[-1] in lowest(items[:-1]) for items in sequences])
    assert published > 4 * 10 / count > 2 * hits


@pytest.fixture(scope="module")
def rows():
    """A model, histories, next items and the training rows that they make."""
    train = SPLITS["train"]
    history = torch.from_numpy(train.inputs["history"][:40])
    targets = torch.from_numpy(train.targets[:40]).long()
    net = model()
    with torch.inference_mode():
        return net, history, targets, clicks.examples(net, [history], targets)


def test_training_rows_are_all_positions_with_a_next_item(rows):
    _, _, targets, (logits, wanted) = rows
    assert logits.shape == (int((targets > 0).sum()), 1 + clicks.NEGATIVES)
    assert not wanted.any()


def test_a_training_row_has_the_score_that_is_served(rows):
    net, history, targets, (logits, _) = rows
    shift = np.log(ITEMS / clicks.NEGATIVES)
    with torch.inference_mode():
        served = net(history).gather(1, targets[:, -1:]) - shift
    nearest = (logits[:, :1] - served.T).abs().amin(0)
    assert nearest.max() < 1e-3 * logits.abs().max()


def test_the_right_item_is_masked_where_it_is_drawn(rows):
    _, _, _, (logits, _) = rows
    masked = (logits[:, 1:] == clicks.MASKED).sum(1)
    assert masked.float().mean() == pytest.approx(clicks.NEGATIVES / ITEMS, rel=0.1)
    assert not (logits[:, 0] == clicks.MASKED).any()


def test_every_model_of_a_batch_sees_the_same_negatives(rows):
    net, history, targets, (logits, _) = rows
    with torch.inference_mode():
        again, _ = clicks.examples(net, [history], targets)
    assert torch.allclose(again, logits, atol=1e-3 * float(logits[logits > -1e3].abs().max()))


def test_the_task_states_what_it_serves():
    assert TASK.output.shape == (10,)
    assert TASK.choices["fusion"] == FUSIONS


@pytest.mark.parametrize(("most", "epochs"), [(2, None), (2, 5), (5, 2)])
def test_training_passes_over_the_data_no_more_often_than_the_recipe_says(most, epochs):
    task = replace(TASK, recipe=replace(TASK.recipe, most_epochs=most))
    few = replace(
        SPLITS["train"],
        inputs={name: array[:32] for name, array in SPLITS["train"].inputs.items()},
        targets=SPLITS["train"].targets[:32],
    )
    meter = Meter(Budget(train_macs=1e12))
    posed = Problem(
        task=task,
        train_split=few,
        validation_split=SPLITS["validation"],
        trained=model(),
        shape={},
        meter=meter,
        seed=0,
        device=torch.device("cpu"),
    )
    steps = []
    posed.train(model(), epochs=epochs, after_step=lambda net, progress: steps.append(progress))
    assert len(steps) == 2 * Batches(few, task.recipe, torch.device("cpu"), 0).per_epoch
