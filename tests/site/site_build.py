"""Builds the site of made-up records for the tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "leaderboard"))  # the makers of records


def build(results: Path, folder: Path) -> Path:
    """The HTML of the site with these records, built as strictly as the real one."""
    from leaderboard import load
    from leaderboard.publish import publish

    shutil.copytree(ROOT / "site", folder / "site", ignore=_generated)
    publish(load(results), folder / "site")
    config = (ROOT / "mkdocs.yml").read_text().replace('paths: ["."]', f'paths: ["{ROOT}"]')
    (folder / "mkdocs.yml").write_text(config)
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": ""}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "public"


def _generated(folder: str, names: list[str]) -> set[str]:
    """What `python -m leaderboard` writes is left out of the copy."""
    ignored = {line.strip("/\n") for line in (ROOT / "site/.gitignore").read_text().splitlines()}
    return ignored & set(names) if Path(folder) == ROOT / "site" else set()
