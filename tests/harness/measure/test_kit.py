import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import onnx
import pytest
from toy_models import SIZE, chain

from harness.errors import UsageError
from harness.measure.kit import import_kit, pack_kit
from harness.measure.kit_driver import digest
from harness.measure.profile import load_profile
from harness.paired import speedup

PROFILE = load_profile("ort-1t-remote")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A packed kit whose protocol is cut to two short starts, and has been run."""
    home = tmp_path_factory.mktemp("kits")
    for name, layers in (("small", 4), ("anchor", 40)):
        onnx.save(chain(layers), home / f"{name}.onnx")
    inputs = {"x": np.random.default_rng(1).normal(size=(32, SIZE)).astype(np.float32)}
    folder = pack_kit(
        home / "kit", {"small": home / "small.onnx"}, home / "anchor.onnx", PROFILE, inputs,
        task="toy", task_version=1,
    )  # fmt: skip
    manifest = json.loads((folder / "kit.json").read_text())
    manifest |= {"starts": 2}
    manifest["plan"] |= {"block_ms": 10.0, "pairs": 2, "warm_blocks": 1}
    (folder / "kit.json").write_text(json.dumps(manifest))
    subprocess.run([sys.executable, "run.py"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def kit(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "kit"))


@pytest.fixture
def results(kit):
    return kit / "results.json"


def edited(results, change, sign=False):
    content = json.loads(results.read_text())
    noted = content.pop("digest")
    change(content)
    results.write_text(json.dumps(content | {"digest": digest(content) if sign else noted}))


def test_a_kit_goes_out_and_comes_back_as_a_record(kit, results):
    (record,) = import_kit(results, kit)
    assert (record.status, record.cause, record.outputs_match) == ("ok", None, True)
    assert record.profile.kind == "remote"
    assert record.environment["self_reported"] is True
    assert speedup(record.pairs).value > 2


def test_the_kits_script_imports_nothing_of_ours(kit):
    text = (kit / "run.py").read_text()
    assert "harness" not in "".join(line for line in text.splitlines() if "import" in line)


def test_a_result_edited_by_hand_is_refused(kit, results):
    edited(results, lambda content: content["entries"][0]["starts"][0]["pairs"].pop())
    with pytest.raises(UsageError, match="edited"):
        import_kit(results, kit)


def test_a_result_of_another_kit_is_refused(kit, results):
    (kit / "kit.json").write_text((kit / "kit.json").read_text() + " ")
    with pytest.raises(UsageError, match="another kit"):
        import_kit(results, kit)


def test_a_swapped_artifact_is_refused(kit, results):
    (kit / "entry_0.onnx").write_bytes((kit / "anchor.onnx").read_bytes())
    with pytest.raises(UsageError, match="not the file that was packed"):
        import_kit(results, kit)


def test_outputs_of_another_model_fail_the_record(kit, results):
    def other(content):
        for start in content["entries"][0]["starts"]:
            start["outputs"] = (1 + np.array(start["outputs"])).tolist()

    edited(results, other, sign=True)
    (record,) = import_kit(results, kit)
    assert record.status == "failed"
    assert "differ" in record.cause


def test_missing_starts_fail_the_record(kit, results):
    edited(results, lambda content: content["entries"][0]["starts"].pop(), sign=True)
    (record,) = import_kit(results, kit)
    assert record.cause == "1 process starts came back, the kit asks for 2"


def test_a_file_that_is_no_result_is_refused(kit, tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[1, 2]")
    with pytest.raises(UsageError, match="no kit result"):
        import_kit(path, kit)


def test_a_kit_overwrites_nothing(kit, models, inputs):
    with pytest.raises(UsageError, match="exists already"):
        pack_kit(kit, {}, models("a", chain(1)), PROFILE, inputs, task="toy", task_version=1)


@pytest.mark.slow
def test_a_kit_runs_in_a_bare_environment(kit, tmp_path):
    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / "bare" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "onnxruntime", "numpy"]
    subprocess.run(install, check=True, capture_output=True)
    absent = "import importlib.util as u; assert not u.find_spec('harness')"
    subprocess.run([python, "-c", absent], cwd=kit, env={}, check=True)
    subprocess.run([python, "run.py"], cwd=kit, check=True, capture_output=True, env={})
    (record,) = import_kit(kit / "results.json", kit)
    assert record.status == "ok"
