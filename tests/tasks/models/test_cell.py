"""The network of a cell: its size is the published one, its parts are those of the paper."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness import data
from tasks.datasets.nasbench201 import from_text
from tasks.models.cell import build

CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16_120": 120}
FIRST = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
    "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
)
BEST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
    "|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
)


def size(cell, dataset):
    """MACs and parameters as NAS-Bench-201 counts them.

    Its FLOPs are multiply-accumulates of convolutions and the linear layer (pooling, normalisation
    and sums are free), and one for each bias: as many as there are classes.
    """
    network = build(cell, classes=CLASSES[dataset]).eval()
    side = 16 if dataset == "imagenet16_120" else 32
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, side, side))
    macs = counter.get_total_flops() // 2 + CLASSES[dataset]
    return macs, sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    ("written", "dataset", "mflops", "mparams"),  # published, NAS-Bench-201's cells 0 and 6111
    [
        (FIRST, "cifar10", 15.64737, 0.129306),
        (FIRST, "cifar100", 15.65322, 0.135156),
        (FIRST, "imagenet16_120", 3.91948, 0.136456),
        (BEST, "cifar10", 153.27297, 1.073466),
    ],
)
def test_a_network_has_the_published_size(written, dataset, mflops, mparams):
    assert size(from_text(written), dataset) == (round(mflops * 1e6), round(mparams * 1e6))


@pytest.mark.real_data
def test_dozens_of_networks_have_the_table_s_size_on_every_data_set(real_data):
    folder = real_data / "nasbench201"
    if not (folder / "checksums.json").is_file():
        pytest.skip("nasbench201 is not prepared")
    cells = data.load_column(folder, "validation", "targets")
    for row in np.random.default_rng(0).choice(len(cells), 36, replace=False):
        for dataset in CLASSES:
            published = tuple(
                round(float(data.load_column(folder, "validation", f"input_{dataset}_{name}")[row]))
                for name in ("macs", "params")
            )
            assert size(tuple(cells[row].tolist()), dataset) == published


def test_width_and_cells_of_a_stage_are_arguments():
    plain = build((3,) * 6, width=4, cells=1)
    convolutions = [one for one in plain.modules() if isinstance(one, torch.nn.Conv2d)]
    assert len(convolutions) == 1 + 3 * 6 + 2 * 3
    assert plain(torch.zeros(2, 3, 8, 8)).shape == (2, 10)
    assert plain.features(torch.zeros(2, 3, 8, 8)).shape == (2, 16, 2, 2)


def test_a_cell_without_a_path_answers_every_image_alike():
    network = build((0, 3, 3, 0, 0, 0), width=4, cells=1).eval()
    first, second = network(torch.randn(2, 3, 8, 8))
    assert torch.equal(first, second)


def test_pooling_leaves_the_padding_out_of_its_mean():
    network = build((0, 0, 0, 4, 0, 0), width=4, cells=1)
    cell = network.features[2]
    assert torch.allclose(cell(torch.ones(1, 4, 8, 8)), torch.ones(1, 4, 8, 8))


def test_a_node_sums_its_edges():
    cell = build((1, 1, 1, 1, 1, 1), width=4, cells=1).features[2]
    image = torch.randn(1, 4, 8, 8)  # node 1 = 1, node 2 = 2, node 3 = 1 + 1 + 2 of it
    assert torch.allclose(cell(image), 4 * image)
