"""Parts of the methods on text, each against what it must be."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from baselines.architecture.linformer import LinformerAttention
from baselines.architecture.sparse_attention import BlockAttention
from baselines.architecture.text_cnn import TextCNN
from baselines.distillation import tinybert_distillation as tinybert
from baselines.factorization import embedding_factorization, svd_factorization
from baselines.pruning.layer_dropping import kept
from baselines.pruning.movement_pruning import Movement
from harness.recurrent import TextGRU
from tasks.models import bert

WIDTH, HEADS = 64, 2


def sentences() -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (3, 9), the second sentence of five tokens."""
    ids = torch.randint(1000, 1200, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return ids * mask, mask


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = bert.build(width=1 / 6, depth=1 / 3).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(4)
    return net


@pytest.mark.parametrize("network", [TextGRU, TextCNN])
def test_padding_changes_nothing_in_the_small_baselines(network):
    torch.manual_seed(0)
    model = network(nn.Embedding(1200, 8), 8, 2).eval()
    ids, mask = sentences()
    whole = model(ids, mask)
    longer = [nn.functional.pad(each, (0, 20)) for each in (ids, mask)]
    assert torch.allclose(model(*longer), whole, atol=1e-6)
    alone = model(ids[1:2, :5], mask[1:2, :5])
    assert torch.allclose(alone, whole[1:2], atol=1e-6)


def test_a_gru_reads_backward_from_the_last_token():
    torch.manual_seed(0)
    model = TextGRU(nn.Embedding(1200, 8), 8, 2).eval()
    both = nn.GRU(8, 8, batch_first=True, bidirectional=True)
    state = {f"{k}": v for k, v in model.onward.state_dict().items()}
    state |= {f"{k}_reverse": v for k, v in model.reverse.state_dict().items()}
    both.load_state_dict(state)
    ids = sentences()[0][:1]
    expected = model.classifier(both(model.vocabulary(ids))[0].amax(1))
    assert torch.allclose(model(ids, torch.ones_like(ids)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "keep", "which", "stay"),
    [
        (6, 4, "top", [0, 1, 2, 3]),
        (6, 3, "bottom", [3, 4, 5]),
        (6, 3, "alternate", [0, 2, 4]),
        (12, 8, "alternate", [0, 1, 2, 3, 4, 6, 8, 10]),  # Sajjad et al., even, 4 dropped
        (6, 2, "alternate", [0, 2]),
        (2, 1, "alternate", [0]),
    ],
)
def test_layers_that_stay(count, keep, which, stay):
    assert kept(count, keep, which) == stay


def test_all_ranks_are_the_layer_itself():
    torch.manual_seed(0)
    linear, inputs = nn.Linear(12, 8), torch.randn(200, 12)
    moment = (inputs.T @ inputs).double() / len(inputs)
    for given in (None, moment):
        assert torch.allclose(
            svd_factorization.factorized(linear, 8, given)(inputs), linear(inputs), atol=1e-4
        )


def test_knowing_the_inputs_loses_less_at_equal_rank():
    torch.manual_seed(0)
    linear = nn.Linear(12, 8)
    inputs = torch.randn(500, 12) * torch.logspace(-2, 1, 12)
    moment = (inputs.T @ inputs).double() / len(inputs)
    plain, aware = (
        (svd_factorization.factorized(linear, 3, given)(inputs) - linear(inputs)).norm()
        for given in (None, moment)
    )
    assert aware < 0.9 * plain


def test_padding_is_no_input_of_a_layer(model):
    ids, mask = sentences()
    found = []
    for extra in (0, 20):
        arrays = {
            name: np.pad(each.numpy(), ((0, 0), (0, extra)))
            for name, each in (("ids", ids), ("mask", mask))
        }
        problem = SimpleNamespace(calibration=lambda _, arrays=arrays: arrays, mask="mask")
        names = ["layers.0.intermediate.dense"]
        found.append(svd_factorization.input_moments(problem, model, names)[names[0]])
    assert torch.allclose(*found, atol=1e-5)


def test_attention_that_is_copied_is_that_before_the_softmax(model):
    ids, mask = sentences()
    taps = tinybert.Taps(model, [1])
    kept_weights = tinybert.Tap([model.layers[1].attention.self])
    model(ids, mask)
    bias = (mask[:, None, None, :] - 1) * 1e4
    expected = kept_weights.kept[0][1]  # (n, heads, t, t), after the softmax
    assert torch.allclose((taps.scores(0) + bias).softmax(-1), expected, atol=1e-5)
    assert torch.equal(taps.mask, mask)


def test_a_copy_errs_only_where_something_is():
    mine, theirs = torch.zeros(1, 3, 2), torch.tensor([[[1.0, 3.0], [0.0, 0.0], [9.0, 9.0]]])
    counts = torch.tensor([[[1], [1], [0]]])
    assert tinybert.error(mine, theirs, counts).item() == pytest.approx(10 / 4)
    assert tinybert.error(theirs, theirs, counts) == 0


def test_weights_of_the_lowest_scores_are_masked_and_scores_learn():
    weight = torch.tensor([1.0, -2.0, 3.0, 4.0], requires_grad=True)
    movement = Movement(weight)
    movement.scores.data = torch.tensor([0.1, 0.4, 0.2, 0.3])
    movement.drop(0.25, sampled=1)
    found = movement(weight)
    assert found.tolist() == [0.0, -2.0, 3.0, 4.0]
    found.sum().backward()
    assert movement.scores.grad.tolist() == [1.0, -2.0, 3.0, 4.0]  # gradient times weight


def test_before_anything_moved_the_smallest_weights_are_masked():
    weight = torch.tensor([1.0, -2.0, 3.0, -4.0])
    movement = Movement(weight)
    movement.drop(0.5, sampled=2)  # the threshold is that of 1 and 3
    assert movement(weight).tolist() == [0.0, 0.0, 3.0, -4.0]


def attention(model):
    """The model's own attention of its first layer, and a function of any that takes its place."""
    own = model.layers[0].attention.self
    hidden = torch.randn(2, 8, WIDTH, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(2, 8)
    mask[1, 6:] = 0
    return own, hidden, (mask[:, None, None, :] - 1) * 1e4


def test_one_block_is_dense_attention(model):
    own, hidden, bias = attention(model)
    dense = own(hidden, bias)[0]
    assert torch.allclose(BlockAttention(own, 8)(hidden, bias)[0], dense, atol=1e-5)


def test_blocks_see_their_neighbours_and_the_first(model):
    own, hidden, bias = attention(model)
    places = torch.arange(8) // 2
    near = (places[:, None] - places[None]).abs() <= 1
    seen = near | (places[None] == 0)
    dense = own(hidden, bias + (~seen).float() * -1e4)[0]
    assert torch.allclose(BlockAttention(own, 2)(hidden, bias)[0], dense, atol=1e-5)


def test_a_projection_to_as_many_tokens_is_dense_attention(model):
    own, hidden, _ = attention(model)
    none = torch.zeros(2, 1, 1, 8)
    found = LinformerAttention(own, 8, 8)(hidden, none)[0]
    assert torch.allclose(found, own(hidden, none)[0], atol=1e-5)


def test_all_features_are_the_embedding_itself(model):
    wanted = model.embeddings.word_embeddings.weight.detach().clone()
    problem = SimpleNamespace(
        reference=lambda: model, occurrences=lambda _: np.ones(100), finetune=lambda net: net
    )
    found = embedding_factorization.solve(problem, wanted.shape[1]).embeddings.word_embeddings
    ids = torch.arange(1000, 1100)
    assert torch.allclose(found(ids), wanted[ids], atol=1e-4)
