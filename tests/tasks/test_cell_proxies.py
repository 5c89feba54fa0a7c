"""Zero-cost proxies of the cells: which are one network, how a file is made, what scores say."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from scipy.stats import spearmanr

from harness import data
from harness.errors import DataError, UsageError
from harness.run.proxies import load
from tasks.cell_search import proxies
from tasks.cell_search.task import TASK
from tasks.datasets import cifar10
from tasks.datasets.nasbench201 import CELLS, SPACE, from_text

NONE, SKIP, ONE, THREE, POOL = range(5)
PROXIES = ("naswot", "jacov", "grad_norm", "snip", "synflow", "zen")


@pytest.fixture
def images(tmp_path):
    """A generated CIFAR-10."""
    return data.store(cifar10.generate(0), tmp_path / "cifar10")


@pytest.fixture(scope="module")
def scores():
    """The scores that the repository ships."""
    return load(TASK.proxies, CELLS)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ((THREE, NONE, NONE, SKIP, NONE, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE)),  # to 1 only
        ((NONE, SKIP, ONE, NONE, THREE, POOL), (NONE, SKIP, NONE, NONE, NONE, POOL)),  # 1 is empty
        ((THREE, ONE, ONE, NONE, NONE, NONE), (NONE,) * 6),
        ((THREE,) * 6, (THREE,) * 6),
    ],
)
def test_edges_that_carry_nothing_to_the_output_are_left_out(cell, kept):
    assert proxies.live(cell) == kept


def test_cells_are_one_network_when_they_compute_the_same_from_as_many_convolutions():
    twice = (ONE, NONE, SKIP, NONE, SKIP, SKIP)  # one convolution, used on two ways
    both = (ONE, NONE, NONE, ONE, SKIP, NONE)  # two convolutions
    again = (NONE, ONE, NONE, ONE, NONE, SKIP)  # the same two by way of node 2
    empty = (THREE, THREE, THREE, NONE, NONE, NONE)
    assert list(proxies.networks(np.array([twice, both, again, empty])).values()) == [[0], [1, 2]]


def test_the_space_has_5259_networks_with_a_path():
    found = proxies.networks(SPACE.all())
    assert len(found) == 5259
    assert sum(map(len, found.values())) == CELLS - 341  # cells without a path


def test_scoring_resumes_and_refuses_lines_of_another_protocol(images, tmp_path):
    scored = tmp_path / "scored.jsonl"
    cells = [(NONE, NONE, NONE, SKIP, NONE, NONE), (NONE, NONE, NONE, POOL, NONE, NONE)]
    proxies.score_all(cells[:1], images, scored)
    first = scored.read_text()
    proxies.score_all(cells, images, scored)
    assert scored.read_text().startswith(first)
    lines = [json.loads(line) for line in scored.read_text().splitlines()[1:]]
    assert [one["cell"] for one in lines] == [SPACE.text(cell) for cell in cells]
    for one in lines:
        assert tuple(one["values"]) == tuple(one["seconds"]) == PROXIES
        assert np.isfinite(list(one["values"].values())).all()
    with pytest.raises(DataError, match=r"lacks 5,257 of 5,259 networks; run it again"):
        proxies.pack(scored, tmp_path / "proxies.safetensors")
    scored.write_text(first.replace("seed 0", "seed 1"))
    with pytest.raises(UsageError, match="was begun by another protocol"):
        proxies.score_all(cells, images, scored)


def test_every_cell_with_a_path_has_finite_scores_and_a_price(scores):
    assert scores.names == PROXIES
    assert scores.values.shape == (6, 5259)
    assert np.isfinite(scores.values).all()
    assert scores.seconds.min() > 0
    assert (scores.network < 0).sum() == 341
    assert TASK.proxies.stat().st_size < 1e6


def test_the_file_says_how_its_scores_were_made():
    with safe_open(TASK.proxies, framework="numpy") as file:
        said = file.metadata()
    assert said["batch"] == "8 images of the training split of CIFAR-10, chosen by seed 0"
    assert {"network", "seed", "seconds", "data_sha256", "cpu"} <= set(said)


@pytest.mark.real_data
def test_scores_computed_again_are_those_of_the_file(scores, real_data, tmp_path):
    cells = SPACE.all()
    numbers = [int(np.flatnonzero(scores.network == place)[0]) for place in (0, 777, 5000)]
    order = [proxies.live(tuple(cells[number].tolist())) for number in numbers]
    proxies.score_all(order, real_data / "cifar10", tmp_path / "scored.jsonl")
    for line, number in zip(
        (tmp_path / "scored.jsonl").read_text().splitlines()[1:], numbers, strict=True
    ):
        for name, value in json.loads(line)["values"].items():
            assert scores.scores(name, np.array([number]))[0] == pytest.approx(value, rel=1e-2)


@pytest.mark.real_data
@pytest.mark.parametrize("name", PROXIES)
def test_scores_rank_cells_as_their_accuracy_does(name, scores, real_data):
    """Spearman's correlation with accuracy on CIFAR-10; the card has what was measured."""
    folder = real_data / "nasbench201"
    if not (folder / "checksums.json").is_file():
        pytest.skip("nasbench201 is not prepared")
    cells = data.load_column(folder, "validation", "targets").astype(int)
    found = scores.scores(name, cells @ 5 ** np.arange(5, -1, -1))
    quality = data.load_column(folder, "validation", "input_cifar10_validation_200")
    able = np.isfinite(found)
    assert spearmanr(found[able], quality[able]).statistic > LEAST[name]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "published", "least"),
    [
        ("naswot", "nwot", 0.95),
        ("jacov", "jacov", 0.85),
        ("grad_norm", "grad_norm", 0.95),
        ("snip", "snip", 0.95),
        ("synflow", "synflow", 0.99),
        ("zen", "zen", 0.85),
    ],
)
def test_scores_rank_cells_as_published_ones_do(name, published, least, scores):
    """NAS-Bench-Suite-Zero (arXiv:2210.03230), 9,445 cells, batches of its own."""
    file = Path(os.environ.get("SLIMBENCH_NAS_TABLES", "")) / "nb201_tss_zero_cost.parquet"
    if not file.is_file():
        pytest.skip(f"SLIMBENCH_NAS_TABLES names no folder with {file.name}")
    table = pd.read_parquet(file).query("dataset == 'cifar10'")
    cells = np.array([from_text(one) for one in table["arch_str"]])
    found = scores.scores(name, cells @ 5 ** np.arange(5, -1, -1))
    able = np.isfinite(found)
    assert able.sum() > 9000
    assert spearmanr(found[able], table[published][able]).statistic > least


LEAST = {
    "naswot": 0.68,
    "jacov": 0.7,
    "grad_norm": 0.5,
    "snip": 0.5,
    "synflow": 0.68,
    "zen": 0.4,
}
