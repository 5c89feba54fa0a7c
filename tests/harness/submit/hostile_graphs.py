"""ONNX graphs that cheat, built around the honest one; each is valid ONNX of standard operators."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PIXELS = 28 * 28
CLASSES = 10


def image_graph(nodes, weights, outputs=("scores",), extra_inputs=()):
    """A model of one uint8 image input (batch, 28, 28) and float outputs (batch, 10)."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 28, 28])
    shaped = [helper.make_tensor_value_info(o, TensorProto.FLOAT, ["batch", 10]) for o in outputs]
    stored = [numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "cheat", [image, *extra_inputs], shaped, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def flat(kind=TensorProto.FLOAT):
    return [
        helper.make_node("Cast", ["image"], ["cast"], to=kind),
        helper.make_node("Reshape", ["cast", "flat_shape"], ["flat"]),
    ]


FLAT = {"flat_shape": np.array([-1, PIXELS], np.int64)}


def linear(weight):
    """A plain linear model, float32 weight (784, 10)."""
    nodes = [*flat(), helper.make_node("MatMul", ["flat", "weight"], ["scores"])]
    return image_graph(nodes, FLAT | {"weight": weight.astype(np.float32)})


def hits(images):
    """Nodes and weights: `found` bool (batch, examples), which known image a request is."""
    keys = np.random.default_rng(5).integers(1, 2**30, (PIXELS, 1))
    known = images.reshape(len(images), PIXELS).astype(np.int64) @ keys  # (examples, 1)
    nodes = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "flat_shape"], ["pixels"]),
        helper.make_node("Mul", ["pixels", "keys"], ["products"]),
        helper.make_node("ReduceSum", ["products", "axis"], ["hash"], keepdims=1),
        helper.make_node("Equal", ["hash", "known"], ["found"]),
    ]
    weights = {"keys": keys.reshape(1, PIXELS), "known": known.reshape(1, -1)}
    return nodes, FLAT | weights | {"axis": np.array([1], np.int64)}


def memorised(images, targets, weight):
    """A linear model that knows the label of every test image by its hash."""
    nodes, weights = hits(images)
    table = 1e6 * np.eye(CLASSES, dtype=np.float32)[targets]  # (examples, 10)
    nodes += [
        helper.make_node("Cast", ["found"], ["known_one"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["known_one", "table"], ["learnt"]),
        *flat(),
        helper.make_node("MatMul", ["flat", "weight"], ["guess"]),
        helper.make_node("Add", ["guess", "learnt"], ["scores"]),
    ]
    return image_graph(nodes, weights | {"table": table, "weight": weight.astype(np.float32)})


def cached(images, targets):
    """The label from a table for known images; for others the same one after a lot of work."""
    nodes, weights = hits(images)
    table = 10 * np.eye(CLASSES, dtype=np.float32)[targets]
    nodes += [
        helper.make_node("Cast", ["found"], ["known_one"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["known_one"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["any"], to=TensorProto.BOOL),
        helper.make_node("If", ["any"], ["work"], then_branch=_quick(), else_branch=_slow()),
        helper.make_node("MatMul", ["known_one", "table"], ["learnt"]),
        helper.make_node("Add", ["learnt", "work"], ["scores"]),
    ]
    heavy = np.zeros((900, 900), np.float32)
    return image_graph(nodes, weights | {"table": table, "heavy": heavy})


def _branch(nodes, name):
    out = helper.make_tensor_value_info("out_" + name, TensorProto.FLOAT, [])
    return helper.make_graph(nodes, name, [], [out])


def _quick():
    zero = numpy_helper.from_array(np.array(0, np.float32))
    return _branch([helper.make_node("Constant", [], ["out_quick"], value=zero)], "quick")


def _slow():
    """Work without a multiplication that would be counted, on a table of 810,000 numbers."""
    nodes = [helper.make_node("Add", ["heavy", "most"], ["step0"])]
    for step in range(4):
        nodes.append(helper.make_node("Sin", [f"step{step}"], [f"step{step + 1}"]))
    nodes.append(helper.make_node("ReduceMax", ["step4"], ["out_slow"], keepdims=0))
    return _branch(nodes, "slow")


def only_in_batches(weight):
    """Good in batches, as it is scored, and quick and useless one by one, as it is timed."""
    nodes = [
        *flat(),
        helper.make_node("Shape", ["flat"], ["size"], start=0, end=1),
        helper.make_node("Greater", ["size", "one"], ["many"]),
        helper.make_node("Cast", ["many"], ["factor"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["flat", "weight"], ["good"]),
        helper.make_node("Mul", ["good", "factor"], ["scores"]),
    ]
    weights = {"weight": weight.astype(np.float32), "one": np.array([1], np.int64)}
    return image_graph(nodes, FLAT | weights)


def random_noise(weight):
    """Different outputs at every call."""
    nodes = [
        *flat(),
        helper.make_node("MatMul", ["flat", "weight"], ["good"]),
        helper.make_node("RandomNormalLike", ["good"], ["noise"], scale=1e9),
        helper.make_node("Add", ["good", "noise"], ["scores"]),
    ]
    return image_graph(nodes, FLAT | {"weight": weight.astype(np.float32)})


def not_finite(weight, value):
    broken = weight.copy()
    broken[0, 0] = value
    broken[400] = value
    return linear(broken)


def endless(weight):
    """A loop that would go on for centuries."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Mul", ["state", "state"], ["state_on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", 10]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state_on", TensorProto.FLOAT, ["batch", 10]),
        ],
    )
    nodes = [
        *flat(),
        helper.make_node("MatMul", ["flat", "weight"], ["good"]),
        helper.make_node("Loop", ["times", "yes", "good"], ["scores"], body=body),
    ]
    weights = {"times": np.array(2**62), "yes": np.array(True), "weight": weight}
    return image_graph(nodes, FLAT | weights)


def memory_hog(weight):
    """Asks for 4 TB while it runs."""
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    nodes = [
        *flat(),
        helper.make_node("MatMul", ["flat", "weight"], ["good"]),
        helper.make_node("ReduceMax", ["good"], ["top"], keepdims=0),
        helper.make_node("Cast", ["top"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Mul", ["whole", "nothing"], ["none"]),
        helper.make_node("Add", ["huge", "none"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["big"], value=zero),
        helper.make_node("ReduceMax", ["big"], ["small"], keepdims=0),
        helper.make_node("Add", ["good", "small"], ["scores"]),
    ]
    weights = {"weight": weight, "nothing": np.array(0), "huge": np.array([2**20, 2**20])}
    return image_graph(nodes, FLAT | weights)


def with_input(weight):
    extra = helper.make_tensor_value_info("label", TensorProto.FLOAT, ["batch", 10])
    nodes = [
        *flat(),
        helper.make_node("MatMul", ["flat", "weight"], ["good"]),
        helper.make_node("Add", ["good", "label"], ["scores"]),
    ]
    return image_graph(nodes, FLAT | {"weight": weight}, extra_inputs=[extra])


def custom_operator(weight):
    model = linear(weight)
    model.graph.node[-1].domain = "evil.example"
    model.opset_import.append(helper.make_opsetid("evil.example", 1))
    return model


def external(weight, location):
    model = linear(weight)
    tensor = model.graph.initializer[1]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=location)
    return model


def giant_tensor(weight):
    model = linear(weight)
    model.graph.initializer.append(
        TensorProto(name="moon", data_type=TensorProto.FLOAT, dims=[2**45], raw_data=b"1234")
    )
    return model


def cut_tensor(weight):
    model = linear(weight)
    model.graph.initializer[1].raw_data = model.graph.initializer[1].raw_data[:100]
    return model


def nested(weight):
    """Graphs in graphs, deeper than any exporter writes."""
    inner = linear(weight).graph
    for _ in range(8):
        node = helper.make_node("If", ["c"], ["scores"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([node], "deep", [], [linear(weight).graph.output[0]])
        weight = np.zeros((1, 1), np.float32)
    model = linear(weight)
    model.graph.CopyFrom(inner)
    return model


def nested_bytes(depth=20_000):
    """Bytes that send a recursive parser down `depth` levels: ModelProto.graph.node.attribute.g."""
    inner = b""
    for _ in range(depth):
        inner = _field(1, _field(5, _field(6, inner)))
        if len(inner) > 150_000:
            break
    return b"\x08\x0a" + _field(7, inner)


def _field(number, content):
    size, out = len(content), bytearray([number << 3 | 2])
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size]) + content


def nine_classes(weight):
    return linear(weight[:, :9])


def open_shape(weight):
    model = linear(weight)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "height"
    return model


def many_outputs(weight):
    names = [f"scores{number}" for number in range(40)]
    nodes = [*flat(), *(helper.make_node("MatMul", ["flat", "weight"], [n]) for n in names)]
    return image_graph(nodes, FLAT | {"weight": weight}, outputs=names)


def whole_numbers(weight):
    model = linear(weight)
    model.graph.node[-1].output[0] = "good"
    model.graph.node.append(helper.make_node("Cast", ["good"], ["scores"], to=TensorProto.INT32))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
    return model


def content(model: onnx.ModelProto) -> bytes:
    """The file."""
    return bytes(model.SerializeToString())
