"""Amazon reviews, 5-core: what each user bought in order of time, and what the items are like.

Source: McAuley et al. 2015, arXiv:1506.04757, as prepared for S3-Rec (Zhou et al. 2020,
arXiv:2008.07873): `<name>.txt` holds one user a line, `user item item ...`, and
`<name>_item2attributes.json` the attributes (fine categories, brand) of each item. Not
redistributed here.

The published item ids are numbered in order of first appearance, so that the ids after a user's
last one hold the test item far above chance. Items are therefore renumbered by a fixed random
permutation before anything else sees them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness import DataSet, Split
from harness.data import check_sha256
from harness.errors import DataError

LENGTH = 50
SEED = 20_150_618  # of the permutation; part of the task's version
LEAST = 3  # interactions of a user: one to train on, one to validate, one to test
SHA256 = {
    "Beauty.txt": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
    "Beauty_item2attributes.json": (
        "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4"
    ),
    "Toys_and_Games.txt": "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
    "Toys_and_Games_item2attributes.json": (
        "d371acd25101eedac04afc727626464b7acec770c4eda708705d51eb76eb1ad0"
    ),
}
NAMES = {"Beauty": "amazon_beauty", "Toys_and_Games": "amazon_toys"}
PUBLISHED = ((22_363, 12_101, 637), (19_412, 11_924, 1_027))  # users, items, attributes
WAY_OUT = "name the folder with NAME.txt and NAME_item2attributes.json"

Sequences = list[list[int]]
Attributes = dict[int, list[int]]


def read_sequences(path: Path) -> Sequences:
    """Items of each user in order of time.

    Raises DataError on a missing file, a damaged line, a user listed twice, a history of fewer
    than LEAST items, or an item twice in one history.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; {WAY_OUT}")
    sequences, users = [], set()
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            user, *items = [int(word) for word in line.split()]
        except ValueError:
            raise DataError(f"{path}:{number}: not `user item item ...`; {WAY_OUT}") from None
        if user in users:
            raise DataError(f"{path}:{number}: user {user} has a line already; join the two")
        if len(items) < LEAST:
            raise DataError(
                f"{path}:{number}: user {user} has {len(items)} interactions, below the {LEAST} "
                "that leave-one-out needs; drop the user"
            )
        twice = next((item for at, item in enumerate(items) if item in items[:at]), None)
        if twice is not None:
            raise DataError(
                f"{path}:{number}: user {user} has item {twice} twice: a duplicate interaction; "
                "keep the first"
            )
        users.add(user)
        sequences.append(items)
    if not sequences:
        raise DataError(f"{path} is empty; {WAY_OUT}")
    return sequences


def read_attributes(path: Path) -> Attributes:
    """Attributes of each item. Raises DataError when the file is missing or no such table."""
    if not path.is_file():
        raise DataError(f"{path} is missing; {WAY_OUT}")
    try:
        table = json.loads(path.read_text())
        return {int(item): [int(each) for each in kinds] for item, kinds in table.items()}
    except (ValueError, TypeError, AttributeError):
        raise DataError(f"{path}: not a table of item to attribute numbers; {WAY_OUT}") from None


def check_match(sequences: Sequences, attributes: Attributes, name: str) -> int:
    """The number of items, which are 1, 2, ... without gaps.

    Raises DataError when the two files do not speak of the same items. An item without attributes
    is allowed: it is listed with an empty list.
    """
    seen = {item for items in sequences for item in items}
    count = len(seen)
    wrong = next((item for item in sorted(seen) if not 1 <= item <= count), None)
    if wrong is not None:
        raise DataError(
            f"{name}.txt: unknown item {wrong}: its {count} items must be numbered 1 to {count}"
        )
    unlisted, unknown = sorted(seen - attributes.keys()), sorted(attributes.keys() - seen)
    if unlisted or unknown:
        raise DataError(
            f"{name}_item2attributes.json does not match {name}.txt: {len(unlisted)} items have no "
            f"entry {unlisted[:3]}, {len(unknown)} occur in no history {unknown[:3]}; take the two "
            "files of one data set, and list an item without attributes as []"
        )
    return count


def _home(folder: Path) -> Path:
    """Where the files lie that a folder was named for."""
    return folder / "amazon" if (folder / "amazon").is_dir() else folder


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.txt"))


def find_pair(folder: Path, preferred: str) -> str:
    """The name of the pair of files to read: `preferred`, else the only one in the folder."""
    if (folder / f"{preferred}.txt").is_file():
        return preferred
    found = _names(folder)
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise DataError(f"{folder}: no {preferred}.txt, and not one other ({names}); {WAY_OUT}")
    return found[0]


def histories(sequences: Sequence[Sequence[int]]) -> np.ndarray:
    """int64 (n, LENGTH): the last items of each, padded with 0 on the left."""
    padded = np.zeros((len(sequences), LENGTH), np.int64)
    for row, items in zip(padded, sequences, strict=True):
        last = items[-LENGTH:]
        if last:
            row[-len(last) :] = last
    return padded


def renumbering(count: int) -> np.ndarray:
    """The new id of item 1, 2, ...: a fixed permutation of 1 to count, int64 (count,)."""
    return np.random.default_rng(SEED).permutation(count) + 1


def pack(clicked: Sequence[int], count: int) -> np.ndarray:
    """One request: the latest clicks by published id, oldest first, as int64 (1, LENGTH).

    Ids that are none of the `count` items are left out, as if never clicked; so a history may be
    empty. To the graph itself an unknown id is padding where it stands, which no training shows
    after a click.
    """
    order = renumbering(count)
    return histories([[int(order[item - 1]) for item in clicked if 1 <= item <= count]])


def splits(sequences: Sequences, attributes: Attributes) -> dict[str, Split]:
    """Leave-one-out: the last item of each user is the hidden test, the one before validation.

    Training: histories and, for each position, the next item, int32 (users, LENGTH), 0 where there
    is none. Validation and test: targets int32 (users, 3): the item, the length of the history,
    and how often the item occurs in training. The training context is the graph: `item_attribute`
    and `user_item` (in order of time), int32 (2, edges), and `sizes` (users, items, attributes).
    """
    count = check_match(sequences, attributes, "NAME")
    order = renumbering(count)
    moved = [[int(order[item - 1]) for item in items] for items in sequences]
    kinds = sorted({kind for listed in attributes.values() for kind in listed})
    position = {kind: index for index, kind in enumerate(kinds)}
    edges = sorted(
        (int(order[item - 1]), position[kind])
        for item, listed in attributes.items()
        for kind in set(listed)
    )
    trained = [items[:-2] for items in moved]
    clicks = [(user, item) for user, items in enumerate(trained) for item in items]
    often = np.bincount([item for _, item in clicks], minlength=count + 1)
    context = {
        "item_attribute": np.array(edges, np.int32).reshape(-1, 2).T.copy(),
        "user_item": np.array(clicks, np.int32).T.copy(),
        "sizes": np.array([len(moved), count, len(kinds)], np.int32),
    }
    following = histories(trained).astype(np.int32)  # one more than the history: the start
    held = {
        name: Split(
            {"history": histories([items[:at] for items in moved])},
            np.array([(items[at], len(items) + at, often[items[at]]) for items in moved], np.int32),
        )
        for name, at in (("validation", -2), ("test", -1))
    }
    train = Split({"history": histories([items[:-1] for items in trained])}, following, context)
    return {"train": train, **held}


def read(folder: Path, preferred: str) -> dict[str, Split]:
    """Official files, or any pair of the same format, to train, validation and test.

    Raises DataError when a file is missing, damaged, or does not fit the other.
    """
    folder = _home(folder)
    name = find_pair(folder, preferred)
    files = [f"{name}.txt", f"{name}_item2attributes.json"]
    check_sha256(folder, {file: SHA256[file] for file in files if file in SHA256}, WAY_OUT)
    sequences, attributes = read_sequences(folder / files[0]), read_attributes(folder / files[1])
    check_match(sequences, attributes, name)
    return splits(sequences, attributes)


def other_pair(folder: Path) -> str | None:
    """`amazon_toys` or `amazon_beauty` when a folder holds that data set's files alone."""
    names = _names(_home(folder))
    return NAMES.get(names[0]) if len(names) == 1 else None


def remark(folder: Path) -> str:
    """How large the prepared pair is, and what follows when it is not a published one."""
    users, items, attributes = np.load(folder / "train" / "context_sizes.npy").tolist()
    said = f"{users:,} users, {items:,} items, {attributes:,} attributes"
    if (users, items, attributes) in PUBLISHED:
        return said
    return f"{said}: not a published pair; train a reference of its own, see the task's card"


def read_beauty(folder: Path) -> dict[str, Split]:
    """Beauty: 22,363 users, 12,101 items, 198,502 interactions, 637 attributes."""
    return read(folder, "Beauty")


def read_toys(folder: Path) -> dict[str, Split]:
    """Toys and Games: 19,412 users, 11,924 items, 167,597 interactions, 1,027 attributes."""
    return read(folder, "Toys_and_Games")


def generate(seed: int) -> dict[str, Split]:
    """Users of 12 tastes who mostly take the next item of their taste; one item is isolated."""
    random = np.random.default_rng(seed)
    tastes, each, users = 12, 20, 900
    count = tastes * each
    attributes = {
        item + 1: [item // each, tastes + int(random.integers(0, 6))] for item in range(count)
    }
    attributes[count] = []
    whole = list(range(1, count + 1))
    sequences: Sequences = [whole[-LENGTH - 5 :]]
    sequences += [whole[at : at + each] for at in range(0, count, each)]
    for _ in range(users - len(sequences)):
        taste, at = int(random.integers(tastes)), int(random.integers(each))
        items: list[int] = []
        for _ in range(int(random.integers(LEAST + 1, 12))):
            jump = random.random() < 0.2
            item = int(random.integers(count)) if jump else taste * each + at % each
            at += 1
            if item + 1 not in items:
                items.append(item + 1)
        sequences += [items] if len(items) >= LEAST else []
    return splits(sequences, attributes)


BEAUTY = DataSet(
    name="amazon_beauty",
    origin="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html (S3-Rec)",
    licence="none stated; research use",
    read=read_beauty,
    generate=generate,
    really=other_pair,
    remark=remark,
)
TOYS = replace(BEAUTY, name="amazon_toys", read=read_toys)
