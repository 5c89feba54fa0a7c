"""Parts of the methods on clicks, each against what it must be."""

import numpy as np
import pytest
import torch

from baselines.architecture.approximate_top_k import Clustered, equal_clusters
from baselines.architecture.graphsage_mean import MeanOfClicks
from baselines.architecture.gru4rec import Recurrent
from baselines.architecture.item_knn import TIES, Neighbours, nearest
from baselines.architecture.lightgcn import SmoothedItems
from baselines.architecture.online_graph import sampled
from baselines.architecture.popularity import MostClicked
from baselines.architecture.stale_cache import Known
from baselines.factorization.hashed_embeddings import Hashed
from baselines.quantization.product_quantization import ProductQuantized, Reranked, k_means
from harness.retrieval import Projected, Recent, Table, principal, without
from tasks.datasets import amazon
from tasks.models import clicks, recommender

SPLITS = amazon.generate(0)
CONTEXT = SPLITS["train"].context
ITEMS = int(CONTEXT["sizes"][1])
HISTORY = torch.from_numpy(SPLITS["test"].inputs["history"][:64].copy())


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = recommender.build(CONTEXT, width=0.25, fusion="sequence").eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(4)
    return net


def test_cosine_neighbours_are_those_worked_by_hand():
    # Users 0 and 1 clicked items 1 and 2; user 2 clicked items 2 and 3.
    clicked = np.array([[0, 0, 1, 1, 2, 2], [1, 2, 1, 2, 2, 3]])
    ids, cosines = nearest(clicked, (3, 4), 2)
    assert ids[1, 0] == 2
    assert cosines[1].tolist() == pytest.approx([2 / (2**0.5 * 3**0.5), 0.0])
    assert ids[2].tolist() == [1, 3]
    assert cosines[2].tolist() == pytest.approx([2 / 6**0.5, 1 / 3**0.5])


def test_neighbour_scores_fall_with_age():
    ids, cosines = np.array([[0], [2], [3], [1]]), np.array([[0], [1], [1], [1]], np.float32)
    scores = Neighbours(ids, cosines, np.arange(4), 0.5)(torch.tensor([[0, 1, 2]]))
    assert scores[0].tolist() == pytest.approx([0.0, 0.0, 0.5, 1.0], abs=2 * TIES)


def test_items_as_near_go_by_clicks():
    none = np.zeros((4, 1))
    scores = Neighbours(none.astype(int), none.astype(np.float32), np.array([0, 5, 9, 5]), 0.5)(
        torch.tensor([[0, 0, 1]])
    )
    assert scores[0].argsort(descending=True).tolist() == [2, 3, 1, 0]


def test_the_most_clicked_items_lead_and_ties_have_an_order():
    scores = MostClicked(np.array([0, 2, 7, 2]))(torch.tensor([[1], [2]]))
    assert scores.argsort(descending=True).tolist() == [[2, 1, 3, 0]] * 2


def test_smoothed_items_are_the_mean_of_own_and_neighbours_vectors():
    # One user clicked items 1 and 2: both pass on half of each to both.
    table = SmoothedItems(np.array([[0, 0], [1, 2]]), (1, 3), layers=1)
    with torch.no_grad():
        own = table.own.clone()
        found = table()
    assert torch.allclose(found[1], (own[1] + (own[1] + own[2]) / 2) / 2)
    assert torch.allclose(found[0], own[0] / 2)


@pytest.mark.parametrize("kind", ["mean", "recurrent"])
def test_other_encoders_serve_what_they_train_on(kind):
    torch.manual_seed(0)
    table = Table(torch.randn(ITEMS + 1, 16))
    net = MeanOfClicks(table, ITEMS, 0.7) if kind == "mean" else Recurrent(ITEMS, 16)
    net.eval()
    with torch.inference_mode():
        weight = net.items()
        every, last = net.encode(HISTORY, weight), net.encode(HISTORY, weight, last=True)
        assert torch.allclose(every[:, -1:], last, atol=1e-5)
        short = HISTORY[(HISTORY > 0).sum(1) < 12]
        assert torch.allclose(net(short), net(short[:, -12:]), atol=1e-4)


def test_a_sample_keeps_at_most_so_many_edges_into_a_node():
    edges = torch.tensor([[0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 2]])
    kept = sampled(edges, 2)
    assert kept[1].bincount().tolist() == [2, 2, 1]
    assert set(map(tuple, kept.T.tolist())) <= set(map(tuple, edges.T.tolist()))


def test_k_means_finds_two_clouds():
    torch.manual_seed(0)
    points = torch.cat([torch.randn(40, 2) / 50, 5 + torch.randn(40, 2) / 50])
    centres, nearest_one = k_means(points, 2)
    assert sorted(round(float(c), 0) for c in centres[:, 0]) == [0.0, 5.0]
    assert len(set(nearest_one[:40].tolist())) == len(set(nearest_one[40:].tolist())) == 1


def test_product_codes_of_few_items_are_exact():
    table = torch.randn(100, 8)
    assert torch.allclose(ProductQuantized(table, 4)(), table, atol=1e-5)


def test_reranking_all_candidates_is_the_exact_ranking(model):
    exact = model.items().detach()
    with torch.inference_mode():
        wanted = clicks.Ranked(model, 10)(HISTORY)
        coarse = recommender.build(CONTEXT, width=0.25, fusion="sequence").eval()
        coarse.load_state_dict(model.state_dict())
        found = clicks.Ranked(Reranked(coarse, exact, ITEMS), 10)(HISTORY)
    assert (found == wanted).float().mean() > 0.99  # half precision


def test_clusters_are_equal_and_hold_every_item_once():
    torch.manual_seed(0)
    _, members = equal_clusters(torch.randn(41, 4), 4)
    assert members.shape == (4, 10)
    assert sorted(members.flatten().tolist()) == list(range(1, 41))


def test_probing_every_cluster_is_the_exact_ranking(model):
    with torch.inference_mode():
        wanted = clicks.Ranked(model, 10)(HISTORY)
        found = clicks.Ranked(Clustered(model, 4, 4), 10)(HISTORY)
    assert torch.equal(found, wanted)


def test_clicks_that_go_leave_no_gap():
    history = torch.tensor([[0, 0, 4, 5, 6], [1, 2, 3, 4, 5], [0, 0, 0, 0, 5]])
    left = without(history, (history == 5) | (history == 1))
    assert left.tolist() == [[0, 0, 0, 4, 6], [0, 0, 2, 3, 4], [0, 0, 0, 0, 0]]


def test_an_item_that_a_stale_cache_lacks_is_as_if_never_clicked(model):
    unknown = torch.zeros(ITEMS + 1, dtype=torch.bool)
    unknown[7] = True
    stale = Known(model, unknown)
    strange = torch.tensor([[0] * 46 + [3, 7, 5, 7]])
    plain = torch.tensor([[0] * 48 + [3, 5]])
    with torch.inference_mode():
        torch.testing.assert_close(stale(strange), stale(plain))
        scores = stale(plain)[0]
    assert scores[7] < -1e8 < scores[6]


def test_hashed_tables_of_as_many_rows_as_needed_come_close():
    torch.manual_seed(0)
    table = torch.randn(60, 8)
    coarse = (Hashed(table, 20)() - table).norm()
    assert (Hashed(table, 2000)() - table).norm() < 0.3 * coarse


def test_the_full_basis_projects_without_loss(model):
    with torch.inference_mode():
        wanted = model(HISTORY)
        narrow, basis = principal(model.items(), 32)
        found = Projected(model, Table(narrow), basis)(HISTORY)
    assert torch.allclose(found, wanted, atol=1e-3 * float(wanted.abs().max()))


def test_a_truncated_history_is_the_history_cut(model):
    with torch.inference_mode():
        assert torch.equal(Recent(model, 5)(HISTORY), model(HISTORY[:, -5:]))
