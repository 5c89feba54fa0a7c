"""NAS-Bench-Macro: its table, its networks that are equal, and what is refused."""

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

from harness.errors import DataError
from tasks.datasets import nas_bench_macro
from tasks.datasets.nas_bench_macro import FILE, NETWORKS, SPACE


@pytest.fixture
def official(tmp_path):
    """The published table, made by hand: accuracies rise with the number."""
    number = np.arange(NETWORKS)
    columns = {
        "arch": [nas_bench_macro.text(tuple(one)) for one in SPACE.all().tolist()],
        **{f"test_acc_{n}": (50 + number / 1e3 + n).astype(np.float32) for n in range(3)},
        "flops": number * 1000,
        "params": number * 10,
    }
    parquet.write_table(arrow.table(columns), tmp_path / FILE)
    return tmp_path


def test_two_trainings_are_validation_and_the_third_is_test(official):
    found = nas_bench_macro.read(official)
    validation, test = found["validation"].inputs, found["test"].inputs
    assert validation["cifar10_validation_50"][[0, 1000]] == pytest.approx([0.505, 0.515])
    assert test["cifar10_test"][[0, 1000]] == pytest.approx([0.52, 0.53])
    assert validation["cifar10_macs"][7] == 7000


def test_identities_behind_the_first_block_of_a_stage_may_stand_anywhere():
    same = {SPACE.canonical((2, 2, 2, 1, 2, 2, *rest)) for rest in ((2, 0), (0, 2))}
    assert len(same) == 1
    assert SPACE.canonical((0, 2, 2, 1, 2, 2, 2, 0)) != SPACE.canonical((2, 0, 2, 1, 2, 2, 2, 0))
    assert len({SPACE.canonical(tuple(one)) for one in SPACE.all().tolist()}) == 3969


def test_features_by_hand():
    found = nas_bench_macro.features(np.array([[2, 2, 1, 1, 0, 0, 2, 1]]))
    assert found.tolist() == [[0, 2, 2, 0, 1, 1]]


def test_a_table_that_is_not_whole_is_refused(official):
    table = parquet.read_table(official / FILE)
    parquet.write_table(table.slice(0, 100), official / FILE)
    with pytest.raises(DataError, match="not each of the 6,561 networks exactly once"):
        nas_bench_macro.read(official)
    parquet.write_table(table.drop_columns("test_acc_2"), official / FILE)
    with pytest.raises(DataError, match="has no column 'test_acc_2'"):
        nas_bench_macro.read(official)
    low = table.set_column(1, "test_acc_0", arrow.array(np.full(NETWORKS, -1.0)))
    parquet.write_table(low, official / FILE)
    with pytest.raises(DataError, match="accuracies outside 0 to 100%"):
        nas_bench_macro.read(official)
    (official / FILE).unlink()
    with pytest.raises(DataError, match="is missing; --from takes the folder"):
        nas_bench_macro.read(official)
