"""MTCNN against facenet-pytorch's, network by network and face by face."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nitakao import geometry, photos
from nitakao.errors import WeightsError
from nitakao.models.cards.registry import MTCNN_WEIGHTS
from nitakao.models.detection import mtcnn_nets
from nitakao.models.detection.mtcnn import Mtcnn
from nitakao.models.formats import joblib_lz4
from nitakao.models.onnx.session import Session
from nitakao.models.weights import files
from nitakao.values import DetectorSettings, Face, Photo

ARTICLE = DetectorSettings(smallest_face=20)
PEERS_FACES = Path(__file__).parents[2] / "data" / "facenet_pytorch_faces.json"

# facenet-pytorch 2.6.0 on PyTorch 2.13.0, MTCNN(keep_all=True).detect of scikit-image's astronaut
ASTRONAUT_BOX = (181.05141, 62.15613, 267.74731, 172.05010)
ASTRONAUT_SCORE = 0.9999977
ASTRONAUT_MARKS = (
    (205.01091, 101.72747),
    (246.76257, 103.71408),
    (224.67136, 128.96500),
    (201.71611, 139.24619),
    (245.26549, 141.85703),
)


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn(ARTICLE)


@pytest.fixture(scope="module")
def layers() -> list[Any]:
    return [joblib_lz4.read(files.locate(file)) for file in MTCNN_WEIGHTS]


def astronaut() -> Photo:
    data = pytest.importorskip("skimage.data")
    return photos.from_pixels(data.astronaut())


def test_the_astronaut_is_found_where_facenet_pytorch_finds_her(detector: Mtcnn) -> None:
    (face,) = detector([astronaut()])[0]
    np.testing.assert_allclose(face.box, ASTRONAUT_BOX, atol=0.01)
    assert face.score == pytest.approx(ASTRONAUT_SCORE, abs=1e-4)
    assert face.landmarks is not None
    np.testing.assert_allclose(face.landmarks, ASTRONAUT_MARKS, atol=0.01)


def test_photographs_together_side_by_side_or_alone_give_the_same_faces(detector: Mtcnn) -> None:
    one = astronaut()
    other = photos.from_pixels(np.ascontiguousarray(one.pixels[40:260, 100:330]))
    alone = [detector([photo])[0] for photo in (one, other, one)]
    with ThreadPoolExecutor(2) as executor:
        for together in (detector([one, other, one]), Mtcnn(ARTICLE, executor=executor)([one, other, one])):
            for some, same in zip(alone, together, strict=True):
                np.testing.assert_allclose([f.box for f in some], [f.box for f in same], atol=1e-3)


def test_a_photograph_without_faces_or_smaller_than_any_gives_none(detector: Mtcnn) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    grey = np.full((300, 200, 3), 127, np.uint8)
    speck = np.zeros((1, 1, 3), np.uint8)
    assert detector([photos.from_pixels(p) for p in (noise, grey, speck)]) == [[], [], []]
    assert detector([]) == []


def test_boxes_of_a_photograph_decoded_smaller_are_in_its_full_frame() -> None:
    full = astronaut()
    half = Photo("", np.ascontiguousarray(full.pixels[::2, ::2]), full.size)
    (face,) = Mtcnn(DetectorSettings(smallest_face=40))([half])[0]
    assert geometry.iou([face.box], [ASTRONAUT_BOX])[0, 0] > 0.8


def convolved(x: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """(h, w, in) with (kh, kw, in, out), as the package stores it: the definition, term by term."""
    kh, kw = kernel.shape[:2]
    height, width = x.shape[0] - kh + 1, x.shape[1] - kw + 1
    return sum(x[i : i + height, j : j + width] @ kernel[i, j] for i in range(kh) for j in range(kw)) + bias


def prelu(x: NDArray[Any], slopes: NDArray[Any]) -> NDArray[Any]:
    return np.where(x > 0, x, x * slopes)


def pooled(x: NDArray[Any], side: int) -> NDArray[Any]:
    """Maximum of every side x side with step 2; the last one is cut off by the edge where it does not fit (ceil)."""
    count = [max(0, -(-(n - side) // 2)) + 1 for n in x.shape[:2]]
    return np.array(
        [
            [x[2 * i : 2 * i + side, 2 * j : 2 * j + side].max(axis=(0, 1)) for j in range(count[1])]
            for i in range(count[0])
        ]
    )


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-x))


def pixels(side: int, wide: int | None = None) -> NDArray[Any]:
    return np.random.default_rng(side).integers(0, 256, (side, wide or side, 3)).astype(np.float32)


def fed(x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {"pixels": np.ascontiguousarray(x.transpose(2, 0, 1)[None])}


@pytest.mark.parametrize("size", [(12, 12), (13, 17), (40, 31)])
def test_p_net_is_the_published_one(layers: list[Any], size: tuple[int, int]) -> None:
    w = [a.astype(np.float64) for a in layers[0]]
    raw = pixels(*size)
    x = pooled(prelu(convolved((raw - 127.5) / 128, w[0], w[1]), w[2]), 2)
    x = prelu(convolved(prelu(convolved(x, w[3], w[4]), w[5]), w[6], w[7]), w[8])
    box, score = convolved(x, w[9], w[10]), softmax(convolved(x, w[11], w[12]))[..., 1]
    (windows,) = Session(mtcnn_nets.pnet(layers[0])).run(fed(raw))
    np.testing.assert_allclose(sigmoid(windows[0, 0]), score, atol=1e-5)
    np.testing.assert_allclose(windows[0, 1:].transpose(1, 2, 0), box, atol=1e-4)


def dense(x: NDArray[Any], w: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return x @ w + b


def test_r_net_is_the_published_one(layers: list[Any]) -> None:
    w = [a.astype(np.float64) for a in layers[1]]
    raw = pixels(24)
    x = pooled(prelu(convolved((raw - 127.5) / 128, w[0], w[1]), w[2]), 3)
    x = pooled(prelu(convolved(x, w[3], w[4]), w[5]), 3)
    x = prelu(convolved(x, w[6], w[7]), w[8])
    x = prelu(dense(x.transpose(1, 0, 2).ravel(), w[9], w[10]), w[11])
    score, box = Session(mtcnn_nets.rnet(layers[1])).run(fed(raw))
    np.testing.assert_allclose(sigmoid(score[0, 0]), softmax(dense(x, w[14], w[15]))[1], atol=1e-5)
    np.testing.assert_allclose(box[0], dense(x, w[12], w[13]), atol=1e-4)


def test_o_net_is_the_published_one(layers: list[Any]) -> None:
    w = [a.astype(np.float64) for a in layers[2]]
    raw = pixels(48)
    x = pooled(prelu(convolved((raw - 127.5) / 128, w[0], w[1]), w[2]), 3)
    x = pooled(prelu(convolved(x, w[3], w[4]), w[5]), 3)
    x = pooled(prelu(convolved(x, w[6], w[7]), w[8]), 2)
    x = prelu(convolved(x, w[9], w[10]), w[11])
    x = prelu(dense(x.transpose(1, 0, 2).ravel(), w[12], w[13]), w[14])
    score, box, points = Session(mtcnn_nets.onet(layers[2])).run(fed(raw))
    np.testing.assert_allclose(sigmoid(score[0, 0]), softmax(dense(x, w[19], w[20]))[1], atol=1e-5)
    np.testing.assert_allclose(box[0], dense(x, w[15], w[16]), atol=1e-4)
    np.testing.assert_allclose(points[0], dense(x, w[17], w[18]), atol=1e-4)


@pytest.mark.parametrize("build", [mtcnn_nets.pnet, mtcnn_nets.rnet, mtcnn_nets.onet])
def test_weights_of_another_network_are_refused(build: Callable[[Any], bytes], layers: list[Any]) -> None:
    wrong = layers[1] if build is not mtcnn_nets.rnet else layers[0]
    with pytest.raises(WeightsError, match="not MTCNN's"):
        build(wrong)


def best_match(faces: list[Face], box: list[float]) -> tuple[float, Face | None]:
    if not faces:
        return 0.0, None
    overlap = geometry.iou([face.box for face in faces], [box])[:, 0]
    return float(overlap.max()), faces[int(overlap.argmax())]


@pytest.mark.parametrize("folder", ["data/photos/", "data/lfw/"])
def test_faces_agree_with_facenet_pytorchs_at_equal_settings(detector: Mtcnn, shared: Path, folder: str) -> None:
    """Of its faces scored 0.9 and more: 99% found, and boxes and landmarks as near as the bounds below."""
    recorded = json.loads(PEERS_FACES.read_text())["faces"]
    found, shifts = [], []
    for name, faces in recorded.items():
        if not name.startswith(folder):
            continue
        ours = detector([photos.read(str(shared / name))])[0]
        for box, score, marks in faces:
            if score < 0.9:
                continue
            width = box[2] - box[0]
            overlap, face = best_match(ours, box)
            found.append(overlap >= (0.95 if min(width, box[3] - box[1]) >= 40 else 0.85))
            if face is not None and overlap > 0.5 and face.landmarks is not None:
                shifts += list(np.linalg.norm(face.landmarks - np.array(marks), axis=1) / width)
    assert len(found) > 40
    assert np.mean(found) >= 0.99
    assert np.median(shifts) <= 0.01
    assert np.percentile(shifts, 99) <= 0.03
