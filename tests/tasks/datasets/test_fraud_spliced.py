"""Fraud requests spliced from pieces: what is drawn from where, and that nothing stands twice."""

import gzip
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.errors import DataError
from tasks.datasets import fraud, fraud_spliced
from tasks.datasets import fraud_real_pieces as real
from tasks.datasets.fraud import Sizes
from tasks.datasets.fraud_real_pieces import Pieces, Receipt, Session

COLUMNS = [f"V{number}" for number in range(1, 29)]


def session(user, event, length=200):
    return Session(user, np.full(length, event, np.int64), np.full(length, 0.1, np.float32))


def receipt(grey):
    random = np.random.default_rng(grey)
    pixels = (grey + random.normal(0, 3, (512, 234))).astype(np.float32)
    boxes = [(20, top, 120, top + 12, f"TOTAL {top}.00") for top in range(20, 480, 30)]
    return Receipt(pixels, boxes)


@pytest.fixture(scope="module")
def pieces():
    """Fraudulent pieces can be told by one value of each."""
    rows = {True: np.full((5, 8), 7, np.float32), False: np.full((50, 8), 1, np.float32)}
    sessions = {
        True: [session(2, 14), session(3, 14)],
        False: [session(1, 3), session(2, 3), session(2, 3), session(3, 3)],
    }
    return Pieces(rows, sessions, [receipt(200), receipt(220)])


@pytest.fixture(scope="module")
def split(pieces):
    sizes = Sizes(fraud=60, honest=60)
    return fraud_spliced._split(np.random.default_rng(0), pieces, sizes)


def test_each_kind_of_fraud_shows_in_its_modality_alone(split):
    card, foreign = split.inputs["numbers"][:, 0] == 7, split.inputs["events"][:, 0] == 14
    kinds = split.targets
    assert (card[kinds == fraud.CARD] & ~foreign[kinds == fraud.CARD]).all()
    assert (foreign[kinds == fraud.TAKEOVER] & ~card[kinds == fraud.TAKEOVER]).all()
    neither = np.isin(kinds, [fraud.FORGED, fraud.HONEST])
    assert not (card | foreign)[neither].any()
    assert (kinds == fraud.COMBINED).any()


def test_combined_frauds_show_in_two_modalities_at_least(pieces):
    split = fraud_spliced._split(np.random.default_rng(1), pieces, Sizes(fraud=400, honest=1))
    mine = split.targets == fraud.COMBINED
    shown = (split.inputs["numbers"][mine, 0] == 7) | (split.inputs["events"][mine, 0] == 14)
    assert mine.sum() > 30
    assert shown.all()  # a forged document is at most one of the two


def test_a_session_says_whom_it_claims_to_be(split):
    users = split.inputs["categories"][:, 0]
    foreign = split.inputs["events"][:, 0] == 14
    assert set(users[foreign]) == set(users[~foreign]) == {2, 3}  # nobody claimed to be user 1
    assert abs((users[foreign] == 2).mean() - (users[~foreign] == 2).mean()) < 0.25
    assert not split.inputs["categories"][:, 1:].any()


def test_training_keeps_images_of_some_and_tells_no_kinds(pieces):
    sizes = Sizes(fraud=100, honest=100, documents=10)
    split = fraud_spliced._split(np.random.default_rng(2), pieces, sizes)
    seen = (np.asarray(split.inputs["document"]) != 255).any((1, 2))
    assert seen.sum() == 20
    assert set(split.targets) == {0, 1}
    assert (split.targets[seen] == 1).sum() == 10


def test_an_honest_and_a_forged_receipt_are_cut_out_alike():
    one, two = (real.crop(np.random.default_rng(5), receipt(200)) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)
    before = one.pixels.copy()
    fraud_spliced.forge(np.random.default_rng(6), one, 0.5)
    changed = np.argwhere(np.abs(one.pixels - before) > 0)
    assert 0 < len(changed) < 0.2 * before.size  # a line, not the page
    assert set(one.fields) == {"total", "product", "company", "date"}


def test_equal_rows_count_once_and_contradictions_go(tmp_path):
    zero = dict.fromkeys(COLUMNS, 0)
    large = pd.DataFrame(
        [
            zero | {"Amount": 5, "Class": 0},
            zero | {"Amount": 5, "Class": 0},  # again
            zero | {"Amount": 9, "Class": 0},  # and a fraud below
            zero | {"V1": 8, "Amount": 5, "Class": 0},  # differs in what is not kept
            zero | {"V14": -9, "Amount": 1, "Class": 1},
        ]
    )
    exact = dict.fromkeys(COLUMNS, 0.4)
    small = pd.DataFrame(
        [
            exact | {"Amount": 9.99, "Class": 1, "Time": 0.0},
            exact | {"V14": -9.7, "Amount": 1.2, "Class": 1, "Time": 9.0},  # the fraud above
        ]
    )
    (tmp_path / "tabular").mkdir()
    large.to_parquet(tmp_path / "tabular/ulb_truncated_113922.parquet")
    small.to_parquet(tmp_path / "tabular/ulb_full_precision_1722.parquet")
    found = real._transactions(tmp_path)
    assert found[False][:, 0].tolist() == [5]
    assert found[True][:, 0].tolist() == [1]
    assert (found[True][0, 1:] >= found[False][0, 1:]).all()
    assert found[True][0, 1] > found[False][0, 1]  # a low V14 is turned to a high value


def test_mouse_events_become_kinds():
    events = pd.DataFrame(
        {
            "x": [0, 0, 40, 40, 43, 43, 43, 80],
            "y": [0, 0, 0, 40, 43, 43, 43, 43],
            "dt_ms": [0, 100, 0, 0, 0, 0, 0, 2000],
            "st": [1, 2, 0, 0, 0, 4, 5, 3],
        }
    )
    found = real._session(4, events)
    press, release, level, upright, aslant, up, down, drag = found.events
    assert (press, release, up, down, drag) == (12, 13, 14, 15, 11)
    assert (level, upright, aslant) == (7, 8, 3)  # jumps of 40 pixels, then a small step
    assert found.gaps[1] == pytest.approx(0.1)
    assert found.user == 4


def test_a_source_is_shared_out_once():
    parts = real._parted(np.random.default_rng(0), np.arange(1000))
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [600, 150, 250]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(1000))


def test_a_scan_that_is_there_twice_counts_once(tmp_path):
    (tmp_path / "documents").mkdir()
    lines = []
    with zipfile.ZipFile(tmp_path / "documents/scans.zip", "w") as archive:
        for name, grey in (("000", 90), ("001", 90), ("002", 200)):
            page = io.BytesIO()
            Image.new("L", (234, 512), grey).save(page, "PNG")
            archive.writestr(f"{name}.png", page.getvalue())
            lines.append(json.dumps({"id": name, "boxes": [[20, 20, 90, 32, "RM 12.00"]]}))
    with gzip.open(tmp_path / "documents/sroie_annotations.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))
    assert [one.pixels[0, 0] for one in real._receipts(tmp_path)] == [90, 200]


def test_a_missing_or_changed_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"balabit_sessions\.parquet is missing; give the folder"):
        fraud_spliced.read(tmp_path)
