"""What an ONNX file costs: multiply-accumulates, parameters, bytes and peak memory.

Parameters are all numbers stored in the file: weights, biases, buffers, scales, zero points,
constants and index lists. Left out are int64 and bool tensors that only tell an operator a shape,
an axis or a position (or hold one number), and empty ones; they are no part of what was learned.
Of 4-bit weights a byte holds two.
"""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import zstandard
from onnx import TensorProto, numpy_helper

from harness.artifact.graph import Graph, analyse_body, attribute, bodies, read_graph
from harness.artifact.int8 import int8_macs
from harness.artifact.macs import node_macs
from harness.artifact.memory import peak_bytes, tensor_bytes
from harness.record import Counts

ZSTD_LEVEL = 3
_SCOPES = "pkg.torch.onnx.name_scopes"
_SECOND = (
    "CenterCropPad CumSum Expand OneHot ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin "
    "ReduceProd ReduceSum Reshape Split Squeeze Tile TopK Trilu Unsqueeze"
)
_SHAPE_OPERANDS = {name: {1} for name in _SECOND.split()} | {
    "ConstantOfShape": {0},
    "Pad": {1, 3},
    "Range": {0, 1, 2},
    "Resize": {1, 2, 3},
    "Shape": {0},
    "Size": {0},
    "Slice": {1, 2, 3, 4},
}
_POSITIONS = frozenset([TensorProto.INT64, TensorProto.BOOL])


@dataclass(frozen=True)
class NodeCount:
    """One node, or the sum over a branch: macs, stored numbers, bytes of weights and outputs.

    `reads` names the graph's inputs that a node's result follows from.
    """

    name: str
    operator: str
    branch: str
    macs: int
    params: int
    weight_bytes: int
    output_bytes: int
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def flops(self) -> int:
        """Floating-point operations: two for each multiply-accumulate."""
        return 2 * self.macs


def count(path: Path) -> Counts:
    """All counts of an ONNX file at batch 1, which is read and never run.

    Raises UsageError when it is no ONNX file, SlimbenchError naming a node that is not known.
    """
    graph = read_graph(path)
    macs = sum(node_macs(node, graph) for node in graph.nodes)
    params = _stored_numbers(graph) | _inside(graph)
    return Counts(
        macs=macs,
        params=sum(dense for dense, _ in params.values()),
        params_nonzero=sum(nonzero for _, nonzero in params.values()),
        size_bytes=path.stat().st_size,
        size_zstd_bytes=compressed_bytes(path),
        peak_memory_bytes=peak_bytes(graph) + _peak_inside(graph),
        macs_int8=int8_macs(graph),
    )


def count_nodes(path: Path) -> list[NodeCount]:
    """One row a node that runs, in file order; a shared weight counts at its first reader."""
    graph = read_graph(path)
    params = _stored_numbers(graph)
    origins = _origins(graph)
    sources = {name: {name} for name in graph.inputs}
    rows = []
    for node in graph.nodes:
        if all(name in graph.constants for name in node.output if name):
            continue
        names = {origin for name in node.input for origin in origins.get(name, ())}
        reads = {source for name in _all_read(node) for source in sources.get(name, ())}
        sources |= dict.fromkeys(node.output, reads)
        own = [(name, params.pop(name)) for name in sorted(names) if name in params]
        rows.append(
            NodeCount(
                name=node.name or node.output[0],
                operator=node.op_type,
                branch=branch(node),
                macs=node_macs(node, graph),
                params=sum(dense for _, (dense, _) in own),
                weight_bytes=sum(_weight_bytes(name, graph) for name, _ in own),
                output_bytes=sum(tensor_bytes(name, graph) for name in node.output),
                inputs=tuple(node.input),
                outputs=tuple(node.output),
                reads=tuple(sorted(reads)),
            )
        )
    return rows


def by_branch(rows: Iterable[NodeCount], depth: int = 1) -> list[NodeCount]:
    """Sums over the first `depth` parts of each row's branch, in order of appearance."""
    groups: dict[str, list[NodeCount]] = defaultdict(list)
    for row in rows:
        groups[".".join(row.branch.split(".")[:depth])].append(row)
    return [_summed(name, members) for name, members in groups.items()]


def branch(node: onnx.NodeProto) -> str:
    """The module a node came from, as `stage1.0.conv1`; empty when the exporter did not say."""
    for item in node.metadata_props:
        if item.key == _SCOPES:
            scopes = ast.literal_eval(item.value)
            return str(scopes[-2]) if len(scopes) > 1 else ""
    parts = [part for part in node.name.split("/") if part]
    return ".".join(parts[:-1])


def compressed_bytes(path: Path) -> int:
    """Bytes after zstd at level 3."""
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    return len(compressor.compress(path.read_bytes()))


def _stored_numbers(graph: Graph) -> dict[str, tuple[int, int]]:
    """Dense and non-zero count of each stored tensor that is a parameter."""
    data = _read_as_data(graph)
    found = {
        name: (math.prod(tensor.dims), _nonzero(tensor))
        for name, tensor in graph.stored.items()
        if name in data or tensor.data_type not in _POSITIONS
    }
    found |= {name: each for name, each in _packed(graph).items() if name in found}
    for name, sparse in graph.sparse.items():
        found[name] = (math.prod(sparse.dims), _nonzero(sparse.values))
    return {name: counts for name, counts in found.items() if counts[0]}


def _packed(graph: Graph) -> dict[str, tuple[int, int]]:
    """Dense and non-zero count of 4-bit weights, of which a stored byte holds two."""
    found = {}
    for node in graph.nodes:
        tensor = graph.stored.get(node.input[1]) if node.op_type == "MatMulNBits" else None
        if tensor is None or attribute(node, "bits", 4) != 4:
            continue
        shape = attribute(node, "N", 0), attribute(node, "K", 0)
        packed = numpy_helper.to_array(tensor)
        if not 0 < math.prod(shape) <= 2 * packed.size or packed.size % shape[0]:
            continue  # no such weight can be run
        packed = packed.reshape(shape[0], -1)
        numbers = np.stack((packed & 15, packed >> 4), -1).reshape(shape[0], -1)[:, : shape[1]]
        is_symmetric = len(node.input) < 4 or not node.input[3]  # then 8 stands for zero
        nonzero = np.count_nonzero(numbers != 8) if is_symmetric else numbers.size
        found[node.input[1]] = (math.prod(shape), int(nonzero))
    return found


def _inside(graph: Graph) -> dict[str, tuple[int, int]]:
    """Dense and non-zero count of what nodes hold themselves: branches and trees."""
    found: dict[str, tuple[int, int]] = {}
    for number, node in enumerate(graph.nodes):
        for place, body in enumerate(bodies(node)):
            inner = analyse_body(body, graph)
            kept = _stored_numbers(inner) | _inside(inner)
            kept = {name: each for name, each in kept.items() if name not in graph.stored}
            found |= {f"{number}.{place}.{name}": each for name, each in kept.items()}
        if node.op_type == "TreeEnsembleRegressor":
            inner_nodes = sum(mode != b"LEAF" for mode in attribute(node, "nodes_modes"))
            leaves = attribute(node, "target_weights")
            # a branch stores its feature and its threshold, a leaf its value
            nonzero = 2 * inner_nodes + int(np.count_nonzero(leaves))
            found[f"{number}.trees"] = (2 * inner_nodes + len(leaves), nonzero)
    return found


def _peak_inside(graph: Graph) -> int:
    """Peak memory of the largest branch, beside what is alive around it."""
    inner = [analyse_body(body, graph) for node in graph.nodes for body in bodies(node)]
    return max((peak_bytes(each) for each in inner), default=0)


def _read_as_data(graph: Graph) -> set[str]:
    """Stored int64 and bool tensors of several numbers that some node reads as data."""
    return {
        name
        for node in graph.nodes
        for index, name in enumerate(node.input)
        if name in graph.stored
        and math.prod(graph.stored[name].dims) > 1
        and index not in _SHAPE_OPERANDS.get(node.op_type, ())
    }


def _nonzero(tensor: TensorProto) -> int:
    return int(np.count_nonzero(numpy_helper.to_array(tensor)))


def _weight_bytes(name: str, graph: Graph) -> int:
    tensor = graph.sparse[name].values if name in graph.sparse else graph.stored[name]
    return len(tensor.raw_data) or numpy_helper.to_array(tensor).nbytes


def _all_read(node: onnx.NodeProto) -> set[str]:
    """What a node reads, also in the graphs inside it."""
    inner = (each for body in bodies(node) for each in body.node)
    return set(node.input).union(*map(_all_read, inner))


def _origins(graph: Graph) -> dict[str, set[str]]:
    """Which stored tensors each constant tensor was made from."""
    origins = {name: {name} for name in (*graph.stored, *graph.sparse)}
    for node in graph.nodes:
        if node.output[0] in graph.constants and node.op_type != "Constant":
            merged = {origin for name in node.input for origin in origins.get(name, ())}
            origins |= dict.fromkeys(node.output, merged)
    return origins


def _summed(name: str, members: list[NodeCount]) -> NodeCount:
    return NodeCount(
        name=name,
        operator="",
        branch=name,
        macs=sum(row.macs for row in members),
        params=sum(row.params for row in members),
        weight_bytes=sum(row.weight_bytes for row in members),
        output_bytes=sum(row.output_bytes for row in members),
    )
