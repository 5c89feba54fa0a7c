"""Generated fraud data: figures of the sources, strata, evidence, and the same bytes again."""

import json

import numpy as np
import pytest

from harness import data
from tasks.average_precision import Ranking
from tasks.datasets import fraud, fraud_documents, fraud_forgeries, fraud_logs, fraud_transactions

COUNT = 40_000
ZEROS = np.zeros(COUNT)


def drawn(evidence, drift=0.0):
    """Columns by name of COUNT transactions that all show the same evidence."""
    found = fraud_transactions.transactions(
        np.random.default_rng(1), np.full(COUNT, evidence), np.full(COUNT, drift)
    )
    numbers = dict(zip(fraud_transactions.NUMBERS, found.numbers.T, strict=True))
    return numbers | dict(zip(fraud_transactions.CATEGORIES, found.categories.T, strict=True))


@pytest.fixture(scope="module")
def honest():
    return drawn(0)


@pytest.fixture(scope="module")
def stolen():
    return drawn(2)


@pytest.fixture(scope="module")
def smoke():
    return fraud.generate(0)


def test_honest_amounts_have_the_published_quantiles(honest):
    found = np.quantile(honest["amount"], [0.25, 0.5, 0.75, 0.9, 0.95])
    assert np.allclose(found, [5, 22, 77, 202, 367], rtol=0.05)


def test_a_fifth_of_the_stolen_cards_is_tested_with_exactly_one_euro(stolen):
    share = (stolen["amount"] == 1).mean()
    assert abs(share - 0.222) < 0.01
    assert stolen["amount"].min() == 1
    assert abs((drawn(2, drift=1.0)["amount"] == 1).mean() - 0.4 * 0.222) < 0.01


def test_frauds_come_at_night_and_in_bursts(honest, stolen):
    assert abs((honest["hour"] < 6).mean() - 0.076) < 0.01
    assert abs((stolen["hour"] < 6).mean() - 0.243) < 0.01
    bursts = fraud_transactions.fraud_gaps(np.random.default_rng(0), COUNT)
    assert np.allclose(np.quantile(bursts, [0.05, 0.25, 0.5, 0.75]), [37, 97, 158, 569], rtol=0.05)
    assert np.median(stolen["gap"]) < 250
    middle, far, farthest = np.quantile(honest["gap"], [0.5, 0.9, 0.99])
    assert middle > 600
    assert far / middle > 5 and farthest / far > 2.5  # an exponential has 3.3 and 2


def test_risky_merchants_move_on_with_time(stolen):
    first, last = min(fraud_transactions.RISKY_MERCHANTS), max(fraud_transactions.RISKY_MERCHANTS)
    later = drawn(2, drift=1.0)["merchant"]
    assert (stolen["merchant"] == first).mean() > 5 * (later == first).mean()
    assert (later == last + 1).mean() > 5 * (stolen["merchant"] == last + 1).mean()


def test_devices_follow_the_published_fraud_rates(honest, stolen):
    rates = []
    for device in (1, 2, 3):
        rates.append((stolen["device"] == device).mean() / (honest["device"] == device).mean())
    assert np.allclose(np.array(rates) / rates[2], [1.6 / 3.3, 8.2 / 3.3, 1], rtol=0.1)


def test_pointer_gaps_have_the_published_median_and_tail():
    random = np.random.default_rng(0)
    events, gaps = fraud_logs.logs(random, np.zeros(4000, int), np.zeros(4000))
    pointer = gaps[:, 1:][events[:, 1:] == fraud_logs.POINTER]
    assert np.allclose(np.quantile(pointer, [0.5, 0.95]), [0.119, 0.713], rtol=0.05)
    assert (gaps[events == 0] == 0).all()
    assert ((events > 0).sum(1) >= fraud_logs.SHORTEST).all()


def test_bots_are_even_and_takeovers_change_the_account():
    random = np.random.default_rng(0)
    count = 2000
    strong, even = fraud_logs.logs(random, np.full(count, 2), np.zeros(count))
    plain, usual = fraud_logs.logs(random, np.zeros(count, int), np.zeros(count))
    payee = fraud_logs.EVENTS.index("new_payee")
    assert (strong == payee).any(1).mean() > 3 * (plain == payee).any(1).mean()
    assert steady(usual) < 0.01
    assert abs(steady(even) - fraud_logs.BOT_SHARE) < 0.05
    _, later = fraud_logs.logs(random, np.full(count, 2), np.ones(count))
    assert steady(later) < 0.05  # bots have learned to look human


def steady(gaps):
    """The share of logs most of whose gaps hardly differ; a bot acts like a person now and then."""
    first = np.log(gaps[:, 1 : fraud_logs.SHORTEST])  # no log is shorter
    off = np.abs(first - np.median(first, axis=1, keepdims=True))
    return (np.median(off, axis=1) < 0.12).mean()


def test_forgeries_are_plainly_deleted_less_and_less():
    random = np.random.default_rng(3)

    def deleted(drift):
        document = fraud_documents.scanned(random, 12.5)
        kinds = [fraud_forgeries.forge(random, document, drift) for _ in range(300)]
        return kinds.count("deleted") / len(kinds)

    assert abs(deleted(0.0) - 0.3) < 0.08
    assert deleted(1.0) < 0.1


def test_every_kind_of_forgery_changes_one_field_only():
    random = np.random.default_rng(3)
    seen = set()
    for drift in np.linspace(0, 1, 60):
        document = fraud_documents.scanned(random, 12.5)
        before = document.pixels.copy()
        kind = fraud_forgeries.forge(random, document, drift)
        rows, columns = np.nonzero(document.pixels != before)
        assert 0 < np.ptp(rows) < 40
        assert np.ptp(columns) < 220
        seen.add(kind)
    assert seen == set(fraud_forgeries.KINDS)


def test_compression_loses_a_little_and_never_makes_the_blank_value():
    random = np.random.default_rng(0)
    document = fraud_documents.scanned(random, 99.0)
    found = fraud_documents.compressed(document.pixels, 1.0)
    assert found.max() < fraud_documents.BLANK
    error = np.abs(found - np.clip(document.pixels, 0, 254)).mean()
    assert 0.2 < error < 8


def test_training_and_test_sizes_are_the_published_ones():
    train, test = fraud.SIZES["train"], fraud.SIZES["test"]
    assert train.fraud + train.honest == 40_000
    assert 2 * train.documents == 8_000
    assert sum(fraud.POPULATION.values()) == 100_000
    odd = 1 - (1 - fraud.LOOKS_ODD) ** 3
    assert abs(fraud.POPULATION[fraud.LOOK_ALIKE] / 99_000 - odd) < 1e-3
    weights = fraud.WEIGHTS
    stands_for = test.look_alike * weights[fraud.LOOK_ALIKE] + test.honest * weights[fraud.HONEST]
    assert stands_for == pytest.approx(99_000)


def test_evidence_is_what_the_target_says():
    targets, evidence = fraud.population(
        np.random.default_rng(0), fraud.Sizes(fraud=4000, honest=2000, look_alike=1000)
    )
    for kind, modality in fraud.STRONG.items():
        assert (evidence[targets == kind, modality] == 2).all()
    assert (evidence[targets == fraud.COMBINED] == 1).sum(1).min() == 2
    assert (evidence[targets == fraud.LOOK_ALIKE].any(1)).all()
    assert not evidence[targets == fraud.HONEST].any()
    assert evidence[targets % 2 == 0].max() == 1
    only_one = (evidence[targets % 2 == 1] > 0).sum(1) == 1
    assert 0.3 < only_one.mean() < 0.8  # a share of frauds is visible in one modality alone


def best_ranking(codes, targets):
    """Average precision of whoever reads `codes` (n,) without error."""
    weights = np.ones(len(targets))
    for stratum, weight in fraud.WEIGHTS.items():
        weights[targets == stratum] = weight
    fraudulent = np.bincount(codes, weights * (targets % 2))
    share = fraudulent / np.maximum(np.bincount(codes, weights), 1e-9)
    return Ranking(share[codes], targets % 2 == 1, weights).average_precision()


def test_no_single_modality_comes_near_to_all_three():
    targets, evidence = fraud.population(np.random.default_rng(0), fraud.SIZES["test"])
    alone = [best_ranking(evidence[:, modality], targets) for modality in range(3)]
    pairs = [
        best_ranking(evidence[:, a] * 3 + evidence[:, b], targets)
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    together = best_ranking(evidence @ np.array([9, 3, 1]), targets)
    assert max(alone) < 0.45
    assert max(pairs) < 0.75
    assert together > 0.9


def test_only_a_part_of_training_has_documents_and_all_of_the_test(smoke):
    train = smoke["train"]
    documents = np.asarray(train.inputs["document"])
    blank = (documents == fraud_documents.BLANK).all((1, 2))
    assert (~blank).sum() == 2 * fraud.SMOKE_SIZES["train"].documents
    assert train.targets[~blank].mean() == 0.5
    assert set(train.targets) == {0, 1}
    tested = smoke["test"]
    assert (tested.inputs["document"].min((1, 2)) < fraud_documents.BLANK).all()
    assert {fraud.HONEST, fraud.LOOK_ALIKE} < set(tested.targets)


def test_the_same_seed_makes_the_same_bytes(smoke):
    sizes = {"validation": fraud.SMOKE_SIZES["validation"]}
    again = fraud.splits(0, sizes)["validation"]
    for name, array in smoke["validation"].inputs.items():
        assert np.array_equal(array, again.inputs[name])
    other = fraud.splits(1, sizes)["validation"]
    assert not np.array_equal(other.inputs["document"], again.inputs["document"])


def test_prepared_files_that_differ_are_named(smoke, tmp_path, monkeypatch):
    folder = data.store({"validation": smoke["validation"]}, tmp_path / "fraud")
    found = json.loads((folder / "checksums.json").read_text())
    noted = {name: each[:16] for name, each in found.items()}
    monkeypatch.setattr(fraud, "CHECKSUMS", noted)
    assert fraud.remark(folder).startswith("every file equals")
    monkeypatch.setattr(fraud, "CHECKSUMS", noted | {"validation/input_gaps.npy": "0"})
    assert "validation/input_gaps.npy: other bytes" in fraud.remark(folder)
