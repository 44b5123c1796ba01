"""Makes the networks that recognise faces smaller: dead channels, 8-bit weights and short mantissas. derive.py uses it.

Both networks for faces' templates are MobileFaceNets: blocks of a convolution that widens (1 × 1), one per channel (3 × 3) and one
that narrows (1 × 1). Here

  a channel whose 3 × 3 weights are all zero in 16 bits is cut out of its block. Its value is the same everywhere, and goes into the
  biases of the convolution that takes it. In face-embed-512 two fifths of these channels are so;
  the weights of other convolutions are stored in 8 bits, with one 32-bit scale for each of their channels;
  the 16-bit numbers of a tensor are rounded to fewer digits, which leaves zeros that compress.

The first computes the same up to rounding. The others are measured: see docs/local-engines.md.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper
from simplify import Graph

# Smaller tensors cost little, and the weights of one channel alone (3 × 3) lose the most by 8 bits.
LEAST_VALUES = 4096
LEAST_DEPTH = 3
LARGEST_8_BITS = 127


def group_count(convolution: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in convolution.attribute if attribute.name == "group"), 1)


def is_per_channel(graph: Graph, node: onnx.NodeProto) -> bool:
    return node.op_type == "Conv" and group_count(node) == len(graph.numbers(node.input[1])) > 1


def only_taker(graph: Graph, name: str) -> onnx.NodeProto | None:
    return graph.takers[name][0] if len(graph.takers[name]) == 1 and name not in graph.ends else None


def block(graph: Graph, middle: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The five operations of a block around its convolution per channel: wide, slopes, middle, slopes, narrow; else none."""
    before, after = graph.makers.get(middle.input[0]), only_taker(graph, middle.output[0])
    if before is None or after is None or {before.op_type, after.op_type} != {"PRelu"}:
        return []
    wide, narrow = graph.makers.get(before.input[0]), only_taker(graph, after.output[0])
    if wide is None or narrow is None or {wide.op_type, narrow.op_type} != {"Conv"}:
        return []
    steps = [wide, before, middle, after, narrow]
    is_chain = all(only_taker(graph, step.output[0]) is following for step, following in zip(steps, steps[1:], strict=False))
    return steps if is_chain and group_count(wide) == 1 and group_count(narrow) == 1 else []


def cut_dead_channels(graph: Graph, steps: list[onnx.NodeProto]) -> None:
    wide, before, middle, after, narrow = steps
    weights = graph.numbers(middle.input[1])
    lives = weights.astype(np.float16).any(axis=(1, 2, 3))
    if lives.all():
        return
    biases, slopes = graph.numbers(middle.input[2]), graph.numbers(after.input[1]).ravel()
    values = np.where(biases > 0, biases, biases * slopes).astype(np.float64)[~lives]
    taken = graph.numbers(narrow.input[1])
    added = taken[:, ~lives].sum(axis=(2, 3)).astype(np.float64) @ values
    graph.set(narrow.input[2], graph.numbers(narrow.input[2]) + added)
    graph.set(narrow.input[1], taken[:, lives])
    for name in (*wide.input[1:], before.input[1], *middle.input[1:], after.input[1]):
        graph.set(name, graph.numbers(name)[lives])
    group = next(attribute for attribute in middle.attribute if attribute.name == "group")
    group.i = int(lives.sum())


def without_dead_channels(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = Graph(model)
    for node in list(graph.nodes):
        if is_per_channel(graph, node) and (steps := block(graph, node)):
            cut_dead_channels(graph, steps)
    onnx.checker.check_model(model)
    return model


def eighths(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights in 8 bits, and a scale for each output channel."""
    scales = np.abs(numbers).max(axis=tuple(range(1, numbers.ndim)), keepdims=True) / np.float32(LARGEST_8_BITS)
    scales[scales == 0] = 1
    return np.rint(numbers / scales).astype(np.int8), scales.astype(np.float32)


def in_8_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Stores the weights of convolutions over all channels in 8 bits, with a Cast and a Mul before their use."""
    graph = model.graph
    weights = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    added = []
    for tensor in list(graph.initializer):
        numbers = numpy_helper.to_array(tensor)
        is_large = numbers.dtype == np.float32 and numbers.size >= LEAST_VALUES and numbers.shape[1] >= LEAST_DEPTH
        if tensor.name not in weights or not is_large:
            continue
        name = tensor.name
        small, scales = eighths(numbers)
        tensor.CopyFrom(numpy_helper.from_array(small, f"{name}_q"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}_s"))
        added.append(onnx.helper.make_node("Cast", [f"{name}_q"], [f"{name}_c"], to=onnx.TensorProto.FLOAT))
        added.append(onnx.helper.make_node("Mul", [f"{name}_c", f"{name}_s"], [name]))
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in (*added, *graph.node)]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def with_short_mantissas(model: onnx.ModelProto, cut: int) -> onnx.ModelProto:
    """Rounds 16-bit numbers to the nearest (to even) whose last `cut` binary digits are zero."""
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT16:
            continue
        bits = numpy_helper.to_array(tensor).view(np.uint16).astype(np.uint32)
        half_less = (1 << (cut - 1)) - 1
        rounded = (bits + half_less + ((bits >> cut) & 1)) >> cut << cut
        tensor.CopyFrom(numpy_helper.from_array(rounded.astype(np.uint16).view(np.float16), tensor.name))
    return model
