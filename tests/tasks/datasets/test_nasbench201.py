"""NAS-Bench-201's cells and tables: what is written, counted, read and refused."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

from harness import data
from harness.errors import DataError
from tasks.datasets import nasbench201
from tasks.datasets.nasbench201 import ACCURACY, CELLS, DATASETS, HARDWARE, NATS_API, SPACE

WRITTEN = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
CELL = (3, 0, 1, 4, 2, 0)


@pytest.fixture
def official(tmp_path):
    """The three published tables, made from the generated one."""
    made = nasbench201.generate(0)
    columns, tests = made["validation"].inputs, made["test"].inputs
    key = {
        "arch_index": np.arange(CELLS),
        "arch_str": [nasbench201.text(tuple(one)) for one in made["test"].targets.tolist()],
    }
    accuracy, hardware, nats = dict(key), dict(key), dict(key)
    for name in DATASETS:
        for epochs in (12, 200):
            accuracy[f"{name}_valid_{epochs}"] = 100 * columns[f"{name}_validation_{epochs}"]
        accuracy[f"{name}_test_200"] = 100 * tests[f"{name}_test"]
        accuracy[f"{name}_mflops"] = columns[f"{name}_macs"] / 1e6
        accuracy[f"{name}_mparams"] = columns[f"{name}_params"] / 1e6
        hardware |= {f"{name}_{one}": columns[f"{name}_{one}"] for one in nasbench201.DEVICES}
        nats[f"{name}_test_200"] = 100 * tests[f"{name}_test"]
    for file, table in ((ACCURACY, accuracy), (HARDWARE, hardware), (NATS_API, nats)):
        parquet.write_table(arrow.table(table), tmp_path / file)
    return tmp_path


def changed(folder: Path, file: str, change) -> None:
    """Rewrite a table after `change(columns)`."""
    columns = parquet.read_table(folder / file).to_pydict()
    change(columns)
    parquet.write_table(arrow.table(columns), folder / file)


def test_a_cell_is_written_and_read_as_nas_bench_201_does():
    assert nasbench201.text(CELL) == WRITTEN
    assert nasbench201.from_text(WRITTEN) == CELL


@pytest.mark.parametrize(
    "wrong",
    ["", "|nor_conv_3x3~0|", WRITTEN.replace("1x1~1", "1x1~0"), WRITTEN.replace("avg", "x")],
)
def test_text_that_is_no_cell_is_refused(wrong):
    with pytest.raises(DataError, match="is no cell of NAS-Bench-201"):
        nasbench201.from_text(wrong)


def test_features_by_hand():
    # live paths: 0-3 (pool) and 0-1-3 (3x3, 1x1); 0-2-3 and 0-1-2-3 end in `none`
    assert nasbench201.features(np.array([CELL])).tolist() == [[2, 1, 0, 2, 1, 1, 1]]
    assert nasbench201.features(np.zeros((1, 6), int)).tolist() == [[-1, -1, -1, 0, 0, 0, 0]]


def test_cells_that_compute_the_same_have_one_canonical_form():
    skips_then_3x3 = (1, 0, 0, 0, 3, 0)
    one_3x3 = (0, 0, 0, 3, 0, 0)
    assert SPACE.canonical(skips_then_3x3) == SPACE.canonical(one_3x3)
    assert SPACE.canonical(one_3x3) != SPACE.canonical((0, 0, 0, 2, 0, 0))
    dead = Counter(SPACE.canonical(tuple(one)) for one in SPACE.all().tolist())
    assert sum(dead.values()) == CELLS
    assert len(dead) < 6466  # NATS-Bench's finer classes


def test_the_published_tables_are_read_as_fractions_and_plain_numbers(official):
    found, made = nasbench201.read(official), nasbench201.generate(0)
    for split, whole in made.items():
        assert np.array_equal(found[split].targets, whole.targets)
        assert found[split].inputs.keys() == whole.inputs.keys()
        for name, values in whole.inputs.items():
            assert np.allclose(found[split].inputs[name], values, equal_nan=True), name


@pytest.mark.parametrize("file", [ACCURACY, HARDWARE, NATS_API])
def test_a_missing_or_cut_file_is_named(official, file):
    whole = (official / file).read_bytes()
    (official / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=rf"{file} is no whole Parquet table .* copy it again"):
        nasbench201.read(official)
    (official / file).unlink()
    with pytest.raises(DataError, match=rf"{file} is missing; --from takes a folder with"):
        nasbench201.read(official)


def test_a_missing_column_is_named(official):
    changed(official, HARDWARE, lambda columns: columns.pop("cifar100_eyeriss_energy"))
    with pytest.raises(DataError, match="no column 'cifar100_eyeriss_energy'"):
        nasbench201.read(official)


def replace_value(column: str, value: object):
    """A change of a table's sixth value."""

    def change(columns: dict[str, list[object]]) -> None:
        columns[column][5] = value

    return change


@pytest.mark.parametrize(
    ("file", "column", "value", "says"),
    [
        (ACCURACY, "cifar10_valid_200", float("nan"), "'cifar10_validation_200' has 1 missing"),
        (ACCURACY, "cifar100_valid_12", 100.5, "outside its range"),
        (ACCURACY, "cifar100_mflops", -1.0, "outside its range"),
        (NATS_API, "cifar10_test_200", -0.1, "'cifar10_test'"),
        (HARDWARE, "cifar10_fpga_latency", float("nan"), "'cifar10_fpga_latency' has 1 missing"),
    ],
)
def test_a_value_that_cannot_be_is_refused(official, file, column, value, says):
    changed(official, file, replace_value(column, value))
    with pytest.raises(DataError, match=says):
        nasbench201.read(official)


def test_a_table_with_other_or_fewer_cells_is_refused(official):
    changed(official, HARDWARE, replace_value("arch_str", WRITTEN))
    with pytest.raises(DataError, match="lists other cells than"):
        nasbench201.read(official)
    for file in (ACCURACY, HARDWARE, NATS_API):
        changed(official, file, replace_value("arch_str", WRITTEN))
    with pytest.raises(DataError, match="not each of the 15,625 cells exactly once"):
        nasbench201.read(official)


def test_edge_tpu_may_lack_cells_and_nothing_else_may():
    made = nasbench201.generate(0)["validation"]
    lacking = [name for name, values in made.inputs.items() if np.isnan(values).any()]
    assert lacking == [f"{name}_edgetpu_latency" for name in DATASETS]


def test_the_clock_is_the_published_fit_and_halved_on_cifar10():
    found = nasbench201.seconds(np.array([[3, 3, 3, 3, 3, 3], [1, 0, 0, 0, 0, 2]]))
    assert found["cifar100_seconds_200"][0] == pytest.approx(1435.67 + 6 * 906.87)
    assert found["cifar100_seconds_200"][1] == pytest.approx(1435.67 - 76.89 + 690.88)
    assert found["cifar10_seconds_200"][0] == pytest.approx((1435.67 + 6 * 906.87) / 2)
    assert found["imagenet16_120_seconds_12"][0] == pytest.approx((4355.81 + 6 * 2751.44) * 0.06)


def test_a_folder_with_nats_benchs_files_is_recognised(tmp_path):
    assert nasbench201.really(tmp_path) is None
    (tmp_path / "NATS-tss-v1_0-3ffb9-simple").mkdir()
    assert nasbench201.really(tmp_path) == "nasbench201_nats"


@pytest.mark.real_data
def test_the_real_table_has_its_known_optima_and_checksums():
    folder = Path(os.environ.get("SLIMBENCH_DATA", "")) / "nasbench201"
    if not (folder / "checksums.json").is_file():
        pytest.skip("no prepared nasbench201; see `slimbench data prepare --help`")
    data.verify(folder)
    architectures = data.load_column(folder, "test", "targets")
    for name, number, test in (
        ("cifar10", 6111, 0.9437),
        ("cifar100", 9930, 0.7351),
        ("imagenet16_120", 10676, 0.4620),
    ):
        validation = data.load_column(folder, "validation", f"input_{name}_validation_200")
        assert (validation == validation.max()).sum() == 1
        assert validation.argmax() == number
        tested = data.load_column(folder, "test", f"input_{name}_test")
        assert tested[number] == pytest.approx(test, abs=6e-5)
    first = [
        data.load_column(folder, "validation", f"input_cifar10_{device}")[0]
        for device in ("edgegpu_latency", "raspi4_latency", "edgetpu_latency")
    ]
    assert first == pytest.approx([5.8074, 10.4820, 0.9572], abs=1e-4)
    assert len(architectures) == CELLS
