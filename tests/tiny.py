"""A real model that takes a millisecond, a detector that finds what a picture's first pixel says, and such pictures.

    NITAKAO_MODELS=folder python -m tests.tiny index photos --model tiny

The network lays an 8x8 crop through one random matrix to 16 numbers of unit length: faces of one crop are alike, all
others about 1.4 apart. The pictures are noise, so no two contents are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from nitakao.models.detection import detectors
from nitakao.values import Face, Photo

SIDE, DIMENSION = 8, 16
PICTURE = 64  # px
MOST = 4  # faces, one in each quarter
CARD = f"""
name = "tiny"
title = "Tiny, for tests"
network = "onnx"
dimension = {DIMENSION}
metric = "euclidean"
threshold = 0.6
threshold_source = "made up for tests"
unit_length = true
commercial = "allowed"

[crop]
kind = "article"
size = {SIDE}
margin = 0.0

[normalisation]
kind = "fixed"
mean = [127.5]
scale = [128.0]

[[files]]
name = "tiny.onnx"
"""


def model(folder: Path) -> Path:
    """The folder, with the card `tiny.toml` and its weights in it, for NITAKAO_MODELS."""
    folder.mkdir(parents=True, exist_ok=True)
    matrix = np.random.default_rng(1).standard_normal((3 * SIDE * SIDE, DIMENSION)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", DIMENSION])],
        [numpy_helper.from_array(matrix, "matrix")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "tiny.onnx").write_bytes(made.SerializeToString())
    (folder / "tiny.toml").write_text(CARD, encoding="utf-8")
    return folder


def picture(path: Path, seed: int = 0, faces: int = 1) -> Path:
    """A PNG of noise with this many faces, the same for the same seed."""
    pixels = np.random.default_rng([seed, faces]).integers(0, 256, (PICTURE, PICTURE, 3), np.uint8)
    pixels[0, 0, 0] = faces
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "PNG")
    return path


def detect(photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
    """As many faces as the first pixel's red says, one in each quarter, with landmarks."""
    return [[_face(photo, number) for number in range(min(int(photo.pixels[0, 0, 0]), MOST))] for photo in photos]


def _face(photo: Photo, number: int) -> Face:
    across, down = photo.size[0] / 2, photo.size[1] / 2
    left, top = across * (number % 2), down * (number // 2)
    marks = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]], np.float32)
    landmarks = (marks * (across, down) + (left, top)).astype(np.float32)
    return Face((left, top, left + across, top + down), 0.99 - 0.1 * number, landmarks)


def main() -> None:
    from nitakao.cli.main import main as nitakao

    detectors.load = lambda *_: detect
    nitakao(prog_name="nitakao")


if __name__ == "__main__":
    main()
