import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIZE = 64


def chain(layers, *tail, seed=0):
    """`layers` products of 64 x 64 matrices with tanh between, then nodes on `h`, giving `y`."""
    random = np.random.default_rng(seed)
    nodes, weights, last = [], [], "x"
    for index in range(layers):
        weight = (random.normal(size=(SIZE, SIZE)) / 8).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{index}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{index}"], [f"m{index}"]))
        nodes.append(helper.make_node("Tanh", [f"m{index}"], [f"t{index}"]))
        last = f"t{index}"
    nodes.append(helper.make_node("Identity", [last], ["h" if tail else "y"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", SIZE])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([*nodes, *tail], "chain", [x], [y], weights)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)
