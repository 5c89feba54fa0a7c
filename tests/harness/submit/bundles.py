"""How a forger changes a bundle: every hash that can be renewed is renewed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

CARD = """name = "Honest students"
authors = ["Ada Lovelace", "Łukasz Żółw"]
licence = "Apache-2.0"
paper = "arXiv:1503.02531"
code_url = "https://example.org/code"
description = "A student of half the width."
hardware = "2 Xeon cores"
training_data = "the train split"
tries = 7
"""


def digest(fields: dict[str, Any]) -> str:
    """The digest of a record as a forger would renew it (harness/record.py)."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reseal(folder: Path) -> Path:
    """Renew the hashes in bundle.json, as whoever edits a bundle can."""
    manifest = json.loads((folder / "bundle.json").read_text())
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    manifest["sha256"] = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "bundle.json"
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Change every record of a bundle and renew digests and hashes."""
    path = folder / "records.jsonl"
    rows = []
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        fields.pop("digest")
        change(fields)
        rows.append(json.dumps(fields | {"digest": digest(fields)}))
    path.write_text("".join(f"{row}\n" for row in rows))
    return reseal(folder)


def put_artifact(folder: Path, content: bytes) -> Path:
    """Swap the artifact for another file and make every record, name and hash agree with it."""
    (old,) = (folder / "artifacts").iterdir()
    old.unlink()
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / "artifacts" / f"{sha256[:16]}.onnx").write_bytes(content)
    return rewrite(folder, lambda fields: fields.update(artifact_sha256=sha256))
