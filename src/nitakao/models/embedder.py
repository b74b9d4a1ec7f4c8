"""Turn face crops into vectors: normalise pixels, run the network in batches, and scale to unit length."""

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

# A card's `network` to the function that builds its ONNX graph from weights: 'input' (N, 3, S, S) to 'embedding' (N, D)
BUILDERS: dict[str, Callable[[Path, ModelCard], bytes]] = {
    "facenet": facenet.build,
    "dlib_resnet": dlib_resnet.build,
    "openface": openface.build,
    "onnx": custom.build,
}
# Crops per network run. Measured with facenet on one thread of an AVX-512 processor: 22.9 ms per face one at a time,
# 19.5 in batches of four, 18.0-18.9 from six to 64. Larger batches only take memory.
BATCH = {"cpu": 8, "cuda": 64}
MIN_LENGTH = 1e-10  # keeps a zero vector zero instead of NaN; epsilon of facenet's l2_normalize


class Embedder:
    """A loaded network: (N, S, S, 3) uint8 RGB crops to (N, D) float32 vectors. Thread-safe."""

    def __init__(
        self, card: ModelCard, session: Session, *, flip: bool = False, batch_size: int = BATCH["cpu"]
    ) -> None:
        if batch_size < 1:
            raise MisuseError(f"the batch size must be 1 or more, not {batch_size}")
        if (shape := session.outputs.get("embedding", ("", []))[1])[1:] != [card.dimension]:
            raise ModelError(f"the network of {card.name} returns shape {shape}, not vectors of size {card.dimension}")
        self.card = card
        self.flip = flip
        self.batch_size = batch_size
        self._session = session

    def __call__(self, crops: Pixels) -> Floats:
        """Embed crops.

        Args:
            crops: (N, S, S, 3) uint8 RGB, with the card's crop size S.

        Returns:
            (N, D) float32. With `flip`, the mean of the vectors of each crop and its mirror image.

        Raises:
            MisuseError: If the crops have the wrong shape or dtype.
            ModelError: If the network returns non-finite numbers.
        """
        side = self.card.crop.size
        if crops.ndim != 4 or crops.shape[1:] != (side, side, 3) or crops.dtype != np.uint8:
            raise MisuseError(
                f"{self.card.name} takes (N, {side}, {side}, 3) uint8 RGB crops, not {crops.shape} {crops.dtype}"
            )
        vectors = np.empty((len(crops), self.card.dimension), np.float32)
        runs = max(1, round(len(crops) / self.batch_size))  # equal batches: nine crops as eight and one would be slower
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
                f"the network of {self.card.name} returns numbers that are not finite: its weights are damaged"
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
    """Load a card's network. Downloads its weights if they are not on this machine.

    If the card has no hash for its weights, the network is checked with the card's golden vector on each load, at the
    cost of one crop.

    Args:
        card: The model.
        device: Where to run; by default the CPU.
        flip: Average with the mirror image, which doubles the time.
        batch_size: Approximate number of crops per run; None for the fastest measured.
        progress: Called during downloads, see `weights.files.locate`.

    Raises:
        WeightsError: If the weights are missing or damaged.
        FormatError: If the weights file cannot be read.
        ModelError: If the network does not match the card.
        CardError: If the card is invalid.
        DeviceError: If the device is not available.
    """
    device = device or Device()
    if (builder := BUILDERS.get(card.network)) is None:
        raise CardError(
            f"{card.name} has the unknown network '{card.network}': it must be one of {', '.join(sorted(BUILDERS))}"
        )
    if len(card.files) != 1:
        raise CardError(f"the card of {card.name} has {len(card.files)} weights files: it must have one")
    path = files.locate(card.files[0], progress=progress)
    session = Session(builder(path, card), device)
    if card.golden and not card.files[0].sha256 and not (result := golden.check(Embedder(card, session), card)).ok:
        raise ModelError(
            f"the weights of {card.name} do not match its card: the vector of the golden picture is {result.detail}; "
            f"delete '{path}', or use --model dlib-resnet"
        )
    return Embedder(card, session, flip=flip, batch_size=BATCH[device.name] if batch_size is None else batch_size)


def normalise(crops: Pixels, rule: Normalisation) -> Floats:
    """Normalise crops for a network.

    fixed and per-channel: (x - mean) / scale. per-picture: (x - mean) / max(std, 1/sqrt(n)) over each picture's n
    values, the prewhitening of davidsandberg/facenet, src/facenet.py.

    Args:
        crops: (N, S, S, 3) uint8.
        rule: The card's normalisation.

    Returns:
        (N, 3, S, S) float32.
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
    """Divide each row of (N, D) by its Euclidean length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, MIN_LENGTH), np.float32)
