"""Amazon data: leave-one-out, the leak of the published ids, and every kind of bad input."""

import json

import numpy as np
import pytest

from harness import data
from harness.errors import DataError
from tasks import ranking
from tasks.datasets import amazon

LINES = ["1 1 2 3 4", "2 2 3 5", "3 5 4 3 2 1"]
KINDS = {"1": [7], "2": [7, 9], "3": [9], "4": [], "5": [7]}


@pytest.fixture
def pair(tmp_path):
    """Writes the two files and returns their folder."""

    def write(lines=LINES, kinds=KINDS):
        (tmp_path / "Small.txt").write_text("\n".join(lines) + "\n")
        (tmp_path / "Small_item2attributes.json").write_text(json.dumps(kinds))
        return tmp_path

    return write


def test_the_last_item_is_the_test_and_the_one_before_validation(pair):
    splits = amazon.read_beauty(pair())
    test, validation = splits["test"], splits["validation"]
    assert test.inputs["history"].shape == (3, amazon.LENGTH)
    for row in range(3):
        history = test.inputs["history"][row]
        earlier = validation.inputs["history"][row]
        assert history[-1] == validation.targets[row, 0]
        assert history[-2] == earlier[-1]
        assert test.targets[row, 0] not in history
    assert test.targets[:, 1].tolist() == [3, 2, 4]
    assert validation.targets[:, 1].tolist() == [2, 1, 3]


def test_training_predicts_each_next_item_and_the_first_from_the_start(pair):
    train = amazon.read_beauty(pair())["train"]
    history, following = train.inputs["history"][2], train.targets[2]  # items 5 4 3
    assert (history[:-2] == 0).all()
    assert (history[-2:] > 0).all()
    assert (following[:-3] == 0).all()
    assert following[-3:-1].tolist() == history[-2:].tolist()


def test_the_graph_holds_training_clicks_and_attributes_only(pair):
    train = amazon.read_beauty(pair())["train"]
    assert train.context["sizes"].tolist() == [3, 5, 2]
    assert train.context["user_item"][0].tolist() == [0, 0, 1, 2, 2, 2]
    assert train.context["item_attribute"].shape == (2, 5)  # item 4 is isolated
    assert not set(train.context["item_attribute"][0]) >= {1, 2, 3, 4, 5}


def test_ids_are_a_permutation_that_two_readings_share(pair):
    first, second = (amazon.read_beauty(pair())["test"] for _ in range(2))
    assert np.array_equal(first.targets, second.targets)
    plain = np.array([4, 5, 1])
    assert first.targets[:, 0].tolist() != plain.tolist()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1 1 2 3 4", "2 2 3"], "user 2 has 2 interactions, below the 3"),
        (["1 1 2 3 4", "2"], "user 2 has 0 interactions"),
        (["1 1 2 3 2"], "item 2 twice: a duplicate interaction"),
        (["1 1 2 3 4", "1 2 3 5"], "user 1 has a line already"),
        (["1 1 2 x"], "not `user item item ...`"),
        (["1 1 2 3 9", "2 2 3 5"], "unknown item 9"),
        (["1 0 1 2 3"], "unknown item 0"),
        ([""], "not `user item item ...`"),
    ],
)
def test_a_damaged_sequence_is_one_clear_sentence(pair, lines, message):
    with pytest.raises(DataError, match=message):
        amazon.read_beauty(pair(lines))


@pytest.mark.parametrize(
    "kinds",
    [
        {key: value for key, value in KINDS.items() if key != "4"},
        KINDS | {"6": [7]},
        {str(int(key) + 5): value for key, value in KINDS.items()},
    ],
)
def test_an_attribute_file_of_other_items_does_not_match(pair, kinds):
    with pytest.raises(DataError, match=r"does not match Small\.txt"):
        amazon.read_beauty(pair(kinds=kinds))


def test_an_attribute_file_that_is_no_table_is_refused(pair):
    with pytest.raises(DataError, match="not a table"):
        amazon.read_beauty(pair(kinds=[1, 2]))


def test_missing_files_say_what_to_name(tmp_path):
    with pytest.raises(DataError, match=r"NAME\.txt and NAME_item2attributes\.json"):
        amazon.read_beauty(tmp_path)
    (tmp_path / "Small.txt").write_text("\n".join(LINES))
    with pytest.raises(DataError, match=r"Small_item2attributes\.json is missing"):
        amazon.read_beauty(tmp_path)


def test_a_changed_official_file_is_refused(tmp_path):
    (tmp_path / "Beauty.txt").write_text("\n".join(LINES))
    (tmp_path / "Beauty_item2attributes.json").write_text(json.dumps(KINDS))
    with pytest.raises(DataError, match="truncated or changed"):
        amazon.read_beauty(tmp_path)


def test_a_folder_with_the_other_data_set_alone_is_said_to_be_that(tmp_path):
    assert amazon.TOYS.really(tmp_path) is None
    (tmp_path / "Beauty.txt").write_text("\n".join(LINES))
    assert amazon.TOYS.really(tmp_path) == "amazon_beauty"
    (tmp_path / "Toys_and_Games.txt").write_text("\n".join(LINES))
    assert amazon.TOYS.really(tmp_path) is None


def test_another_pair_is_said_to_need_a_reference_of_its_own(tmp_path):
    said = amazon.BEAUTY.remark(data.store(amazon.generate(0), tmp_path))
    assert "240 items" in said
    assert "train a reference of its own" in said


def test_a_packed_request_leaves_unknown_items_out_and_keeps_the_latest():
    order = amazon.renumbering(100)
    packed = amazon.pack([3, 0, 101, 7, -1], 100)
    assert packed.shape == (1, amazon.LENGTH)
    assert packed[0, -3:].tolist() == [0, order[2], order[6]]
    assert not amazon.pack([], 100).any()
    assert (amazon.pack(range(1, 61), 100)[0] == order[10:60]).all()


def next_ids(split):
    """The trick that the published ids allow: the ten ids after the last click."""
    count = int(max(split.inputs["history"].max(), split.targets[:, 0].max()))
    return (split.inputs["history"][:, -1:] + np.arange(10)) % count + 1


def in_order_of_appearance(users):
    """Sequences whose ids are numbered as they first appear, as published."""
    random = np.random.default_rng(0)
    number: dict[int, int] = {}
    sequences = []
    for _ in range(users):
        items = random.choice(3000, 6, replace=False)
        sequences.append([number.setdefault(int(item), len(number) + 1) for item in items])
    return sequences


def test_the_ids_after_the_last_one_score_at_chance():
    sequences = in_order_of_appearance(2000)
    count = max(map(max, sequences))
    attributes = {item: [item % 7] for item in range(1, count + 1)}
    test = amazon.splits(sequences, attributes)["test"]
    raw = np.array([items[-2] for items in sequences])[:, None] + np.arange(1, 11)
    leaked = (raw == np.array([items[-1] for items in sequences])[:, None]).any(1).mean()
    assert leaked > 0.03
    hits = np.isfinite(ranking.ranks(next_ids(test), test.targets)).mean()
    assert hits < 3 * 10 / count + 0.002


@pytest.mark.real_data
def test_on_beauty_the_trick_scores_at_chance(real_data):
    from harness.data import load_split

    if not (real_data / "amazon_beauty" / "checksums.json").is_file():
        pytest.skip("amazon_beauty is not prepared")
    test = load_split(real_data / "amazon_beauty", "test")
    assert len(test) == 22_363
    hits = np.isfinite(ranking.ranks(next_ids(test), np.asarray(test.targets))).mean()
    assert hits < 0.002  # .0309 with the published ids, .0008 by chance


def test_generated_data_have_the_real_schema_and_an_isolated_item():
    splits = amazon.generate(0)
    items = int(splits["train"].context["sizes"][1])
    assert splits["train"].targets.shape == splits["train"].inputs["history"].shape
    assert splits["test"].targets.shape == (len(splits["test"]), 3)
    assert len(set(splits["train"].context["item_attribute"][0])) == items - 1
