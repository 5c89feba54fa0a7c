"""The part of a kit's `run.py` that runs on someone's device: starts processes, writes raw blocks.

    python run.py            times every entry of the kit against its anchor, writes results.json

Packed behind timing.py into one file; needs Python 3.9, numpy and onnxruntime alone.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from harness.measure.timing import Plan, Requests, Timer, alternate, deterministic

KEPT_OUTPUTS = 8


def digest(content: dict[str, Any]) -> str:
    """What shows that a result was changed after it was written."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load(path: str, threads: int) -> Any:
    """The model as a callable on ONNX Runtime's CPU provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def one_start(manifest: dict[str, Any], entry: dict[str, Any], seed: int) -> dict[str, Any]:
    """The blocks of one process start, and the first outputs of the entry."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-manifest["threads"] :])
    gc.disable()
    plan = Plan(**manifest["plan"], seed=seed)
    with np.load(manifest["inputs"], allow_pickle=False) as file:
        inputs = {name: file[name] for name in file.files}
    paths = [manifest["anchor"]["file"], entry["file"]]
    models = [load(path, manifest["threads"]) for path in paths]
    timers = [Timer(model, Requests(inputs), plan) for model in models]
    if not deterministic(models[1], Requests(inputs)):
        raise SystemExit(f"{entry['name']} is not deterministic")
    for timer in timers:
        timer.calibrate()
        timer.warm()
    pairs = alternate(timers[0], timers[1], plan)
    count = min(KEPT_OUTPUTS, len(next(iter(inputs.values()))))
    outputs = []
    for row in range(count):
        one = {name: array[row : row + 1] for name, array in inputs.items()}
        outputs.append([output.astype(float).ravel().tolist() for output in models[1](one)])
    return {"pairs": pairs, "outputs": outputs}


def facts() -> dict[str, Any]:
    """What is known of the device."""
    import onnxruntime

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [
        line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))
    ]
    return {
        "system": platform.platform(),
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "onnxruntime": onnxruntime.__version__,
    }


def start(entry: dict[str, Any], seed: int) -> dict[str, Any]:
    """Run one start in a fresh process."""
    command = [sys.executable, __file__, "--entry", entry["name"], "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"ended with {done.returncode}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def everything(manifest: dict[str, Any]) -> dict[str, Any]:
    """All starts of all entries."""
    rows = []
    for entry in manifest["entries"]:
        starts = []
        for seed in range(manifest["starts"]):
            starts.append(start(entry, seed))
            sys.stderr.write(f"{entry['name']}: start {seed + 1} of {manifest['starts']}\n")
            if "error" in starts[-1]:
                break
        rows.append({"name": entry["name"], "sha256": entry["sha256"], "starts": starts})
    manifest_sha256 = hashlib.sha256(Path("kit.json").read_bytes()).hexdigest()
    return {"manifest_sha256": manifest_sha256, "device": facts(), "entries": rows}


def main() -> None:
    """Time everything, or one start when called for it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entry")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.chdir(Path(__file__).parent)
    manifest = json.loads(Path("kit.json").read_text())
    if options.entry:
        entry = next(each for each in manifest["entries"] if each["name"] == options.entry)
        sys.stdout.write(json.dumps(one_start(manifest, entry, options.seed)) + "\n")
        return
    results = everything(manifest)
    text = json.dumps(results | {"digest": digest(results)}, indent=1)
    Path("results.json").write_text(text)


if __name__ == "__main__":
    main()
