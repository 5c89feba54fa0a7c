"""Whether a file from outside is an ONNX model that is safe to open; nothing of it is run.

A submitted file may be anything: a renamed archive, a graph that points at /etc/passwd for its
weights, a nest of loops deep enough to end a parser. Each is one sentence, never a traceback.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from harness.artifact.contrib import DOMAIN
from harness.errors import UsageError

DOMAINS = frozenset(["", "ai.onnx", DOMAIN])
TREES = ("ai.onnx.ml", "TreeEnsembleRegressor")  # the one operator of its domain that is allowed
_UNLISTED = frozenset(["SimplifiedLayerNormalization"])  # ONNX Runtime has it in ai.onnx
MAXIMUM_DEPTH = 4
MAXIMUM_NODES = 50_000
MAXIMUM_TENSOR_BYTES = 2 * 10**9


def check_model(path: Path, max_bytes: int) -> None:
    """Raise UsageError in one sentence unless `path` is one self-contained ONNX model.

    It must be at most `max_bytes` long, hold its own weights, use standard or ONNX Runtime
    operators, and leave no dimension of its inputs open but the first.
    """
    _check_file(path, max_bytes)
    model = _parse(path)
    _check_domains(path, model)
    nodes = 0
    for graph, depth in _graphs(path, model):
        nodes += len(graph.node)
        if nodes > MAXIMUM_NODES:
            raise UsageError(
                f"{path} holds more than {MAXIMUM_NODES} nodes; export a smaller graph"
            )
        for tensor in _tensors(graph):
            _check_tensor(path, tensor)
        if depth == 0:
            _check_inputs(path, graph)
    _check_structure(path, model)


def _check_file(path: Path, max_bytes: int) -> None:
    if not path.is_file():
        raise UsageError(f"{path} is not a file; give the path of an ONNX model")
    size = path.stat().st_size
    if size == 0:
        raise UsageError(f"{path} is empty; export the model again")
    if size > max_bytes:
        raise UsageError(
            f"{path}: size {size / 1e6:.1f} MB is above the limit {max_bytes / 1e6:.1f} MB; "
            "see the task's card"
        )


def _parse(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError) as error:
        raise UsageError(f"{path} is not an ONNX file ({_first_line(error)})") from None
    if not model.ir_version or not model.opset_import or not model.graph.output:
        raise UsageError(f"{path} is not an ONNX model: it has no version, operators or outputs")
    return model


def _check_domains(path: Path, model: onnx.ModelProto) -> None:
    local = {function.domain for function in model.functions}
    for node in nodes_of(path, model):
        if (node.domain, node.op_type) == TREES:
            continue
        if node.domain not in DOMAINS | local:
            raise UsageError(
                f"{path}: operator {node.op_type} '{node.name}' is of the custom domain "
                f"'{node.domain}'; only ai.onnx and {DOMAIN} are allowed"
            )
        standard = node.domain in ("", "ai.onnx")
        if standard and not onnx.defs.has(node.op_type) and node.op_type not in _UNLISTED:
            raise UsageError(
                f"{path}: {node.op_type} '{node.name}' is no operator of ONNX {onnx.__version__}"
            )


def nodes_of(path: Path, model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Every node, also inside branches and functions. Raises UsageError when nested too deep."""
    for graph, _ in _graphs(path, model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def _graphs(path: Path, model: onnx.ModelProto) -> Iterator[tuple[onnx.GraphProto, int]]:
    """Every graph with its depth of nesting, without recursion."""
    pending = [(model.graph, 0)]
    for function in model.functions:
        pending.append((onnx.GraphProto(node=function.node, name=function.name), 1))
    while pending:
        graph, depth = pending.pop()
        if depth > MAXIMUM_DEPTH:
            raise UsageError(
                f"{path} nests graphs deeper than {MAXIMUM_DEPTH}; export without control flow"
            )
        yield graph, depth
        for node in graph.node:
            for item in node.attribute:
                inner = [item.g] if item.HasField("g") else list(item.graphs)
                pending.extend((each, depth + 1) for each in inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for item in node.attribute:
            if item.HasField("t"):
                yield item.t
            yield from item.tensors


def _check_tensor(path: Path, tensor: TensorProto) -> None:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        where = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
        raise UsageError(
            f"{path}: the weights '{tensor.name}' lie in another file ('{where}'); save the model "
            "as one file (save_as_external_data=False)"
        )
    if any(dim < 0 for dim in tensor.dims):
        raise UsageError(f"{path}: the tensor '{tensor.name}' has a negative dimension")
    if math.prod(tensor.dims) > MAXIMUM_TENSOR_BYTES:
        raise UsageError(
            f"{path}: the tensor '{tensor.name}' claims {math.prod(tensor.dims)} numbers; "
            f"the limit is {MAXIMUM_TENSOR_BYTES}"
        )
    if tensor.raw_data and tensor.data_type in helper.get_all_tensor_dtypes():
        _check_length(path, tensor)


def _check_length(path: Path, tensor: TensorProto) -> None:
    if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        raise UsageError(f"{path}: the tensor '{tensor.name}' holds no numbers")
    if tensor.data_type in (TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1):
        return
    size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    if len(tensor.raw_data) != math.prod(tensor.dims) * size:
        raise UsageError(
            f"{path}: the tensor '{tensor.name}' of shape {list(tensor.dims)} holds "
            f"{len(tensor.raw_data)} bytes; the file is cut or damaged"
        )


def _check_inputs(path: Path, graph: onnx.GraphProto) -> None:
    stored = {tensor.name for tensor in graph.initializer}
    for item in graph.input:
        if item.name in stored:
            continue
        if not item.type.HasField("tensor_type"):
            raise UsageError(f"{path}: input '{item.name}' is no tensor")
        for index, dim in enumerate(item.type.tensor_type.shape.dim):
            if index > 0 and dim.dim_value <= 0:
                raise UsageError(
                    f"{path}: input '{item.name}' leaves dimension {index} open "
                    f"('{dim.dim_param}'); only the batch may be open"
                )


def _check_structure(path: Path, model: onnx.ModelProto) -> None:
    """ONNX's own checks of names, order and attributes; it knows the standard domain only."""
    try:
        onnx.checker.check_model(model, skip_opset_compatibility_check=True)
    except onnx.checker.ValidationError as error:
        text = str(error)
        if "No Op registered" in text or "No opset import" in text or DOMAIN in text:
            return
        raise UsageError(f"{path} is not a valid ONNX model: {_first_line(error)}") from None
    except ValueError:
        return  # above 2 GB the checker needs a path; the size limit comes first


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
