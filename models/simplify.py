"""Takes out of a network what costs time and says nothing: it computes the same with fewer operations. derive.py uses it.

The text networks (PP-OCRv4) were published as they were trained. Each convolution is followed by a multiplication and an addition
with one learnt number each, by a hard-swish in four operations, and by one more multiplication and addition. Every one of them
goes over all values once more. Here

  a hard-swish (x · clip(x + 3, 0, 6) / 6) becomes the operation HardSwish, which ONNX has from opset 14 on;
  a number by which a convolution's result is multiplied, or that is added to it, goes into its weights and its bias;
  a number by which what convolutions take is multiplied goes into their weights;
  a number added to that goes into their biases. Not where they pad: the padding is zero, and has nothing added to it.

What a rule does not fit stays as it is. How far the result is from the published network, derive.py measures.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx
from onnx import numpy_helper

HARD_SWISH_SINCE = 14


class Graph:
    """A model's operations, with who makes and who takes each value."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes, self.initializers = model.graph.node, model.graph.initializer
        self.ends = {value.name for value in model.graph.output}
        self.tensors = {tensor.name: tensor for tensor in self.initializers}
        self.tensors |= {node.output[0]: node.attribute[0].t for node in self.nodes if node.op_type == "Constant"}
        self.look()

    def look(self) -> None:
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.takers[name].append(node)

    def numbers(self, name: str) -> np.ndarray | None:
        return numpy_helper.to_array(self.tensors[name]) if name in self.tensors else None

    def number(self, name: str) -> float | None:
        numbers = self.numbers(name)
        return float(numbers.ravel()[0]) if numbers is not None and numbers.size == 1 else None

    def set(self, name: str, numbers: np.ndarray) -> None:
        tensor = self.tensors[name]
        tensor.CopyFrom(numpy_helper.from_array(numbers.astype(np.float32), tensor.name))

    def add(self, name: str, numbers: np.ndarray) -> None:
        self.initializers.append(numpy_helper.from_array(numbers, name))
        self.tensors[name] = self.initializers[-1]

    def with_number(self, node: onnx.NodeProto) -> tuple[str, float] | None:
        """What a multiplication or addition does with one number: the other operand, and the number."""
        for value, other in (node.input, reversed(node.input)):
            if (number := self.number(other)) is not None:
                return value, number
        return None

    def is_only_for(self, name: str, node: onnx.NodeProto) -> bool:
        return name not in self.ends and self.takers[name] == [node]

    def cut(self, node: onnx.NodeProto, value: str) -> None:
        """Takes an operation out; whoever took its result takes `value`."""
        for taker in self.takers[node.output[0]]:
            taker.input[:] = [value if name == node.output[0] else name for name in taker.input]
        self.nodes.remove(node)
        self.look()

    def convolutions(self, name: str) -> list[onnx.NodeProto]:
        """Who takes a value, where all are convolutions with weights and a bias of their own; else none."""
        takers = [] if name in self.ends else self.takers[name]
        return takers if all(self.is_own_convolution(node) and node.input[0] == name for node in takers) else []

    def is_own_convolution(self, node: onnx.NodeProto) -> bool:
        held = node.input[1:]
        return node.op_type == "Conv" and all(name in self.tensors and self.is_only_for(name, node) for name in held)

    def bias(self, convolution: onnx.NodeProto) -> str:
        if len(convolution.input) < 3:
            name = f"{convolution.output[0]}.bias"
            self.add(name, np.zeros(len(self.numbers(convolution.input[1])), np.float32))
            convolution.input.append(name)
            self.look()
        return convolution.input[2]


def has_padding(convolution: onnx.NodeProto) -> bool:
    return any(any(attribute.ints) for attribute in convolution.attribute if attribute.name == "pads")


def hard_swish(graph: Graph, division: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The addition, clip and product before a division by six that make a hard-swish with it; none where they do not."""
    if division.op_type != "Div" or graph.number(division.input[1]) != 6:
        return []
    product = graph.makers.get(division.input[0])
    if product is None or product.op_type != "Mul":
        return []
    clip = graph.makers.get(product.input[1])
    if clip is None or clip.op_type != "Clip" or [graph.number(name) for name in clip.input[1:]] != [0, 6]:
        return []
    addition = graph.makers.get(clip.input[0])
    if addition is None or addition.op_type != "Add" or graph.with_number(addition) != (product.input[0], 3.0):
        return []
    steps = [addition, clip, product, division]
    links = zip(steps, steps[1:], strict=False)
    return steps if all(graph.is_only_for(step.output[0], following) for step, following in links) else []


def with_hard_swish(model: onnx.ModelProto) -> None:
    graph = Graph(model)
    for division in list(graph.nodes):
        if steps := hard_swish(graph, division):
            place = list(graph.nodes).index(division)
            whole = onnx.helper.make_node("HardSwish", [steps[2].input[0]], list(division.output))
            graph.nodes.insert(place, whole)
            for step in steps:
                graph.nodes.remove(step)
            graph.look()


def in_opset(model: onnx.ModelProto, version: int) -> None:
    """Declares a later opset. Of what these networks use, one operation is written otherwise since 13: Squeeze, whose axes
    are an input now. (A softmax means the same along the last axis, which is where theirs are.)"""
    graph = Graph(model)
    for node in graph.nodes:
        axes = [attribute for attribute in node.attribute if attribute.name == "axes"]
        if node.op_type == "Squeeze" and axes:
            name = f"{node.output[0]}.axes"
            graph.add(name, np.array(axes[0].ints, np.int64))
            node.input.append(name)
            node.attribute.remove(axes[0])
    model.opset_import[0].version = version


def into_the_one_before(graph: Graph, node: onnx.NodeProto, value: str, number: float) -> bool:
    """Puts a number into the weights and the bias of the convolution that makes the value."""
    maker = graph.makers.get(value)
    if maker is None or not graph.is_own_convolution(maker) or not graph.is_only_for(value, node):
        return False
    bias = graph.bias(maker)
    if node.op_type == "Mul":
        graph.set(maker.input[1], graph.numbers(maker.input[1]) * number)
        graph.set(bias, graph.numbers(bias) * number)
    else:
        graph.set(bias, graph.numbers(bias) + number)
    graph.cut(node, value)
    return True


def into_those_behind(graph: Graph, node: onnx.NodeProto, value: str, number: float) -> bool:
    """Puts a number into the convolutions that take the result; of a product and a sum behind it, the product."""
    behind = graph.convolutions(node.output[0])
    if not behind:
        return False
    if node.op_type == "Mul":
        for convolution in behind:
            graph.set(convolution.input[1], graph.numbers(convolution.input[1]) * number)
        graph.cut(node, value)
        return True
    if not any(map(has_padding, behind)):
        for convolution in behind:
            weights = graph.numbers(convolution.input[1]).astype(np.float64)
            bias = graph.bias(convolution)
            graph.set(bias, graph.numbers(bias) + number * weights.sum(axis=(1, 2, 3)))
        graph.cut(node, value)
        return True
    product = graph.makers.get(value)
    scaled = graph.with_number(product) if product is not None and product.op_type == "Mul" else None
    if scaled is None or not graph.is_only_for(value, node):
        return False
    # x·scale + number = (x + number/scale)·scale, and the scale goes into the weights in the next round.
    source, scale = scaled
    name = f"{node.output[0]}.shifted"
    graph.add(f"{name}.by", np.array([number / scale], np.float32))
    shifted = onnx.helper.make_node("Add", [source, f"{name}.by"], [name])
    held = next(name for name in product.input if name != source)
    again = onnx.helper.make_node("Mul", [name, held], list(node.output))
    place = list(graph.nodes).index(node)
    graph.nodes.remove(node)
    graph.nodes.remove(product)
    graph.nodes.insert(place - 1, shifted)
    graph.nodes.insert(place, again)
    graph.look()
    return True


def folded_once(graph: Graph) -> bool:
    for node in graph.nodes:
        found = graph.with_number(node) if node.op_type in ("Mul", "Add") else None
        if found and (into_the_one_before(graph, node, *found) or into_those_behind(graph, node, *found)):
            return True
    return False


def without_unused(model: onnx.ModelProto) -> None:
    graph = Graph(model)
    for node in list(graph.nodes):
        if node.op_type == "Constant" and not graph.takers[node.output[0]]:
            graph.nodes.remove(node)


def simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    with_hard_swish(model)
    in_opset(model, HARD_SWISH_SINCE)
    graph = Graph(model)
    while folded_once(graph):
        pass
    without_unused(model)
    onnx.checker.check_model(model)
    return model
