"""A published row back in a run folder, so that it can be timed on another machine's profile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from harness.errors import SlimbenchError
from harness.record import RunRecord, to_line, write_atomically
from harness.run.locked import locked
from harness.run.place import Place, Prepared
from harness.run.scoring import score

ROUNDING = 0.003  # of the quality: what another processor's arithmetic may move


def restore(record: RunRecord, artifact: Path, prepared: Prepared, place: Place) -> Path:
    """The row's folder with its artifact, scored again here, and its published record.

    What is there already stays. Raises SlimbenchError when the artifact's quality here is not the
    published one, up to the arithmetic of another processor.
    """
    folder = place.runs / record.task.name / record.method.name / record.scale / record.key[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        if (folder / "record.json").is_file():
            return folder
        shutil.copyfile(artifact, folder / "model.onnx")
        scored = score(prepared.task, prepared.data, folder, place.threads_for(prepared.task))
        published = record.quality_test
        if published is None or abs(scored["quality_test"] - published) > ROUNDING:
            raise SlimbenchError(
                f"{record.method.name} {record.setting}: the artifact scores "
                f"{scored['quality_test']:.4f} here and {published} on the board, more than "
                f"{ROUNDING} apart; it is not timed"
            )
        write_atomically(folder / "score.json", json.dumps(scored).encode())
        write_atomically(folder / "record.json", to_line(record).encode())
    return folder
