"""Edit foreign ONNX graphs: prune to a tensor, rename, and accept batches of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from nitakao.errors import ModelError
from nitakao.models.formats.onnx_file import inner_graphs

PREFIX = "network/"  # for all names in the file, so that they do not clash with ours
INPUT = "input"
ROWS = "rows"  # the network's output: one row of any shape per picture


@dataclass(frozen=True)
class Entry:
    """The network's image input. shape: None for dynamic axes."""

    name: str
    element: int
    shape: tuple[int | None, ...]
    channels_last: bool


def drop_listed_constants(graph: GraphProto) -> None:
    """Remove constants from the graph's inputs, where ONNX before IR version 4 lists them."""
    constants = {c.name for c in graph.initializer} | {c.values.name for c in graph.sparse_initializer}
    _replace(graph.input, [i for i in graph.input if i.name not in constants])


def prune(graph: GraphProto, output: str) -> None:
    """Remove nodes that a tensor does not depend on, such as a classifier head after the requested layer."""
    needed, kept = {output}, []
    for node in reversed(graph.node):  # nodes are in topological order
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_read_by(node))
    _replace(graph.node, reversed(kept))
    _replace(graph.initializer, [c for c in graph.initializer if c.name in needed])
    del graph.value_info[:]  # may contain the fixed batch size
    del graph.output[:]


def _read_by(node: NodeProto) -> Iterator[str]:
    """Names that a node and its inner graphs read."""
    yield from node.input
    for inner in inner_graphs(node):
        yield from (output.name for output in inner.output)
        for inner_node in inner.node:
            yield from _read_by(inner_node)


def prefix_names(graph: GraphProto) -> None:
    """Add PREFIX to the names of all tensors, including inner graphs."""
    for named in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        named.name = PREFIX + named.name
    for constant in graph.sparse_initializer:
        constant.values.name = PREFIX + constant.values.name
    for node in graph.node:
        for names in (node.input, node.output):
            _replace(names, [PREFIX + name if name else "" for name in names])  # empty: an omitted optional input
        for inner in inner_graphs(node):
            prefix_names(inner)


def with_open_batch(model: ModelProto, entry: Entry, output: str, size: int) -> ModelProto:
    """Wrap the graph as INPUT (N, 3, size, size) float32 to ROWS (N, ...) float32, with a dynamic batch axis."""
    model = _copy(model)
    graph = model.graph
    before, fed = _adapted(entry, INPUT)
    _feed(graph, entry.name, fed)
    after = helper.make_node("Cast", [output], [ROWS], to=TensorProto.FLOAT)
    _replace(graph.node, [*before, *list(graph.node), after])
    _replace(graph.input, [_info(INPUT, ["N", 3, size, size])])
    _replace(graph.output, [_info(ROWS, None)])
    return model


def with_open_reshapes(model: ModelProto, entry: Entry, output: str, size: int) -> ModelProto:
    """As `with_open_batch`, and replace a batch size of 1 in constant Reshape shapes by that of the input."""
    model = with_open_batch(model, entry, output, size)
    constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer if c.data_type == TensorProto.INT64}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    for number, node in enumerate(model.graph.node):
        shape = constants.get(node.input[1]) if node.op_type == "Reshape" and len(node.input) > 1 else None
        if shape is None or shape.ndim != 1 or len(shape) < 2 or shape[0] != 1 or node.attribute:
            continue
        name = f"open_shape_{number}"
        opened = np.concatenate([[0], shape[1:]]).astype(np.int64)  # 0: same as the input
        model.graph.initializer.append(numpy_helper.from_array(opened, name))
        node.input[1] = name
    return model


def with_scan(model: ModelProto, entry: Entry, output: str, size: int) -> ModelProto:
    """As `with_open_batch`, but with the network in a Scan that runs it on one picture at a time."""
    if opset(model) < 9:
        raise ModelError("the network takes one picture only and uses ONNX opset 8 or older: export it with opset 9+")
    model = _copy(model)
    body = GraphProto(name="one_picture")
    body.CopyFrom(model.graph)
    body.name = "one_picture"
    axis = numpy_helper.from_array(np.zeros(1, np.int64), "first_axis")
    body.initializer.append(axis)
    before, fed = _adapted(entry, "picture_4d")
    _feed(body, entry.name, fed)
    expand = _along_first_axis("Unsqueeze", "picture", "picture_4d", opset(model))
    cast = helper.make_node("Cast", [output], ["rows_of_one"], to=TensorProto.FLOAT)
    squeeze = _along_first_axis("Squeeze", "rows_of_one", "row", opset(model))
    _replace(body.node, [expand, *before, *list(body.node), cast, squeeze])
    _replace(body.input, [_info("picture", [3, size, size])])
    _replace(body.output, [_info("row", None)])
    scan = helper.make_node("Scan", [INPUT], [ROWS], body=body, num_scan_inputs=1)
    graph = helper.make_graph([scan], "one_by_one", [_info(INPUT, ["N", 3, size, size])], [_info(ROWS, None)])
    model.graph.CopyFrom(graph)
    return model


def add_embedding(model: ModelProto, nodes: Iterable[NodeProto], dimension: int) -> bytes:
    """Append `nodes` after ROWS, the last of which outputs 'embedding' (N, dimension), and serialise the model."""
    model = _copy(model)
    model.graph.node.extend(nodes)
    _replace(model.graph.output, [_info("embedding", ["N", dimension])])
    try:
        return bytes(model.SerializeToString())
    except ValueError as error:  # protobuf's limit
        raise ModelError("the network is over 2 GiB, the limit for one ONNX graph") from error


def opset(model: ModelProto) -> int:
    """Version of the standard operator set; 0 if unknown."""
    return next((int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def _adapted(entry: Entry, source: str) -> tuple[list[NodeProto], str]:
    """Nodes that convert (N, 3, S, S) float32 to the network's layout and dtype, and the name of the result."""
    nodes, name = [], source
    if entry.channels_last:
        nodes.append(helper.make_node("Transpose", [name], ["channels_last"], perm=[0, 2, 3, 1]))
        name = "channels_last"
    if entry.element != TensorProto.FLOAT:
        nodes.append(helper.make_node("Cast", [name], ["own_numbers"], to=entry.element))
        name = "own_numbers"
    return nodes, name


def _feed(graph: GraphProto, old: str, new: str) -> None:
    """Replace the input `old` of all nodes by `new`."""
    for node in graph.node:
        _replace(node.input, [new if name == old else name for name in node.input])
        for inner in inner_graphs(node):
            _feed(inner, old, new)
            for info in inner.output:
                info.name = new if info.name == old else info.name


def _along_first_axis(operator: str, source: str, target: str, version: int) -> NodeProto:
    if version >= 13:  # axes are an input from opset 13
        return helper.make_node(operator, [source, "first_axis"], [target])
    return helper.make_node(operator, [source], [target], axes=[0])


def _info(name: str, shape: list[int | str] | None) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _replace(field: Any, items: Iterable[Any]) -> None:
    """Set a repeated protobuf field."""
    items = [type(i).FromString(i.SerializeToString()) if hasattr(i, "SerializeToString") else i for i in items]
    del field[:]
    field.extend(items)
