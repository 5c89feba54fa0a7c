"""MNIST: 70,000 handwritten digits of 28x28 grey pixels.

Source: LeCun, Bottou, Bengio, Haffner 1998, http://yann.lecun.com/exdb/mnist; the official idx
files. Not redistributed here.
"""

from pathlib import Path

import numpy as np

from harness import DataSet, Split
from harness.data import check_files

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
WAY_OUT = "unpack the four official idx files and name their folder"
VALIDATION = 5_000


def _read_pair(folder: Path, prefix: str) -> Split:
    images = np.fromfile(folder / f"{prefix}-images-idx3-ubyte", np.uint8)[16:]
    labels = np.fromfile(folder / f"{prefix}-labels-idx1-ubyte", np.uint8)[8:]
    return Split({"image": images.reshape(-1, 28, 28)}, labels)


def read(folder: Path) -> dict[str, Split]:
    """Official files to train (55,000), validation (the last 5,000) and test (10,000).

    Raises DataError when a file is missing or its MD5 is not the published one.
    """
    folder = folder / "mnist" if (folder / "mnist").is_dir() else folder
    check_files(folder, MD5, WAY_OUT)
    whole = _read_pair(folder, "train")
    cut = len(whole) - VALIDATION
    images = whole.inputs["image"]
    return {
        "train": Split({"image": images[:cut]}, whole.targets[:cut]),
        "validation": Split({"image": images[cut:]}, whole.targets[cut:]),
        "test": _read_pair(folder, "t10k"),
    }


def generate(seed: int) -> dict[str, Split]:
    """Ten noisy grey patterns of the same shapes and dtypes, learnable in seconds."""
    random = np.random.default_rng(seed)
    patterns = random.uniform(0, 255, (10, 7, 7)).repeat(4, axis=1).repeat(4, axis=2)

    def split(count: int) -> Split:
        labels = random.integers(0, 10, count).astype(np.uint8)
        noise = random.normal(0, 260, (count, 28, 28))
        return Split({"image": np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8)}, labels)

    return {"train": split(2048), "validation": split(256), "test": split(512)}


DATASET = DataSet(
    name="mnist",
    origin="http://yann.lecun.com/exdb/mnist",
    licence="none stated; research use",
    read=read,
    generate=generate,
)
