"""Real pieces of fraud requests, each from a public set of its own, split before they are joined.

Source: card transactions of ULB (Dal Pozzolo et al. 2015, doi:10.1109/SSCI.2015.33), mouse sessions
of the Balabit challenge (Fulop et al. 2016, github.com/balabit/Mouse-Dynamics-Challenge), scanned
receipts of SROIE (Huang et al. 2019, doi:10.1109/ICDAR.2019.00244). They are brought to the
columns, events and pixels of the generated set, so that its models read them unchanged.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from harness.data import check_sha256
from tasks.datasets.fraud_documents import SIZE, Document, Field
from tasks.datasets.fraud_forgeries import FIELDS
from tasks.datasets.fraud_logs import LENGTH
from tasks.datasets.fraud_transactions import LINEAR, MEANS, NUMBERS, SCALES

if TYPE_CHECKING:
    import pandas as pd  # it starts threads, and a process with threads cannot enter the sandbox

SHA256 = {
    "behaviour/balabit_sessions.parquet": (
        "e5aabb9b72c171f0d6aec68c495d8ba95986db6bea5e88bc92d1fddd28b727b0"
    ),
    "behaviour/balabit_test_labelled_events_1.parquet": (
        "220e32bb47a1c59142ae907f1399a51ee2670ca3c53b5c27ebba5ed64dcf5b17"
    ),
    "behaviour/balabit_test_labelled_events_2.parquet": (
        "550a7cfb86df17abdd53223561bef812185621ee80454398834439fe784e71dd"
    ),
    "behaviour/balabit_train_events_1.parquet": (
        "faf28a255abde8964a5aaba04e7a7ee3d92aaaee3e633c3f0b0901bf41c4df3f"
    ),
    "behaviour/balabit_train_events_2.parquet": (
        "bb1cd36ea0d0591c714aca3e7aee9f904d1ea7bc1b0fc9b766d63b002cad516f"
    ),
    "behaviour/balabit_train_events_3.parquet": (
        "f69f19ca706f872e0aacc6f23b313fd413eec0be9b22c4d7805ed6962aa852f9"
    ),
    "documents/sroie_annotations.jsonl.gz": (
        "85d9ac161088003221b47afd477965aae45058c597baa1fa8b15c1e7a9e18a39"
    ),
    "documents/sroie_receipts_gray_1.zip": (
        "314decd21f23ae21b4ae78f3ec153a8c996be93401fd71c1aa3d3ef154155169"
    ),
    "documents/sroie_receipts_gray_2.zip": (
        "986ab597a96ece9dc512f38b9098a9b52753601c6a0832072576ebe547e9d034"
    ),
    "documents/sroie_receipts_gray_3.zip": (
        "4df597f2a2ff35f42f68a87a47797a92930e9a6f1c9e2464fb082b7ddff66194"
    ),
    "tabular/ulb_full_precision_1722.parquet": (
        "403ddf5f192dad88024d79f6f2fa4ce11fca57183add80740e972eee73a17fd2"
    ),
    "tabular/ulb_truncated_113922.parquet": (
        "61c4cdc6e2dd095d5df27e6bd701271a9c75c92592a61e034f996776c3d2d1cf"
    ),
}
PARTS = {"train": 0.6, "validation": 0.15, "test": 0.25}  # of every source
COMPONENTS = ("-V14", "-V12", "-V10", "V4", "V11", "-V3", "-V17")  # of 28; fraud is high in each
SPREAD = 3.0  # of an anonymous component that counts as one standard deviation of its column
STEP, JUMP = 6.0, 30.0  # pixels a mouse event moves: below a small step, above a jump
STEEP = 2.0  # a move is level or upright where one side is so many times the other
SHORTEST_TEXT = 3  # letters of a box that is worth forging
Piece = TypeVar("Piece")


@dataclass(frozen=True)
class Session:
    """Mouse events of one user: kinds int64 (n,) in 1..15, seconds since the one before (n,)."""

    user: int
    events: np.ndarray
    gaps: np.ndarray


@dataclass(frozen=True)
class Receipt:
    """A scanned receipt float32 (h, w) in 0..255 and its text boxes (left, top, right, bottom)."""

    pixels: np.ndarray
    boxes: list[tuple[int, int, int, int, str]]


@dataclass(frozen=True)
class Pieces:
    """What one split may draw from: `transactions[fraud]` float32 (n, 8), `sessions[fraud]`."""

    transactions: dict[bool, np.ndarray]
    sessions: dict[bool, list[Session]]
    receipts: list[Receipt]

    def session(self, random: np.random.Generator, fraud: bool) -> Session:
        """A session of a user who has both kinds, so that the claimed user alone tells nothing."""
        user = drawn(random, sorted(self._by_user[True].keys() & self._by_user[False].keys()))
        return drawn(random, self._by_user[fraud][user])

    @cached_property
    def _by_user(self) -> dict[bool, dict[int, list[Session]]]:
        found: dict[bool, dict[int, list[Session]]] = {True: {}, False: {}}
        for kind, each in self.sessions.items():
            for one in each:
                found[kind].setdefault(one.user, []).append(one)
        return found


def read_pieces(folder: Path, seed: int) -> dict[str, Pieces]:
    """Every source, split by what must not be on two sides: equal rows, sessions, receipts.

    Raises DataError when a file is missing or is another one.
    """
    check_sha256(folder, SHA256, "give the folder of the fraud pieces with --from")
    random = np.random.default_rng(seed)
    rows = {fraud: _parted(random, each) for fraud, each in _transactions(folder).items()}
    sessions = {fraud: _parted(random, each) for fraud, each in _sessions(folder).items()}
    receipts = _parted(random, np.array(_receipts(folder), object))
    return {
        name: Pieces(
            {fraud: rows[fraud][name] for fraud in rows},
            {fraud: list(sessions[fraud][name]) for fraud in sessions},
            list(receipts[name]),
        )
        for name in PARTS
    }


def _parted(random: np.random.Generator, each: np.ndarray) -> dict[str, np.ndarray]:
    """A source's pieces shuffled and shared out to the splits."""
    ends = np.round(np.cumsum(list(PARTS.values())) * len(each)).astype(int)
    parts = np.split(each[random.permutation(len(each))], ends[:-1])
    return dict(zip(PARTS, parts, strict=True))


def _transactions(folder: Path) -> dict[bool, np.ndarray]:
    """Columns of the generated set, float32 (n, 8): the amount, and components in place of others.

    Both files are cut to whole numbers, as the larger one is, so that precision tells nothing. Rows
    that are equal in what is kept count once, and go if their labels differ.
    """
    import pandas as pd

    small = pd.read_parquet(folder / "tabular/ulb_full_precision_1722.parquet")
    whole = np.trunc(small.drop(columns="Time")).astype(int)
    large = pd.read_parquet(folder / "tabular/ulb_truncated_113922.parquet")
    both: list[pd.DataFrame] = [large, pd.DataFrame(whole)]
    seen = ["Amount", *(name.lstrip("-") for name in COMPONENTS)]
    rows = pd.concat(both, ignore_index=True)[[*seen, "Class"]].drop_duplicates()
    rows = rows[~rows.duplicated(seen, keep=False)]
    columns = [rows["Amount"].to_numpy(float)]
    for place, name in enumerate(COMPONENTS, start=1):
        values = rows[name.lstrip("-")].to_numpy(float) * (-1 if name.startswith("-") else 1)
        columns.append(_as_column(place, values / SPREAD))
    found = np.stack(columns, axis=1).astype(np.float32)
    fraud = rows["Class"].to_numpy() == 1
    return {True: found[fraud], False: found[~fraud]}


def _as_column(place: int, standardised: np.ndarray) -> np.ndarray:
    """Standardised values as raw ones of a column of NUMBERS, which models standardise again."""
    value = MEANS[place] + SCALES[place] * standardised
    if place in LINEAR:
        whole = 24.0 if NUMBERS[place] == "hour" else 1.0
        return np.maximum(value * whole, 0.0)
    return np.maximum(np.expm1(value), 0.0)


def _sessions(folder: Path) -> dict[bool, np.ndarray]:
    """Sessions with at least LENGTH events: of the user they claim to be, and of another one."""
    import pandas as pd

    table = pd.read_parquet(folder / "behaviour/balabit_sessions.parquet").set_index("s")
    users = {name: number for number, name in enumerate(sorted(set(table["user"])), start=1)}
    found: dict[bool, list[Session]] = {True: [], False: []}
    for path in sorted((folder / "behaviour").glob("balabit_*_events_*.parquet")):
        for number, events in pd.read_parquet(path).groupby("s"):
            row = table.loc[number]
            session = _session(users[row["user"]], events)
            if len(session.events) >= LENGTH:
                found[bool(row["is_illegal"])].append(session)
    return {fraud: _as_objects(each) for fraud, each in found.items()}


def _as_objects(each: list[Session]) -> np.ndarray:
    array = np.empty(len(each), object)
    array[:] = each
    return array


def _session(user: int, events: pd.DataFrame) -> Session:
    """Kinds: nine moves by length and direction, two drags, press, release, and both scrolls."""
    x, y = (np.diff(events[name].to_numpy(float), prepend=events[name].iloc[0]) for name in "xy")
    length = np.hypot(x, y)
    size = (length >= STEP).astype(int) + (length >= JUMP)
    across, upright = np.abs(x) > STEEP * np.abs(y), np.abs(y) > STEEP * np.abs(x)
    move = 1 + 3 * size + np.where(across, 0, np.where(upright, 1, 2))
    state = events["st"].to_numpy()
    kinds = np.select(
        [state == 3, state == 1, state == 2, state == 4, state == 5],
        [10 + (size > 0), 12, 13, 14, 15],
        move,
    )
    return Session(user, kinds.astype(np.int64), events["dt_ms"].to_numpy(np.float32) / 1000)


def _receipts(folder: Path) -> list[Receipt]:
    with gzip.open(folder / "documents/sroie_annotations.jsonl.gz", "rt") as lines:
        known = {row["id"]: row for row in map(json.loads, lines)}
    found = []
    for path in sorted((folder / "documents").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                image = Image.open(io.BytesIO(archive.read(name))).convert("L")
                boxes = [(*box[:4], str(box[4])) for box in known[Path(name).stem]["boxes"]]
                found.append(Receipt(np.asarray(image, np.float32), boxes))
    distinct = {one.pixels.tobytes(): one for one in found}  # some scans are there twice
    return [one for one in distinct.values() if any(_worth(box) for box in one.boxes)]


def _worth(box: tuple[int, int, int, int, str]) -> bool:
    return any(c.isdigit() for c in box[4]) and len(box[4]) >= SHORTEST_TEXT


def crop(random: np.random.Generator, receipt: Receipt) -> Document:
    """A square of the receipt around a line with digits, drawn alike for honest and forged ones."""
    left, top, right, bottom, _ = drawn(random, [box for box in receipt.boxes if _worth(box)])
    height, width = receipt.pixels.shape
    paper = float(np.median(receipt.pixels))
    start_x = _start(random, (left + right) // 2, width)
    start_y = _start(random, (top + bottom) // 2, height)
    pixels = np.full((SIZE, SIZE), paper, np.float32)
    part = receipt.pixels[start_y : start_y + SIZE, start_x : start_x + SIZE]
    pixels[: part.shape[0], : part.shape[1]] = part
    inside = [
        Field(box[0] - start_x, box[1] - start_y, box[2] - box[0], box[3] - box[1], box[4], size)
        for box in receipt.boxes
        if _worth(box)
        and (size := max(box[3] - box[1], 6))
        and 0 <= box[0] - start_x < SIZE - size
        and 0 <= box[1] - start_y < SIZE - size
    ]
    noise = (
        float(np.median(np.abs(np.diff(pixels[:height, :width], axis=1)))) / 0.954
    )  # of a normal
    fields = {name: drawn(random, inside) for name in FIELDS}
    return Document(pixels, fields, max(noise, 1.0))


def drawn(random: np.random.Generator, pieces: Sequence[Piece]) -> Piece:
    """One of the pieces."""
    return pieces[int(random.integers(len(pieces)))]


def _start(random: np.random.Generator, middle: int, length: int) -> int:
    """Where a window starts that has `middle` somewhere in its inner half, within the scan."""
    wanted = middle - int(random.integers(SIZE // 4, 3 * SIZE // 4))
    return max(0, min(wanted, length - SIZE))
