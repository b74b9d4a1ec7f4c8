"""Any ONNX network as an embedder, read through its card: whole, or up to a layer in its middle.

What comes out takes 'input' (N, 3, S, S) float32 and gives 'embedding' (N, D) float32, whatever layout, batch size and
names the file has. A tensor with more than two axes becomes rows in the first of these ways that gives the card's D:

    (N, D, ...)         mean over all places (global average pooling)
    (N, ..., D)         the same, with the channels last; of (N, a, b, D) only where a = b
    D numbers in all    flattened in its own order
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
TRIAL = 2  # pictures in the trial run: enough to see whether a batch gives what its pictures give alone
SAME = 1e-3  # of the largest number; a batch is summed in another order, but a wrong one is off by far more
SHOWN = 5  # names in a message


def build(path: Path, card: ModelCard) -> bytes:
    """The network of `path` up to the card's output tensor, as the embedder wants it.

    Raises FormatError for a file that is damaged or asks for what it may not, ModelError if it does not fit its card.
    """
    model = onnx_file.read(path)
    edit.drop_listed_constants(model.graph)
    entry = _entry(model.graph, card)
    output = _output(model.graph, card)
    edit.prune(model.graph, output)
    edit.prefix_names(model.graph)
    model, shape = _running(model, entry, edit.PREFIX + output, card.crop.size)
    return edit.add_embedding(model, _to_rows(shape, card.dimension), card.dimension)


def _entry(graph: GraphProto, card: ModelCard) -> edit.Entry:
    names = [i.name for i in graph.input]
    wanted = card.input_tensor
    if not names:
        raise ModelError("the network has no input: it cannot take a picture")
    if wanted and wanted not in names:
        raise ModelError(f"the network has no input '{wanted}' but {_listed(names)}: correct input_tensor in its card")
    if len(names) > 1:
        raise ModelError(f"the network has {len(names)} inputs ({_listed(names)}); only one, the picture, can be fed")
    return _checked(graph.input[0], card.crop.size)


def _checked(info: ValueInfoProto, size: int) -> edit.Entry:
    tensor = info.type.tensor_type
    if tensor.elem_type not in ELEMENTS:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ModelError(f"the network's input '{info.name}' is {kind}; only float and float16 can be fed")
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
            f"card says crops of {size}x{size}, network takes {_dims(sides)}: correct its card's crop size"
        )
    return edit.Entry(edit.PREFIX + info.name, tensor.elem_type, shape, last)


def _output(graph: GraphProto, card: ModelCard) -> str:
    """The name of the tensor that the card asks for, or of the first output."""
    made = {str(name): node for node in graph.node for name in node.output if name}
    wanted = card.output_tensor or (str(graph.output[0].name) if graph.output else "")
    if wanted in made:
        return wanted
    for node in graph.node:
        if wanted and node.name == wanted:
            raise ModelError(f"'{wanted}' is a node, not a tensor: write its output '{node.output[0]}' in the card")
    close = difflib.get_close_matches(wanted, list(made), n=SHOWN, cutoff=0.4) or list(made)[-SHOWN:]
    raise ModelError(f"the network has no tensor '{wanted}'; of its {len(made)} the closest are {_listed(close)}")


def _running(model: ModelProto, entry: edit.Entry, output: str, size: int) -> tuple[ModelProto, Sequence[int]]:
    """The network in the first way of batching that a trial run finds right, and the shape of what it gives."""
    pictures = np.random.default_rng(0).standard_normal((TRIAL, 3, size, size)).astype(np.float32)
    ways = [edit.with_open_batch, edit.with_open_reshapes, edit.with_scan]
    if entry.shape[0] is None:
        ways.remove(edit.with_open_reshapes)
    problems: list[ModelError] = []
    for way in ways:
        try:
            candidate = way(model, entry, output, size)
            return candidate, _trial(candidate, pictures)
        except ModelError as error:
            problems.append(error)
    raise problems[-1]


def _trial(model: ModelProto, pictures: Floats) -> Sequence[int]:
    """The shape that a batch gives. Raises ModelError if it does not run, or not as its pictures do alone."""
    session = Session(bytes(model.SerializeToString()))
    try:
        together = session.run({edit.INPUT: pictures})[0]
        alone = [session.run({edit.INPUT: pictures[i : i + 1]})[0] for i in range(TRIAL)]
    except Exception as error:  # ONNX Runtime raises a family of its own
        raise ModelError(f"the network does not run: {str(error).splitlines()[0][:300]}") from error
    if not all(np.isfinite(rows).all() for rows in (together, *alone)):
        raise ModelError("the network gives numbers that are not finite for an ordinary picture")
    largest = float(np.abs(together).max(initial=0.0))
    if together.shape[:1] != (TRIAL,) or not all(
        rows.shape[1:] == together.shape[1:] and np.allclose(rows[0], row, rtol=0, atol=SAME * largest)
        for rows, row in zip(alone, together, strict=True)
    ):
        raise ModelError("the network mixes the pictures of a batch: export it for any number of pictures")
    return tuple(int(side) for side in together.shape)


def _to_rows(shape: Sequence[int], dimension: int) -> list[NodeProto]:
    """Nodes that make (N, ...) into 'embedding' (N, dimension)."""
    inner, source, nodes = shape[1:], edit.ROWS, []
    if len(inner) > 1 and dimension in _channels(inner):
        if inner[0] != dimension:
            perm = [0, len(inner), *range(1, len(inner))]
            nodes.append(helper.make_node("Transpose", [source], ["channels_first"], perm=perm))
            source = "channels_first"
        nodes.append(helper.make_node("GlobalAveragePool", [source], ["averaged"]))
        source = "averaged"
    elif math.prod(inner) != dimension:
        raise ModelError(_unfit(inner, dimension))
    return [*nodes, helper.make_node("Flatten", [source], ["embedding"], axis=1)]


def _channels(inner: Sequence[int]) -> tuple[int, ...]:
    """The axes, by length, that may hold the channels: the first, or the last unless it is a side of a square."""
    square_sides = len(inner) == 3 and inner[0] != inner[1]  # crops are square, and so is what is made of them
    return (inner[0],) if square_sides else (inner[0], inner[-1])


def _unfit(inner: Sequence[int], dimension: int) -> str:
    if len(inner) < 2:
        return f"card says {dimension}, network gives {_dims(inner) or 1}: correct dimension in its card"
    averaged = " or ".join(str(c) for c in dict.fromkeys(_channels(inner)))
    return (
        f"card says {dimension}, network gives {_dims(inner)}: as dimension its card may say "
        f"{averaged} (averaged over places), or {math.prod(inner)} (all of it)"
    )


def _dims(shape: Sequence[int | None]) -> str:
    return "x".join("?" if side is None else str(side) for side in shape)


def _listed(names: Sequence[str]) -> str:
    """A few names for a message."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
