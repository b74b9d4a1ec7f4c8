"""Read untrusted ONNX files, with limits, and with external data only from the file's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from nitakao.errors import FormatError

MAX_BYTES = 2**31 - 1  # protobuf's limit for a message, which also applies to the finished network
DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}  # operators in every ONNX Runtime


def read(path: Path) -> ModelProto:
    """Read a model and its external data.

    Raises:
        FormatError: If it is damaged, too large, or uses custom operators or files outside its folder.
    """
    model = _parse(path)
    if not model.graph.node:
        raise FormatError(f"'{path.name}' contains no network: it is not an ONNX file, or it is truncated")
    del model.training_info[:]
    if not all(isinstance(name, str) for name in _names(model)):  # protobuf returns bytes for text that is not UTF-8
        raise FormatError(f"'{path.name}' is damaged: it has names that are not text")
    _refuse_custom_operators(model, path.name)
    _load_external_data(model, path)
    return model


def nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes, including those of inner graphs (of If, Loop, Scan)."""
    for node in graph.node:
        yield node
        for inner in inner_graphs(node):
            yield from nodes(inner)


def inner_graphs(node: NodeProto) -> Iterator[GraphProto]:
    """Graphs in a node's attributes."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _names(model: ModelProto) -> Iterator[object]:
    graphs = [model.graph]
    functions = [node for function in model.functions for node in function.node]
    yield from (part for function in model.functions for part in (function.domain, function.name))
    yield from (one.domain for one in model.opset_import)
    for node in (*nodes(model.graph), *functions):
        graphs += inner_graphs(node)
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for graph in graphs:
        for named in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
            yield named.name
        yield from (constant.values.name for constant in graph.sparse_initializer)
    for tensor in _tensors(model):
        yield from (part for entry in tensor.external_data for part in (entry.key, entry.value))


def _parse(path: Path) -> ModelProto:
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise FormatError(f"'{path.name}' has {size} bytes; an ONNX file has 1 to {MAX_BYTES}")
        model: ModelProto = ModelProto.FromString(path.read_bytes())
        return model
    except OSError as error:
        raise FormatError(f"'{path}' cannot be read: {error.strerror}") from error
    except DecodeError as error:
        raise FormatError(f"'{path.name}' is not an ONNX file, or it is truncated") from error


def _refuse_custom_operators(model: ModelProto, name: str) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    everywhere = list(nodes(model.graph))
    for function in model.functions:
        for node in function.node:
            everywhere.append(node)
            for inner in inner_graphs(node):
                everywhere.extend(nodes(inner))
    for node in everywhere:
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
            raise FormatError(
                f"'{name}' needs the operator {node.domain}.{node.op_type}, which ONNX Runtime does not have: "
                "export the network without custom operators"
            )


def _load_external_data(model: ModelProto, path: Path) -> None:
    remaining = MAX_BYTES - model.ByteSize()
    for tensor in _tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        content = _external_data(tensor, path, remaining)
        remaining -= len(content)
        tensor.raw_data = content
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _external_data(tensor: TensorProto, path: Path, remaining: int) -> bytes:
    """A tensor's external data."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    file = _data_file(path, entries.get("location", ""))
    try:
        size = file.stat().st_size
        offset = int(entries.get("offset", "0"))
        length = int(entries["length"]) if "length" in entries else size - offset
        if offset < 0 or length < 0 or offset + length > size:
            raise FormatError(f"'{path.name}' points past the end of its data file '{file.name}': it is truncated")
        if length > remaining:
            raise FormatError(f"'{path.name}' with its data files is over {MAX_BYTES} bytes, the limit for one network")
        with file.open("rb") as stream:
            stream.seek(offset)
            return stream.read(length)
    except OSError as error:
        raise FormatError(
            f"'{path.name}' has weights in '{file.name}', which cannot be read ({error.strerror}): put it in its folder"
        ) from error
    except ValueError as error:
        raise FormatError(f"'{path.name}' has an invalid offset or length for its data file") from error


def _data_file(path: Path, location: str) -> Path:
    folder = path.resolve().parent
    file = (folder / location.replace("\\", "/")).resolve()
    if not location or not file.is_relative_to(folder) or file == folder:
        raise FormatError(
            f"'{path.name}' refers to '{location}', outside its own folder: refused; "
            "export it again with its data files in its folder"
        )
    return file


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from _tensors_of_graph(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _tensors_of_node(node)


def _tensors_of_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _tensors_of_node(node)


def _tensors_of_node(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
        for one in (*sparse, *attribute.sparse_tensors):
            yield from (one.values, one.indices)
    for inner in inner_graphs(node):
        yield from _tensors_of_graph(inner)
