"""An artifact's graph without its weights, and the same graph with weights drawn in their place.

How long a dense graph takes does not depend on the numbers it multiplies, so a row whose artifact
is too large to keep can be timed on machines that come later. Not kept are graphs whose requests
may take several ways, that sort or walk trees, and that the runtime optimizes otherwise with other
numbers in them.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import zstandard
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, numpy_helper

from harness.artifact.check import MAXIMUM_TENSOR_BYTES, TREES
from harness.artifact.graph import bodies
from harness.errors import UsageError

VERBATIM = 64  # numbers of a tensor that is kept as it is: shapes, axes, scales
MARK = "drawn "
BY_VALUE = ("TopK", "NonZero", "Unique")
SCALED = ("QuantizeLinear", "DequantizeLinear")  # their scales decide what the runtime fuses


def strip(artifact: Path) -> bytes | None:
    """The graph of an ONNX file, a few kB; None where time depends on weights.

    Of each large tensor its shape, type, range, mean and standard deviation are kept.
    """
    model = onnx.load(artifact, load_external_data=False)
    nodes = list(model.graph.node)
    if model.functions or model.graph.sparse_initializer or any(map(_by_value, nodes)):
        return None
    kept = {name for node in nodes if node.op_type in SCALED for name in node.input[1:]}
    for tensor in _tensors(model):
        if tensor.name not in kept and np.prod(tensor.dims) > VERBATIM:
            tensor.CopyFrom(_without_numbers(tensor))
    for described in (model, model.graph, *nodes):
        del described.metadata_props[:]
        described.doc_string = ""
    stripped = zstandard.compress(model.SerializeToString(), 19)
    same = _optimized(artifact.read_bytes()) == _optimized(fill(stripped).SerializeToString())
    return stripped if same else None


def fill(stripped: bytes, seed: int = 0) -> onnx.ModelProto:
    """The graph with tensors drawn from the ranges that `strip` kept.

    Floats are normal, cut at the tensor's least and greatest; whole numbers are uniform between.
    Raises UsageError when `stripped` is not what `strip` returns.
    """
    try:
        model = onnx.load_model_from_string(zstandard.decompress(stripped))
        random = np.random.default_rng(seed)
        for tensor in _tensors(model):
            if tensor.doc_string.startswith(MARK):
                tensor.CopyFrom(_drawn(tensor, random))
    except (zstandard.ZstdError, ValueError, DecodeError) as error:
        raise UsageError(f"not a graph without weights ({error}); restore it from git") from None
    return model


def _by_value(node: onnx.NodeProto) -> bool:
    trees = (node.domain, node.op_type) == TREES
    return trees or node.op_type in BY_VALUE or bool(bodies(node))


def _optimized(model: bytes) -> Counter[str]:
    """How often each operator is left when ONNX Runtime has fused and folded a graph."""
    import onnxruntime  # starts a thread, and a process with threads cannot enter the sandbox

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(options.optimized_model_filepath, load_external_data=False).graph
    return Counter(node.op_type for node in graph.node)


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Initializers and the values of Constant nodes."""
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (item.t for item in node.attribute if item.HasField("t"))


def _without_numbers(tensor: TensorProto) -> TensorProto:
    values = numpy_helper.to_array(tensor).astype(np.float64)
    facts = [values.min(), values.max(), values.mean(), values.std()]
    return TensorProto(
        name=tensor.name,
        dims=tensor.dims,
        data_type=tensor.data_type,
        doc_string=MARK + json.dumps([float(fact) for fact in facts]),
    )


def _drawn(tensor: TensorProto, random: np.random.Generator) -> TensorProto:
    least, most, mean, deviation = json.loads(tensor.doc_string.removeprefix(MARK))
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    shape = tuple(tensor.dims)
    if np.prod(shape, dtype=np.float64) > MAXIMUM_TENSOR_BYTES:
        raise ValueError(f"tensor '{tensor.name}' of shape {shape}")
    if kind.kind == "f":
        values = random.normal(mean, deviation, shape).clip(least, most)
    else:
        values = random.integers(int(least), int(most) + 1, shape)
    return numpy_helper.from_array(values.astype(kind), tensor.name)
