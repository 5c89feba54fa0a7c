"""A graph cut into what a runtime executes: an operator with the element-wise nodes fused into it.

Each piece has a key of operators, attributes and shapes, the same for the same work, and can be
written as a model of its own to be timed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from harness.artifact.graph import Graph, read_graph
from harness.artifact.macs import node_macs
from harness.artifact.memory import tensor_bytes

_FUSED = frozenset(
    ["Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "LeakyRelu", "Tanh", "Add", "Mul"]
)
_COSTLY = frozenset(["Conv", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul"])


@dataclass(frozen=True)
class Operator:
    """One piece: its key and kind, and what its time depends on."""

    key: str
    kind: str
    macs: int
    read_bytes: int
    written_bytes: int
    weight_bytes: int
    nodes: tuple[int, ...]

    def features(self) -> np.ndarray:
        """Logs of macs and bytes, for the regression of pieces that were never timed; (4,)."""
        sizes = (self.macs, self.read_bytes, self.written_bytes, self.weight_bytes)
        logs: np.ndarray = np.log1p(np.array(sizes, float))
        return logs


def operators(path: Path) -> list[Operator]:
    """The pieces of an ONNX file in file order; nodes of stored numbers alone are left out."""
    return cut(read_graph(path))


def cut(graph: Graph) -> list[Operator]:
    """The pieces of an analysed graph."""
    readers = Counter(name for node in graph.nodes for name in node.input)
    readers.update(graph.outputs)
    pieces: list[list[int]] = []
    owner: dict[str, int] = {}
    for position, node in enumerate(graph.nodes):
        if all(name in graph.constants for name in node.output if name):
            continue
        home = next((owner[name] for name in reversed(node.input) if name in owner), None)
        if (
            node.op_type in _FUSED
            and home is not None
            and _ends(pieces[home], node, graph, readers)
        ):
            pieces[home].append(position)
        else:
            pieces.append([position])
            home = len(pieces) - 1
        owner |= dict.fromkeys(node.output, home)
    return [_operator(tuple(piece), graph) for piece in pieces]


def write_operator(operator: Operator, graph: Graph, path: Path) -> Path:
    """Write one piece as a model whose inputs are the tensors it reads, at batch 1."""
    nodes = [graph.nodes[position] for position in operator.nodes]
    inputs, constants = _read_names(nodes, graph)
    made, stored = _constant_part(constants, graph)
    outputs = [nodes[-1].output[0]]
    model = helper.make_model(
        helper.make_graph(
            [*made, *nodes],
            "operator",
            [_value(name, graph) for name in inputs],
            [_value(name, graph) for name in outputs],
            stored,
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
        ir_version=10,
    )
    onnx.save(model, path)
    return path


def _ends(piece: list[int], node: onnx.NodeProto, graph: Graph, readers: Counter[str]) -> bool:
    """Whether the piece is costly, ends where `node` reads, and nobody else reads it."""
    last = graph.nodes[piece[-1]].output[0]
    return graph.nodes[piece[0]].op_type in _COSTLY and last in node.input and readers[last] == 1


def _operator(piece: tuple[int, ...], graph: Graph) -> Operator:
    nodes = [graph.nodes[position] for position in piece]
    inputs, constants = _read_names(nodes, graph)
    shapes = ["x".join(map(str, graph.shapes.get(name, ()))) for name in (*inputs, *constants)]
    texts = [f"{node.op_type}{sorted(_text(item) for item in node.attribute)}" for node in nodes]
    return Operator(
        key=f"{'+'.join(texts)}({','.join(shapes)})",
        kind=_kind(nodes[0], graph),
        macs=sum(node_macs(node, graph) for node in nodes),
        read_bytes=sum(tensor_bytes(name, graph) for name in inputs),
        written_bytes=tensor_bytes(nodes[-1].output[0], graph),
        weight_bytes=sum(4 * int(np.prod(graph.shapes.get(name, ()))) for name in constants),
        nodes=piece,
    )


def _kind(node: onnx.NodeProto, graph: Graph) -> str:
    """The operator, with its window and whether it is depthwise, as these run other kernels."""
    if node.op_type != "Conv" or len(graph.shapes.get(node.input[1], ())) < 3:
        return str(node.op_type)
    kernel = graph.shapes[node.input[1]]
    strides = next((list(item.ints) for item in node.attribute if item.name == "strides"), [1])
    depthwise = "depthwise " if kernel[1] == 1 and kernel[0] > 1 else ""
    return f"{depthwise}Conv {'x'.join(map(str, kernel[2:]))} / {strides[0]}"


def _text(item: onnx.AttributeProto) -> str:
    value = helper.get_attribute_value(item)
    return f"{item.name}={'...' if hasattr(value, 'dims') or hasattr(value, 'node') else value}"


def _read_names(nodes: list[onnx.NodeProto], graph: Graph) -> tuple[list[str], list[str]]:
    """Activations that a piece reads, and constants."""
    own = {name for node in nodes for name in node.output}
    names = dict.fromkeys(name for node in nodes for name in node.input if name and name not in own)
    constants = [name for name in names if name in graph.constants]
    return [name for name in names if name not in graph.constants], constants


def _constant_part(
    names: list[str], graph: Graph
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The nodes and stored tensors that constants are made of."""
    writers = {name: position for position, node in enumerate(graph.nodes) for name in node.output}
    needed: set[int] = set()
    pending, tensors = list(names), {}
    while pending:
        name = pending.pop()
        position = writers.get(name)
        if position is None:
            tensors[name] = graph.stored[name]
        elif position not in needed:
            needed.add(position)
            pending.extend(each for each in graph.nodes[position].input if each)
    for name, tensor in tensors.items():
        if not tensor.name:
            tensors[name] = numpy_helper.from_array(numpy_helper.to_array(tensor), name)
    return [graph.nodes[position] for position in sorted(needed)], list(tensors.values())


def _value(name: str, graph: Graph) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, graph.types.get(name, 1), graph.shapes.get(name))
