"""One honest bundle at smoke scale, made once, and a way to spoil copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from bundles import CARD

from harness import registry
from harness.run.matrix import plan, run_all
from harness.run.place import Place, Prepared
from harness.submit.pack import pack_runs
from harness.submit.verdict import Options, Verdict
from harness.submit.verify import verify

METHODS = Path(__file__).parents[2] / "methods"


@dataclass(frozen=True)
class Honest:
    """The bundle as a folder, the run folders it was made from, and where they lie."""

    folder: Path
    runs: Path
    card: Path
    method: Path
    anchor: Path
    place: Place


@pytest.fixture(scope="session")
def honest(place: Place, digits: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Honest:
    """One seed of a method given by file, untimed: what a newcomer submits."""
    listing = registry.read_listing(METHODS / "student.py", "submitted")
    (done,) = run_all(plan(digits, [listing], place))
    assert done.record.status == "ok", done.record.cause
    folder = tmp_path_factory.mktemp("honest")
    card = folder / "card.toml"
    card.write_text(CARD)
    runs = done.run.folder.parent
    out = pack_runs([runs], card, folder / "bundle", method_files=[listing.path])
    return Honest(out, runs, card, listing.path, digits.anchor, place)


@pytest.fixture(scope="session")
def options(place: Place) -> Options:
    """Nothing is timed unless a test asks for it; no board is read."""
    return Options(place, boards=(), time=False, seconds=60)


@pytest.fixture
def copy(honest: Honest, tmp_path: Path) -> Path:
    """A copy of the honest bundle to be spoiled."""
    return Path(shutil.copytree(honest.folder, tmp_path / "bundle"))


@pytest.fixture
def judged(options: Options) -> Callable[[Path], Verdict]:
    """The verdict on a bundle."""
    return lambda path: verify(path, options)
