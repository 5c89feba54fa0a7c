"""The data cache: checked on the way in, checked again before use, test data in its own folder."""

from dataclasses import replace

import numpy as np
import pytest

from harness import data
from harness.errors import DataError
from harness.types import Split
from tasks.datasets import cifar10, fraud, mnist


def test_prepared_splits_come_back_as_they_went_in(tmp_path):
    splits = mnist.generate(0)
    folder = data.store(splits, tmp_path / "mnist")
    data.verify(folder)
    for name, split in splits.items():
        loaded = data.load_split(folder, name)
        assert np.array_equal(loaded.inputs["image"], split.inputs["image"])
        assert np.array_equal(loaded.targets, split.targets)


def test_rows_that_are_looked_up_are_stored_once_and_read_as_a_whole(tmp_path):
    table = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    index = np.array([2, 0, 0, 1, 0])
    split = Split({"b": data.lookup(table, index), "a": np.arange(5)}, np.zeros(5))
    folder = data.store({"train": split}, tmp_path / "images")
    data.verify(folder, ["train"])
    found = data.load_split(folder, "train").inputs
    assert list(found) == ["a", "b"]
    assert np.load(folder / "train" / "input_b.table.npy").shape == (3, 2, 2)
    assert (len(found["b"]), found["b"].shape, found["b"].dtype) == (5, (5, 2, 2), np.uint8)
    assert np.array_equal(np.array(found["b"]), table[index])
    assert np.array_equal(found["b"][1:4], table[index[1:4]])
    assert np.array_equal(found["b"][np.array([4, 0])], table[[0, 2]])


def test_a_row_that_the_table_lacks_is_refused():
    with pytest.raises(DataError, match="rows 0 to 3 are looked up in a table of 3"):
        data.lookup(np.zeros((3, 2)), np.array([0, 3]))


def test_a_data_set_with_official_files_asks_for_their_folder(tmp_path):
    with pytest.raises(DataError, match="name their folder with --from DIR"):
        data.prepare(mnist.DATASET, None, tmp_path)


def test_a_generated_data_set_needs_no_files(tmp_path):
    made = replace(fraud.DATASET, read=lambda folder: mnist.generate(0))
    assert (data.prepare(made, None, tmp_path) / "checksums.json").is_file()


def test_a_damaged_or_missing_file_is_found_before_use(tmp_path):
    folder = data.store(mnist.generate(0), tmp_path / "mnist")
    path = folder / "train" / "targets.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(DataError, match="missing or damaged"):
        data.verify(folder)
    data.verify(folder, ["test"])
    path.unlink()
    with pytest.raises(DataError, match="run `slimbench data prepare mnist"):
        data.verify(folder)


def test_truncated_official_files_are_refused_with_both_sums(tmp_path):
    for name in cifar10.MD5:
        (tmp_path / name).write_bytes(b"short")
    with pytest.raises(DataError, match=r"is not the published .*5 bytes"):
        cifar10.read(tmp_path)


def test_a_data_set_that_is_not_there_names_the_command(tmp_path):
    with pytest.raises(DataError, match="slimbench data prepare mnist --from DIR"):
        data.verify(tmp_path / "mnist")


@pytest.mark.real_data
def test_the_official_digits_have_their_published_shapes(real_data):
    sizes = {name: len(data.load_split(real_data / "mnist", name)) for name in data.SPLITS}
    assert sizes == {"train": 55_000, "validation": 5_000, "test": 10_000}
