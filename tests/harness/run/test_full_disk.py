"""A disk that is full in the middle: one sentence, no failed row, and the same command goes on."""

import shutil
import subprocess
import sys

import pytest

from harness.record import read_records
from harness.registry import ROOT

# The runs folder is a small disk of its own; after the first try it grows and the command goes on.
SCRIPT = """
set -u
mount -t tmpfs -o size=$1 none "$2" || exit 77
run() {
  "$3" -m harness.cli run mnist_mlp_microcontroller static_int8 --scale smoke --settings 0 \
    --runs "$2/runs" --results "$4" --measure later
}
run "$@" >"$4.first" 2>&1
echo $? >"$4.code"
mount -o remount,size=500m "$2"
run "$@"
"""


@pytest.mark.parametrize("size", ["2500k", pytest.param("100k", marks=pytest.mark.slow)])
def test_a_disk_that_is_full_costs_nothing_that_was_done(size, tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here, so no disk of our own")
    disk, results = tmp_path / "disk", tmp_path / "results"
    disk.mkdir()
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]
    words = [size, str(disk), sys.executable, str(results)]
    done = subprocess.run(
        [*command, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no disk of our own here: {done.stderr.strip()}")
    said = (tmp_path / "results.first").read_text()
    assert (tmp_path / "results.code").read_text() == "1\n", said
    assert "no space is left on the disk" in said
    assert "Traceback" not in said
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = read_records(results.glob("*/*.jsonl"))
    assert row.status == "ok"
