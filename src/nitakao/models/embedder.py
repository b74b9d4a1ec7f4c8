"""Face crops to vectors: pixels normalised as the card says, the network run in batches, unit length where promised."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nitakao.errors import CardError, MisuseError, ModelError
from nitakao.models import golden
from nitakao.models.networks import custom, dlib_resnet, facenet, openface
from nitakao.models.onnx.session import Device, Session
from nitakao.models.weights import files
from nitakao.models.weights.download import Progress
from nitakao.values import Floats, ModelCard, Normalisation, Pixels

# A card's `network` to what makes its ONNX graph of its weights: 'input' (N, 3, S, S) to 'embedding' (N, D)
BUILDERS: dict[str, Callable[[Path, ModelCard], bytes]] = {
    "facenet": facenet.build,
    "dlib_resnet": dlib_resnet.build,
    "openface": openface.build,
    "onnx": custom.build,
}
# Crops in one run of the network, measured with facenet on one thread of an AVX-512 processor: 22.9 ms a face alone,
# 19.5 in fours, 18.0-18.9 from six to 64. Larger batches only take memory.
BATCH = {"cpu": 8, "cuda": 64}
SMALLEST_LENGTH = 1e-10  # a vector of zeros stays one instead of becoming NaN; facenet's own epsilon in l2_normalize


class Embedder:
    """A loaded network: (N, S, S, 3) uint8 RGB crops to (N, D) float32. May be called from several threads at once."""

    def __init__(
        self, card: ModelCard, session: Session, *, flip: bool = False, batch_size: int = BATCH["cpu"]
    ) -> None:
        if batch_size < 1:
            raise MisuseError(f"a batch is 1 crop or more, not {batch_size}")
        if (shape := session.outputs.get("embedding", ("", []))[1])[1:] != [card.dimension]:
            raise ModelError(f"the network of {card.name} gives {shape}, not rows of {card.dimension} numbers")
        self.card = card
        self.flip = flip
        self.batch_size = batch_size
        self._session = session

    def __call__(self, crops: Pixels) -> Floats:
        """One row a crop, in their order; with `flip`, the mean of a crop's vector and its mirror image's."""
        side = self.card.crop.size
        if crops.ndim != 4 or crops.shape[1:] != (side, side, 3) or crops.dtype != np.uint8:
            raise MisuseError(
                f"{self.card.name} takes (any, {side}, {side}, 3) uint8 RGB crops, not {crops.shape} {crops.dtype}"
            )
        vectors = np.empty((len(crops), self.card.dimension), np.float32)
        runs = max(1, round(len(crops) / self.batch_size))  # of about equal size: nine crops as eight and one cost more
        edges = np.linspace(0, len(crops), runs + 1).astype(int)
        for start, stop in itertools.pairwise(edges):
            vectors[start:stop] = self._embed(crops[start:stop])
        return vectors

    def _embed(self, crops: Pixels) -> Floats:
        vectors = self._run(crops)
        if self.flip:
            vectors = self._finish((vectors + self._run(crops[:, :, ::-1])) / np.float32(2))
        return vectors

    def _run(self, crops: Pixels) -> Floats:
        pixels = crops[..., ::-1] if self.card.channels == "BGR" else crops
        (vectors,) = self._session.run({"input": normalise(pixels, self.card.normalisation)}, ["embedding"])
        if not np.isfinite(vectors).all():
            raise ModelError(
                f"the network of {self.card.name} gives numbers that are not finite: its weights are damaged"
            )
        return self._finish(vectors)

    def _finish(self, vectors: Floats) -> Floats:
        return unit_length(vectors) if self.card.unit_length else vectors


def load(
    card: ModelCard,
    *,
    device: Device | None = None,
    flip: bool = False,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Embedder:
    """The card's network, ready to run; its weights are fetched if they are not on this machine.

    Weights for which the card has no hash are held to its golden vector instead, each time, at the cost of one crop.

    flip: average with the mirror image, which doubles the time.  batch_size: about how many crops in one run, None for
    what measured best.  progress: as in `weights.locate`.
    Raises WeightsError, FormatError, ModelError, CardError or DeviceError.
    """
    device = device or Device()
    if (builder := BUILDERS.get(card.network)) is None:
        raise CardError(
            f"{card.name} is of the network '{card.network}', which is none of {', '.join(sorted(BUILDERS))}"
        )
    if len(card.files) != 1:
        raise CardError(f"the card of {card.name} names {len(card.files)} files of weights where one is needed")
    path = files.locate(card.files[0], progress=progress)
    session = Session(builder(path, card), device)
    if card.golden and not card.files[0].sha256 and not (looked := golden.check(Embedder(card, session), card)).ok:
        raise ModelError(
            f"the weights of {card.name} are not those of its card: the network's vector of the golden picture "
            f"is {looked.detail}; remove '{path}', or use --model dlib-resnet"
        )
    return Embedder(card, session, flip=flip, batch_size=BATCH[device.name] if batch_size is None else batch_size)


def normalise(crops: Pixels, rule: Normalisation) -> Floats:
    """(N, S, S, 3) uint8 to (N, 3, S, S) float32, as a network takes it.

    fixed and per-channel: (x - mean) / scale.  per-picture: (x - mean) / max(std, 1/sqrt(n)) of each picture's n
    values, prewhitening as in davidsandberg/facenet's src/facenet.py.
    """
    values = np.ascontiguousarray(crops.transpose(0, 3, 1, 2)).astype(np.float32)  # (N, 3, S, S)
    if rule.kind == "per-picture":
        mean = values.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float64)
        spread = values.std(axis=(1, 2, 3), keepdims=True, dtype=np.float64)
        scale = np.maximum(spread, 1 / np.sqrt(max(values[0].size, 1))) if len(values) else spread
    else:
        mean = np.reshape(rule.mean, (1, -1, 1, 1))
        scale = np.reshape(rule.scale, (1, -1, 1, 1))
    values -= mean.astype(np.float32)
    values /= scale.astype(np.float32)
    return values


def unit_length(vectors: Floats) -> Floats:
    """Each row (N, D) divided by its Euclidean length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, SMALLEST_LENGTH), np.float32)
