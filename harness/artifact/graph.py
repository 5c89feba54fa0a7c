"""An ONNX file as a graph whose tensors all have known shapes at batch 1; no code of it is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import helper, numpy_helper

from harness.artifact.contrib import stand_in
from harness.errors import SlimbenchError, UsageError

OPSET = 20  # branches do not state one; shapes follow from the operators alone
SMALL = 1024  # numbers; larger tensors cannot steer shape inference and stay out of it

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, the shapes and types of tensors, and what is stored.

    `constants` names every tensor that depends on stored numbers alone.
    """

    nodes: tuple[onnx.NodeProto, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: dict[str, Shape]
    types: dict[str, int]
    stored: dict[str, onnx.TensorProto]
    sparse: dict[str, onnx.SparseTensorProto]
    constants: frozenset[str]

    def shape(self, name: str, node: onnx.NodeProto) -> Shape:
        """The shape of a tensor at batch 1. Raises SlimbenchError naming the node if unknown."""
        if name not in self.shapes:
            raise SlimbenchError(
                f"the shape of '{name}' at {label(node)} is unknown at batch 1; export the model "
                "with fixed shapes apart from the batch"
            )
        return self.shapes[name]


def label(node: onnx.NodeProto) -> str:
    """How messages name a node: operator, then its name or first output."""
    domain = f"{node.domain}." if node.domain else ""
    return f"{domain}{node.op_type} '{node.name or next(iter(node.output), '')}'"


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of a node's attribute, or `default`."""
    for item in node.attribute:
        if item.name == name:
            return helper.get_attribute_value(item)
    return default


def read_model(path: Path) -> onnx.ModelProto:
    """Parse an ONNX file with local functions inlined. Raises UsageError when it is none."""
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read as an ONNX model: {error}") from None
    if not model.graph.node and not model.graph.output:
        raise UsageError(f"{path} holds no ONNX graph; export the model again")
    if model.functions:
        from onnx import inliner

        model = inliner.inline_local_functions(model)
    return model


def read_graph(path: Path) -> Graph:
    """Read an ONNX file and infer every shape at batch 1."""
    return analyse(read_model(path))


def analyse(model: onnx.ModelProto) -> Graph:
    """The analysed graph of a model; the model's large tensors are taken out of it."""
    stored = _take_initializers(model)
    sparse = {item.values.name: item for item in model.graph.sparse_initializer}
    names = {item.name for item in stored.values()} | set(sparse)
    inputs = [item for item in model.graph.input if item.name not in names]
    for item in inputs:
        fix_batch(item)
    shapes, types = _inferred(model, stored)
    for name, tensor in sparse.items():
        shapes[name], types[name] = tuple(tensor.dims), tensor.values.data_type
    nodes = tuple(model.graph.node)
    stored |= dict(_constant_nodes(nodes))
    return Graph(
        nodes=nodes,
        inputs=tuple(item.name for item in inputs),
        outputs=tuple(item.name for item in model.graph.output),
        shapes=shapes,
        types=types,
        stored=stored,
        sparse=sparse,
        constants=_constants(nodes, set(stored) | set(sparse)),
    )


def bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs inside a node, as the branches of an If."""
    return [item.g for item in node.attribute if item.type == onnx.AttributeProto.GRAPH]


def takes_ways(path: Path) -> bool:
    """Whether some node of an ONNX file runs a graph inside it, so that requests may differ."""
    return any(bodies(node) for node in read_model(path).graph.node)


def analyse_body(body: onnx.GraphProto, outside: Graph) -> Graph:
    """The analysed graph of a branch, which reads tensors of the graph around it."""
    made = {name for node in body.node for name in node.output}
    made |= {tensor.name for tensor in body.initializer} | {item.name for item in body.input}
    read = {name for node in body.node for name in node.input if name} - made
    inputs = [
        helper.make_tensor_value_info(name, outside.types[name], outside.shapes[name])
        for name in sorted(read)
        if name in outside.shapes and name not in outside.stored
    ]
    kept = [outside.stored[name] for name in sorted(read) if name in outside.stored]
    graph = helper.make_graph(
        body.node, body.name or "body", inputs, body.output, [*body.initializer, *kept]
    )
    versions = [("", OPSET), ("com.microsoft", 1), ("ai.onnx.ml", 3)]
    imports = [helper.make_opsetid(domain, version) for domain, version in versions]
    return analyse(helper.make_model(graph, opset_imports=imports))


def fix_batch(item: onnx.ValueInfoProto) -> None:
    """Set the first dimension of an input to 1 if it is open. Raises SlimbenchError on others."""
    dims = item.type.tensor_type.shape.dim
    for index, dim in enumerate(dims):
        if dim.HasField("dim_value") and dim.dim_value > 0:
            continue
        if index > 0:
            raise SlimbenchError(
                f"input '{item.name}' leaves dimension {index} open ('{dim.dim_param}'); "
                "only the batch may be open, export with fixed shapes"
            )
        dim.dim_value = 1


def _take_initializers(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """Move large initializers out of the model, which keeps their shapes as graph inputs."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    small = [tensor for tensor in tensors.values() if np.prod(tensor.dims) <= SMALL]
    large = [tensor for tensor in tensors.values() if np.prod(tensor.dims) > SMALL]
    given = {item.name for item in model.graph.input}
    del model.graph.initializer[:]
    model.graph.initializer.extend(small)
    model.graph.input.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        for tensor in large
        if tensor.name not in given
    )
    return tensors


def _is_known(item: onnx.ValueInfoProto) -> bool:
    shape = item.type.tensor_type.shape
    return item.type.tensor_type.HasField("shape") and all(
        dim.HasField("dim_value") for dim in shape.dim
    )


def _symbolically(model: onnx.ModelProto) -> onnx.ModelProto:
    """Shapes by ONNX Runtime's inference, which also follows shapes computed in the graph.

    It lacks some operators, so ONNX's own inference goes on from what it found.
    """
    from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

    try:
        found = SymbolicShapeInference.infer_shapes(model, auto_merge=True)
    except Exception:  # noqa: BLE001  (it raises bare Exception where it gives up)
        found = model
    followed = [item for item in found.graph.value_info if _is_known(item)]
    start = onnx.ModelProto()
    start.CopyFrom(model)
    start.graph.value_info.extend(item for item in followed if item.type.tensor_type.shape.dim)
    return onnx.shape_inference.infer_shapes(start, data_prop=True)


def _inferred(
    model: onnx.ModelProto, stored: dict[str, onnx.TensorProto]
) -> tuple[dict[str, Shape], dict[str, int]]:
    shadow = onnx.ModelProto()
    shadow.CopyFrom(model)
    del shadow.graph.value_info[:]
    for item in shadow.graph.output:
        item.type.tensor_type.ClearField("shape")
    nodes = [copy for node in model.graph.node for copy in stand_in(node)]
    del shadow.graph.node[:]
    shadow.graph.node.extend(nodes)
    result = onnx.shape_inference.infer_shapes(shadow, data_prop=True).graph
    if any(not _is_known(item) for item in result.value_info):
        result = _symbolically(shadow).graph
    shapes: dict[str, Shape] = {}
    types: dict[str, int] = {}
    for item in (*result.input, *result.value_info, *result.output):
        tensor = item.type.tensor_type
        types[item.name] = tensor.elem_type
        if _is_known(item):
            shapes[item.name] = tuple(dim.dim_value for dim in tensor.shape.dim)
    for name, weights in stored.items():
        shapes[name], types[name] = tuple(weights.dims), weights.data_type
    return shapes, types


def _constant_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[tuple[str, onnx.TensorProto]]:
    for node in nodes:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            yield node.output[0], constant_tensor(node)


def constant_tensor(node: onnx.NodeProto) -> onnx.TensorProto:
    """The stored tensor of a Constant node, whichever attribute holds it."""
    item = node.attribute[0]
    value = helper.get_attribute_value(item)
    if item.name == "value":
        tensor: onnx.TensorProto = value
        return tensor
    dtype = {"value_float": np.float32, "value_floats": np.float32}.get(item.name, np.int64)
    if item.name.startswith("value_string"):
        return numpy_helper.from_array(np.array([], np.int64))
    return numpy_helper.from_array(np.asarray(value, dtype))


def _constants(nodes: Iterable[onnx.NodeProto], stored: set[str]) -> frozenset[str]:
    known = set(stored)
    for node in nodes:
        names = [name for name in node.input if name]
        random = node.op_type.startswith("Random")
        if not random and all(name in known for name in names) and not _has_body(node):
            known.update(node.output)
    return frozenset(known)


def _has_body(node: onnx.NodeProto) -> bool:
    return any(item.type == onnx.AttributeProto.GRAPH for item in node.attribute)
