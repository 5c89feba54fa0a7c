"""CIFAR-10: 60,000 colour images of 32x32 pixels in ten classes.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; official binary
files from https://www.cs.toronto.edu/~kriz/cifar.html. No formal licence: research use, not
redistributed here. Known flaw: about 3.3% of the test images have a near-duplicate among the
training images (ciFAIR-10, Barz & Denzler 2020).
"""

from pathlib import Path

import numpy as np

from harness import DataSet, Split
from harness.data import check_files

MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
WAY_OUT = "get cifar-10-binary.tar.gz from the data set's page and name its unpacked folder"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
VALIDATION = 5_000


def _read_batch(path: Path) -> Split:
    rows = np.fromfile(path, np.uint8).reshape(-1, 3073)  # label, then 3 x 32 x 32 pixels
    return Split({"image": rows[:, 1:].reshape(-1, 3, 32, 32)}, rows[:, 0].copy())


def read(folder: Path) -> dict[str, Split]:
    """Official files to train (45,000), validation (the last 5,000 of batch 5) and test (10,000).

    Raises DataError when a file is missing or its MD5 is not the published one.
    """
    folder = (
        folder / "cifar-10-batches-bin" if (folder / "cifar-10-batches-bin").is_dir() else folder
    )
    check_files(folder, MD5, WAY_OUT)
    parts = [_read_batch(folder / f"data_batch_{number}.bin") for number in range(1, 6)]
    images = np.concatenate([part.inputs["image"] for part in parts])
    labels = np.concatenate([part.targets for part in parts])
    cut = len(labels) - VALIDATION
    return {
        "train": Split({"image": images[:cut]}, labels[:cut]),
        "validation": Split({"image": images[cut:]}, labels[cut:]),
        "test": _read_batch(folder / "test_batch.bin"),
    }


def generate(seed: int) -> dict[str, Split]:
    """Ten noisy colour patterns of the same shapes and dtypes, learnable in seconds."""
    random = np.random.default_rng(seed)
    patterns = random.uniform(60, 200, (10, 3, 8, 8)).repeat(4, axis=2).repeat(4, axis=3)

    def split(count: int) -> Split:
        labels = random.integers(0, 10, count).astype(np.uint8)
        noise = random.normal(0, 80, (count, 3, 32, 32))
        images = np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8)
        return Split({"image": images}, labels)

    return {"train": split(1024), "validation": split(256), "test": split(512)}


DATASET = DataSet(
    name="cifar10",
    origin="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; research use",
    read=read,
    generate=generate,
)
