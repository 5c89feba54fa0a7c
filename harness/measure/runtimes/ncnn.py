"""ncnn on CPU, the engine of many phone apps; the ONNX file is converted by pnnx when loaded.

Sizes are fixed at batch 1, as ncnn has no batch, and inputs are float32, as ncnn knows no uint8:
a graph that begins by casting its uint8 input loses that cast. The converted files are kept in the
user's cache by the model's hash, as converting takes seconds and each process start needs them.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np

from harness.measure.runtimes import Model, NotRunnableError
from harness.record import sha256_of

LIBRARY = "ncnn"
STARTUP_SECONDS = 90.0
CACHE = Path.home() / ".cache" / "slimbench" / "ncnn"


def version() -> str:
    """The installed version. Raises NotRunnableError when ncnn or pnnx is not installed."""
    try:
        metadata.version("pnnx")
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        raise NotRunnableError("ncnn is not installed (pip install ncnn pnnx)") from None


def load(path: Path, threads: int, precision: str = "fp32") -> Model:
    """A converted network on `threads` threads, fp16 inside when `precision` says so.

    Raises NotRunnableError naming the operator that ncnn lacks.
    """
    import ncnn

    folder = _converted(path)
    names: list[str] = json.loads((folder / "names.json").read_text())
    network = ncnn.Net()
    network.opt.num_threads = threads
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
        setattr(network.opt, option, precision == "fp16")
    files = [str(folder / f"model.ncnn.{suffix}") for suffix in ("param", "bin")]
    if network.load_param(files[0]) or network.load_model(files[1]):
        raise NotRunnableError(f"ncnn could not read {path.name} after conversion")

    def run(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        extractor = network.create_extractor()
        held: dict[int, np.ndarray] = {}
        for position, name in enumerate(names):
            (row,) = inputs[name]  # ncnn has no batch
            held[position] = np.ascontiguousarray(row, np.float32)  # ncnn.Mat only points at it
            extractor.input(f"in{position}", ncnn.Mat(held[position]))
        status, output = extractor.extract("out0")
        if status:
            raise RuntimeError(f"ncnn ended with status {status}")
        return [np.array(output)[None]]

    return run


def _converted(path: Path) -> Path:
    """The folder of the converted files, made when the model is met for the first time."""
    kept = CACHE / f"{version()}-{sha256_of(path)}"
    if not kept.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=CACHE))
        try:
            _convert(path, folder)
            with contextlib.suppress(OSError):  # another process was faster
                folder.rename(kept)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return kept


def _convert(path: Path, folder: Path) -> None:
    names, shapes = _write_float_model(path, folder / "model.onnx")
    tool = Path(sys.executable).with_name("pnnx")
    command = [str(tool), "model.onnx", f"inputshape={','.join(shapes)}", "fp16=0"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    parameters = folder / "model.ncnn.param"
    if not parameters.is_file():
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotRunnableError(f"pnnx could not convert it ({lines[-1] if lines else 'no word'})")
    if foreign := re.search(r"^(\w+(?:\.|::)\w+)", parameters.read_text(), re.MULTILINE):
        raise NotRunnableError(foreign.group(1))
    (folder / "names.json").write_text(json.dumps(names))


def _write_float_model(path: Path, target: Path) -> tuple[list[str], list[str]]:
    """Write the model with float32 inputs at batch 1; their names and pnnx's shape texts."""
    import onnx

    model = onnx.load(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in stored]
    names = [item.name for item in inputs]
    shapes = []
    for item in inputs:
        tensor = item.type.tensor_type
        tensor.elem_type = onnx.TensorProto.FLOAT
        tensor.shape.dim[0].dim_value = 1
        shapes.append(f"[{','.join(str(dim.dim_value) for dim in tensor.shape.dim)}]f32")
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in names:
            node.op_type = "Identity"
            del node.attribute[:]
    del model.graph.value_info[:]
    onnx.save(model, target)
    return names, shapes
