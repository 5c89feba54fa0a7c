"""The data cache: checked on the way in, checked again before use, test data in its own folder."""

import numpy as np
import pytest

from harness import data
from harness.errors import DataError
from tasks.datasets import cifar10, mnist


def test_prepared_splits_come_back_as_they_went_in(tmp_path):
    splits = mnist.generate(0)
    folder = data.store(splits, tmp_path / "mnist")
    data.verify(folder)
    for name, split in splits.items():
        loaded = data.load_split(folder, name)
        assert np.array_equal(loaded.inputs["image"], split.inputs["image"])
        assert np.array_equal(loaded.targets, split.targets)


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
