"""Zero-cost proxies of all 15,625 cells, computed on real images.

`python -m tasks.cell_search.proxies SCORED` makes `proxies.safetensors` beside this file, which
harness/run/proxies.py reads. The networks are those that the table's cells were trained as (16
channels, five cells a stage), the batch is 8 training images of CIFAR-10. Edges that carry nothing
from the input to the output are left out first; cells that are then the same network are scored
once. Resumable: every scored network is a line of SCORED. About 40 CPU minutes.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import Architecture, data, environment
from harness.errors import DataError, UsageError
from harness.record import write_atomically
from tasks.datasets.nasbench201 import EDGES, OPERATIONS, SPACE, canonical, text

if TYPE_CHECKING:
    from torch import Tensor

IMAGES = 8
SEED = 0
FILE = Path(__file__).with_name("proxies.safetensors")
CONVOLUTIONS = (OPERATIONS.index("nor_conv_1x1"), OPERATIONS.index("nor_conv_3x3"))


def live(architecture: Architecture) -> Architecture:
    """The cell with `none` on every edge that carries nothing from its input to its output."""
    reached, needed = {0}, {3}
    for (source, target), choice in zip(EDGES, architecture, strict=True):
        if choice and source in reached:
            reached.add(target)
    for (source, target), choice in reversed(list(zip(EDGES, architecture, strict=True))):
        if choice and target in needed:
            needed.add(source)
    return tuple(
        choice if source in reached and target in needed else 0
        for (source, target), choice in zip(EDGES, architecture, strict=True)
    )


def networks(cells: np.ndarray) -> dict[Any, list[int]]:
    """Rows of int (n, 6) cells by the network that they are; cells without a live path are absent.

    Two cells are one network when they compute the same from as many convolutions: `canonical`
    alone does not tell one convolution used twice from two.
    """
    found: dict[Any, list[int]] = {}
    for row, cell in enumerate(cells.tolist()):
        kept = live(tuple(cell))
        counts = tuple(kept.count(choice) for choice in CONVOLUTIONS)
        if any(kept):
            found.setdefault((canonical(kept), counts), []).append(row)
    return found


def batch(folder: Path) -> tuple[Tensor, Tensor]:
    """Normalised images float32 (8, 3, 32, 32) and labels int64 (8,) of the training split."""
    import torch

    from tasks.datasets.cifar10 import MEAN, STD

    train = data.load_split(folder, "train")
    chosen = np.sort(np.random.default_rng(SEED).choice(len(train), IMAGES, replace=False))
    mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (MEAN, STD))
    images = (torch.from_numpy(train.inputs["image"][chosen]).float() / 255 - mean) / std
    fast = images.contiguous(memory_format=torch.channels_last)
    return fast, torch.from_numpy(train.targets[chosen]).long()


def protocol(folder: Path) -> dict[str, str]:
    """What decides the values, as it stands in the file's metadata."""
    return {
        "network": "NAS-Bench-201 skeleton, 16 channels, 5 cells a stage, torch's initialisation",
        "batch": f"{IMAGES} images of the training split of CIFAR-10, chosen by seed {SEED}",
        "data_sha256": data.data_sha256(folder),
        "seed": f"torch.manual_seed({SEED}) before each network",
        "seconds": "CPU seconds of one thread, building the network included",
    }


def score_all(order: Sequence[Architecture], folder: Path, partial_file: Path) -> None:
    """Score each cell that the file has no line of; one line each, the first is the protocol.

    Raises UsageError when the file was begun by another protocol.
    """
    import torch

    from harness.zero_cost import score
    from tasks.models.cell import build

    torch.set_num_threads(1)
    said = json.dumps(protocol(folder))
    lines = partial_file.read_text().splitlines() if partial_file.is_file() else []
    if lines and lines[0] != said:
        raise UsageError(f"{partial_file} was begun by another protocol; delete it or name another")
    done = {json.loads(line)["cell"] for line in lines[1:] if line.endswith("}")}
    images, labels = batch(folder)
    score(partial(_fast, build, order[0]), images, labels)  # the first of a process is slower
    with partial_file.open("a") as file:
        if not lines:
            file.write(said + "\n")
        for cell in order:
            if text(cell) in done:
                continue
            torch.manual_seed(SEED)
            values, seconds = score(partial(_fast, build, cell), images, labels)
            line = {"cell": text(cell), "values": values, "seconds": seconds}
            file.write(json.dumps(line) + "\n")
            file.flush()


def _fast(build: Any, cell: Architecture) -> Any:
    import torch

    return build(cell).to(memory_format=torch.channels_last)


def representatives(found: Mapping[Any, list[int]], cells: np.ndarray) -> list[Architecture]:
    """The cell that stands for each network: its first one, without dead edges."""
    return [live(tuple(cells[rows[0]].tolist())) for rows in found.values()]


def pack(scored: Path, out: Path) -> None:
    """Make the file that searches read of the lines. Raises DataError when networks are missing."""
    from safetensors.numpy import save

    said, *lines = scored.read_text().splitlines()
    known = {one["cell"]: one for one in map(json.loads, lines)}
    cells = SPACE.all()
    found = networks(cells)
    written = [text(one) for one in representatives(found, cells)]
    missing = sum(one not in known for one in written)
    if missing:
        raise DataError(f"{scored} lacks {missing:,} of {len(written):,} networks; run it again")
    names = list(known[written[0]]["values"])
    network = np.full(len(cells), -1, np.int16)
    for place, rows in enumerate(found.values()):
        network[rows] = place

    def column(kind: str) -> np.ndarray:
        return np.array([[known[one][kind][name] for one in written] for name in names])

    arrays = {
        "values": column("values"),
        "seconds": column("seconds").astype(np.float32),
        "network": network,
    }
    metadata = {"proxies": json.dumps(names), "cpu": json.dumps(environment.cpu())}
    write_atomically(out, save(arrays, metadata | json.loads(said)))


def main() -> None:
    """Score what SCORED lacks, then write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scored", type=Path, help="file of scored networks, continued if it exists")
    parser.add_argument("--cifar10", type=Path, default=data.cache_folder() / "cifar10")
    chosen = parser.parse_args()
    cells = SPACE.all()
    order = representatives(networks(cells), cells)
    random.Random(SEED).shuffle(order)  # so that a part is a sample of the space
    score_all(order, chosen.cifar10, chosen.scored)
    pack(chosen.scored, FILE)


if __name__ == "__main__":
    main()
