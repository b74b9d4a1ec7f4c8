"""Any ONNX network as an embedder, as described by its card: complete, or up to an inner layer.

The result takes 'input' (N, 3, S, S) float32 and returns 'embedding' (N, D) float32, whatever layout, batch size and
names the file has. A tensor with more than two axes is reduced to rows in the first of these variants that gives the
card's D:

    (N, D, ...)         mean over all positions (global average pooling)
    (N, ..., D)         likewise, channels last; for (N, a, b, D) only if a = b
    D numbers in all    flattened
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from nitakao.errors import ModelError
from nitakao.models.formats import onnx_file
from nitakao.models.onnx import edit
from nitakao.models.onnx.session import Session
from nitakao.values import Floats, ModelCard

ELEMENTS = (TensorProto.FLOAT, TensorProto.FLOAT16)
TRIAL = 2  # pictures in the trial run, which compares a batch with single pictures
TOLERANCE = 1e-3  # relative to the largest value; batches sum in another order, but wrong ones differ by far more
MAX_NAMES = 5  # in a message


def build(path: Path, card: ModelCard) -> bytes:
    """Build the ONNX model: the network in `path` up to the card's output tensor.

    Raises:
        FormatError: If the file is damaged or uses something that is not allowed.
        ModelError: If the network does not match its card.
    """
    model = onnx_file.read(path)
    edit.drop_listed_constants(model.graph)
    entry = _entry(model.graph, card)
    output = _output(model.graph, card)
    edit.prune(model.graph, output)
    edit.prefix_names(model.graph)
    model, shape = _batchable(model, entry, edit.PREFIX + output, card.crop.size)
    return edit.add_embedding(model, _to_rows(shape, card.dimension), card.dimension)


def _entry(graph: GraphProto, card: ModelCard) -> edit.Entry:
    names = [i.name for i in graph.input]
    wanted = card.input_tensor
    if not names:
        raise ModelError("the network has no input")
    if wanted and wanted not in names:
        raise ModelError(f"the network has no input '{wanted}' but {_listed(names)}: correct input_tensor in its card")
    if len(names) > 1:
        raise ModelError(f"the network has {len(names)} inputs ({_listed(names)}); it must have one, the picture")
    return _checked(graph.input[0], card.crop.size)


def _checked(info: ValueInfoProto, size: int) -> edit.Entry:
    tensor = info.type.tensor_type
    if tensor.elem_type not in ELEMENTS:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ModelError(f"the network's input '{info.name}' is {kind}; only float and float16 are supported")
    shape = tuple(d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim)
    if len(shape) != 4:
        raise ModelError(f"the network's input '{info.name}' has {len(shape)} axes; pictures have 4: (N, 3, S, S)")
    last = shape[1] != 3 and shape[3] == 3
    if not last and shape[1] not in (3, None):
        raise ModelError(f"the network takes {_dims(shape)}, neither (N, 3, S, S) nor (N, S, S, 3)")
    if shape[0] not in (1, None):
        raise ModelError(f"the network takes {shape[0]} pictures at a time: export it for 1, or for any number")
    sides = shape[1:3] if last else shape[2:4]
    if any(side not in (size, None) for side in sides):
        raise ModelError(
            f"card says crops of {size}x{size}, network takes {_dims(sides)}: correct the crop size in its card"
        )
    return edit.Entry(edit.PREFIX + info.name, tensor.elem_type, shape, last)


def _output(graph: GraphProto, card: ModelCard) -> str:
    """The name of the card's output tensor, or of the first output."""
    tensors = {str(name): node for node in graph.node for name in node.output if name}
    wanted = card.output_tensor or (str(graph.output[0].name) if graph.output else "")
    if wanted in tensors:
        return wanted
    for node in graph.node:
        if wanted and node.name == wanted:
            raise ModelError(f"'{wanted}' is a node, not a tensor: write its output '{node.output[0]}' in the card")
    close = difflib.get_close_matches(wanted, list(tensors), n=MAX_NAMES, cutoff=0.4) or list(tensors)[-MAX_NAMES:]
    raise ModelError(f"the network has no tensor '{wanted}'; of its {len(tensors)} the closest are {_listed(close)}")


def _batchable(model: ModelProto, entry: edit.Entry, output: str, size: int) -> tuple[ModelProto, Sequence[int]]:
    """The network with the first way of batching that passes a trial run, and the shape of its output."""
    pictures = np.random.default_rng(0).standard_normal((TRIAL, 3, size, size)).astype(np.float32)
    variants = [edit.with_open_batch, edit.with_open_reshapes, edit.with_scan]
    if entry.shape[0] is None:
        variants.remove(edit.with_open_reshapes)
    problems: list[ModelError] = []
    for variant in variants:
        try:
            candidate = variant(model, entry, output, size)
            return candidate, _trial(candidate, pictures)
        except ModelError as error:
            problems.append(error)
    raise problems[-1]


def _trial(model: ModelProto, pictures: Floats) -> Sequence[int]:
    """Output shape for a batch. Raises ModelError if it does not run, or differs from single pictures."""
    session = Session(bytes(model.SerializeToString()))
    try:
        together = session.run({edit.INPUT: pictures})[0]
        alone = [session.run({edit.INPUT: pictures[i : i + 1]})[0] for i in range(TRIAL)]
    except Exception as error:  # ONNX Runtime has its own exceptions
        raise ModelError(f"the network does not run: {str(error).splitlines()[0][:300]}") from error
    if not all(np.isfinite(rows).all() for rows in (together, *alone)):
        raise ModelError("the network returns numbers that are not finite for random pictures")
    largest = float(np.abs(together).max(initial=0.0))
    if together.shape[:1] != (TRIAL,) or not all(
        rows.shape[1:] == together.shape[1:] and np.allclose(rows[0], row, rtol=0, atol=TOLERANCE * largest)
        for rows, row in zip(alone, together, strict=True)
    ):
        raise ModelError("the network mixes the pictures of a batch: export it with a dynamic batch size")
    return tuple(int(side) for side in together.shape)


def _to_rows(shape: Sequence[int], dimension: int) -> list[NodeProto]:
    """Nodes that reduce (N, ...) to 'embedding' (N, dimension)."""
    inner, source, nodes = shape[1:], edit.ROWS, []
    if len(inner) > 1 and dimension in _channels(inner):
        if inner[0] != dimension:
            perm = [0, len(inner), *range(1, len(inner))]
            nodes.append(helper.make_node("Transpose", [source], ["channels_first"], perm=perm))
            source = "channels_first"
        nodes.append(helper.make_node("GlobalAveragePool", [source], ["averaged"]))
        source = "averaged"
    elif math.prod(inner) != dimension:
        raise ModelError(_mismatch(inner, dimension))
    return [*nodes, helper.make_node("Flatten", [source], ["embedding"], axis=1)]


def _channels(inner: Sequence[int]) -> tuple[int, ...]:
    """Lengths of the axes that may be the channels: the first, or the last unless it is a side of a square."""
    square_sides = len(inner) == 3 and inner[0] != inner[1]  # crops are square, so feature maps are, too
    return (inner[0],) if square_sides else (inner[0], inner[-1])


def _mismatch(inner: Sequence[int], dimension: int) -> str:
    if len(inner) < 2:
        return f"card says {dimension}, network returns {_dims(inner) or 1}: correct dimension in its card"
    averaged = " or ".join(str(c) for c in dict.fromkeys(_channels(inner)))
    return (
        f"card says {dimension}, network returns {_dims(inner)}: dimension in its card may be "
        f"{averaged} (averaged over positions), or {math.prod(inner)} (flattened)"
    )


def _dims(shape: Sequence[int | None]) -> str:
    return "x".join("?" if side is None else str(side) for side in shape)


def _listed(names: Sequence[str]) -> str:
    """The first names, for a message."""
    return ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
