"""Changes of inputs that leave the labels as they are."""

import numpy as np

from tasks.datasets.changes import COMMA, STOP, nudged, paused, shifted, stopped


def sentences(*rows):
    ids = np.zeros((len(rows), 6), np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    return {"ids": ids, "mask": (ids > 0).astype(np.int64)}


def test_a_full_stop_is_taken_off_or_added():
    inputs = sentences([101, 7, STOP, 102], [101, 7, 8, 102], [101, 102])
    found = stopped(inputs, np.random.default_rng(0))
    assert found["ids"].tolist() == [
        [101, 7, 102, 0, 0, 0],
        [101, 7, 8, STOP, 102, 0],
        [101, STOP, 102, 0, 0, 0],
    ]
    assert (found["mask"] == (found["ids"] > 0)).all()


def test_a_comma_is_put_between_the_marks_and_a_full_row_stays():
    inputs = sentences([101, 7, 8, 102], [101, 7, 8, 9, 10, 102])
    found = paused(inputs, np.random.default_rng(0))["ids"]
    assert sorted(found[0].tolist()) == sorted([101, 7, 8, 102, COMMA, 0])
    assert (found[0, 0], found[0, 4]) == (101, 102)
    assert found[1].tolist() == [101, 7, 8, 9, 10, 102]


def test_the_inputs_themselves_are_left_alone():
    inputs = sentences([101, 7, 8, 102])
    before = inputs["ids"].copy()
    paused(inputs, np.random.default_rng(0))
    stopped(inputs, np.random.default_rng(0))
    assert np.array_equal(inputs["ids"], before)


def test_images_move_by_one_pixel_and_change_by_one_level():
    random = np.random.default_rng(0)
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    moves = {shifted(image, random).tobytes() for _ in range(40)}
    assert len(moves) == 4
    assert abs(nudged(image, random).astype(int) - image).max() == 1
