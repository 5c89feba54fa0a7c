"""NATS-Bench's and HW-NAS-Bench's official files, written here with the package's own classes."""

import bz2
import pickle
from collections import OrderedDict
from itertools import islice, product

import numpy as np
import pytest

from harness.errors import DataError
from tasks.datasets import nasbench201, nats_bench
from tasks.datasets.nats_bench import HARDWARE, NAMES, NATS

api_utils = pytest.importorskip("nats_bench.api_utils")
FEW = 6  # cells; reading all 15,625 of the package's objects takes minutes
TRIALS = (777, 888)
SETS = {
    "cifar10-valid": ("x-valid",),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}


def trained(dataset: str, number: int, seed: int, epochs: int):
    """One training as the package stores it; quality and seconds follow from the arguments."""
    last = epochs - 1
    result = api_utils.ResultsCount(
        dataset,
        OrderedDict(),
        {last: 50.0},
        {last: 1.0},
        0.5,
        10.0 + number,
        {"channel": 16},
        seed,
        epochs,
        None,
    )
    result.reset_pseudo_train_times(2.0 + number)
    for name in SETS[dataset]:
        accuracy = (10 if epochs == 12 else 40) + number + (2.0 if seed == 888 else 0.0)
        result.update_OLD_eval(name, {last: accuracy + 5 * ("test" in name)}, {last: 1.0})
        result.reset_pseudo_eval_times(name, 3.0)
    return result


def info(number: int, written: str, epochs: int) -> dict[str, object]:
    """One cell at one schedule: all data sets and trials."""
    results = api_utils.ArchResults(number, written)
    for dataset in SETS:
        for seed in TRIALS[: 1 if epochs == 12 else 2]:
            results.update(dataset, seed, trained(dataset, number, seed, epochs))
    return results.state_dict()


def content() -> dict[str, object]:
    """The official layout, of a few cells."""
    cells = list(islice(product(range(5), repeat=6), FEW))
    written = [nasbench201.text(cell) for cell in cells]
    infos = OrderedDict(
        (number, OrderedDict((str(epochs), info(number, one, epochs)) for epochs in (12, 200)))
        for number, one in enumerate(written)
    )
    return {"meta_archs": written, "arch2infos": infos, "evaluated_indexes": list(range(FEW))}


def devices() -> dict[str, object]:
    """HW-NAS-Bench's layout; the Edge TPU cannot run cell 1."""
    values = np.arange(1.0, FEW + 1)
    table = {one: values.tolist() for one in nasbench201.DEVICES}
    table["edgetpu_latency"] = [-1.0 if n == 1 else float(n) + 1 for n in range(FEW)]
    return {"nasbench201": dict.fromkeys(("cifar10", "cifar100", "ImageNet16-120"), table)}


def write(path, stored) -> None:
    """A pickle, packed where the name says so."""
    packed = pickle.dumps(stored, 4)
    path.write_bytes(bz2.compress(packed) if path.suffix == ".pbz2" else packed)


@pytest.fixture
def few(monkeypatch):
    """The schema of a table of a few cells."""
    monkeypatch.setattr(nasbench201, "CELLS", FEW)


@pytest.fixture
def folder(tmp_path, few):
    """Both official files."""
    write(tmp_path / f"{NATS}.pickle.pbz2", content())
    write(tmp_path / HARDWARE, devices())
    return tmp_path


@pytest.fixture(autouse=True)
def never(monkeypatch):
    """The package's own unpickling must not be reached."""

    def called(*arguments: object) -> None:
        raise AssertionError(f"nats_bench unpickled {arguments}")

    for module in ("api_utils", "api_topology"):
        monkeypatch.setattr(f"nats_bench.{module}.pickle_load", called)


def test_means_over_trials_are_those_of_the_packages_api(folder):
    found = nats_bench.read(folder)
    columns, tests = found["validation"].inputs, found["test"].inputs
    assert columns["cifar10_validation_200"] == pytest.approx((41 + np.arange(FEW)) / 100)
    assert columns["cifar100_validation_12"] == pytest.approx((10 + np.arange(FEW)) / 100)
    assert tests["imagenet16_120_test"] == pytest.approx((46 + np.arange(FEW)) / 100)
    assert columns["cifar10_macs"] == pytest.approx((10 + np.arange(FEW)) * 1e6)
    assert columns["cifar100_params"] == pytest.approx(np.full(FEW, 0.5e6))
    # 200 epochs of 2 s + n each, and one validation
    assert columns["cifar100_seconds_200"] == pytest.approx(200 * (2 + np.arange(FEW)) + 3)
    assert np.isnan(columns["cifar10_edgetpu_latency"]).tolist() == [n == 1 for n in range(FEW)]


def test_the_folder_of_single_files_gives_the_same(folder):
    whole = nats_bench.read(folder)
    stored = content()
    single = folder / f"{NATS}-simple"
    single.mkdir()
    for number, one in stored["arch2infos"].items():
        write(single / f"{number:06d}.pickle.pbz2", one)
    write(single / "meta.pickle.pbz2", {"meta_archs": stored["meta_archs"]})
    (folder / f"{NATS}.pickle.pbz2").unlink()
    again = nats_bench.read(folder)
    for split in whole:
        for name, values in whole[split].inputs.items():
            assert np.array_equal(again[split].inputs[name], values, equal_nan=True), name


def test_a_path_where_a_dict_is_due_is_refused_before_the_package_opens_it(folder):
    other = folder / "other.pickle"
    write(other, {})
    for change in (
        lambda infos: infos[0].update({"12": str(other)}),
        lambda infos: infos[0]["200"]["all_results"].update({("cifar10", 777): str(other)}),
        lambda infos: infos.update({0: str(other)}),
    ):
        stored = content()
        change(stored["arch2infos"])
        write(folder / f"{NATS}.pickle.pbz2", stored)
        with pytest.raises(DataError, match="is not laid out as NATS-tss-v1_0"):
            nats_bench.read(folder)


def test_hardware_that_lacks_a_device_names_it(folder):
    stored = devices()
    for table in stored["nasbench201"].values():
        table.pop("fpga_energy", None)
    write(folder / HARDWARE, stored)
    with pytest.raises(DataError, match=r"has no 'fpga_energy' where v1.0 has it"):
        nats_bench.read(folder)


def test_missing_files_are_named(folder):
    (folder / f"{NATS}.pickle.pbz2").unlink()
    with pytest.raises(DataError, match="has neither NATS-tss"):
        nats_bench.read(folder)
    (folder / HARDWARE).unlink()
    with pytest.raises(DataError, match=r"HW-NAS-Bench-v1_0.pickle is missing"):
        nats_bench.read(folder)


def test_a_missing_cell_or_schedule_or_data_set_is_refused(folder):
    for drop, says in (
        (lambda infos: infos.pop(3), "has 1 missing values"),
        (lambda infos: infos[3].pop("200"), r"cell 3 .*'200'.* download it again"),
        (lambda infos: infos[3]["200"]["dataset_seed"].pop("cifar100"), "cell 3 .*cifar100"),
    ):
        stored = content()
        drop(stored["arch2infos"])
        write(folder / f"{NATS}.pickle.pbz2", stored)
        with pytest.raises(DataError, match=says):
            nats_bench.read(folder)


def test_the_number_of_differing_cells_is_told(tmp_path):
    from harness import data

    mine, theirs = nasbench201.generate(0), nasbench201.generate(0)
    theirs["validation"].inputs["cifar10_validation_200"][:7] += 0.01
    data.store(mine, tmp_path / "nasbench201_nats")
    said = nats_bench.differing(tmp_path / "nasbench201_nats")
    assert said == "prepare nasbench201 as well to see in how many cells the two differ"
    data.store(theirs, tmp_path / "nasbench201")
    said = nats_bench.differing(tmp_path / "nasbench201_nats")
    assert "cifar10_validation_200 7, cifar10_test 0" in said
    assert set(NAMES) == set(nasbench201.DATASETS)
