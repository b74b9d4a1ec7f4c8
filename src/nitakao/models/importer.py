"""Models of davidsandberg/facenet, as its users have them, turned into ONNX networks with a card.

Variable names and layers: davidsandberg/facenet, src/models/inception_resnet_v1.py. Its convolutions and its last,
dense layer have no bias but a batch normalisation with shift and without gain; `train_softmax.py` saves the plain
variables, not their moving averages, and so those are what its own loader restores.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import ModelError, WeightsError
from nitakao.models.cards import card_toml, registry
from nitakao.models.formats import tensorflow
from nitakao.models.networks import facenet
from nitakao.models.weights import files
from nitakao.system import atomic_write, dirs
from nitakao.values import CropRule, ModelCard, Normalisation, NormalisationKind, WeightsFile

SCOPE = "InceptionResnetV1/"
KNOWN = {  # names of davidsandberg's models to those of cards that come with nitakao
    "20170511-185253": "facenet-20170511-casia",
    "20170512-110547": "facenet-20170512-msceleb",
}
SAME_WEIGHTS = {  # the same, where the card's own file is another one, of the same weights
    "20180402-114759": "facenet-vggface2",
    "20180408-102900": "facenet-casia",
}
SIZE = 160  # px; what all of davidsandberg's models take
MARGIN = 44.0  # px; the article's

# TensorFlow's scopes to the names that PyTorch weights have
_BLOCKS = {"Repeat": "repeat_1", "Repeat_1": "repeat_2", "Repeat_2": "repeat_3"}
_SINGLE = {"Block8": "block8", "Mixed_6a": "mixed_6a", "Mixed_7a": "mixed_7a"}
_NORMALISATION = {
    "BatchNorm/beta": "bias",
    "BatchNorm/gamma": "weight",
    "BatchNorm/moving_mean": "running_mean",
    "BatchNorm/moving_variance": "running_var",
}
_PARTS = ("weights", "biases", *_NORMALISATION)


def is_importable(argument: str) -> bool:
    """Whether a first argument is the model, as in the article: a .pb file, or a folder with a .meta file."""
    return tensorflow.is_model(Path(argument))


def import_model(
    source: Path,
    *,
    name: str | None = None,
    size: int = 0,
    margin: float | None = None,
    normalisation: NormalisationKind | None = None,
    folder: Path | None = None,
) -> ModelCard:
    """The card of a frozen .pb, or of a folder with .meta and .ckpt files, now an ONNX network in the user's models.

    Models known by their date (20170512-110547 ...) have their cards; others are taken for networks used as the article
    uses its own: crops of 160 pixels, margin 44, per-picture normalisation. Whatever is given here comes first.
    Raises FormatError, ModelError, WeightsError if it is no Inception-ResNet-v1, MissingExtraError without TensorFlow.
    """
    known = _known(source)
    found = to_torch_names(tensorflow.read(source, _wanted), source.name)
    card = _card(known, name or _plain(source), int(found["last_linear.weight"].shape[0]), source.name)
    if name or size or margin is not None or normalisation:
        card = _changed(card, name or f"{_plain(source)}-own", size, margin, normalisation)
    return _stored(facenet.build_from(found, card), card, folder or dirs.models())


def import_cached(source: Path) -> ModelCard:
    """The card of such a model, imported into the cache once and found there afterwards."""
    digest = hashlib.sha256()
    for file in tensorflow.files(source):
        digest.update(file.name.encode("utf-8", "surrogateescape"))
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    folder = dirs.cache() / "imported" / digest.hexdigest()[:16]
    for card in folder.glob("*.toml"):
        return registry.read(card)
    return import_model(source, folder=folder)


def to_torch_names(variables: Mapping[str, NDArray[Any]], source: str) -> dict[str, NDArray[Any]]:
    """The variables under the names and with the axes that PyTorch weights of this network have."""
    if f"{SCOPE}Bottleneck/weights" not in variables:
        raise ModelError(
            f"'{source}' holds no Inception-ResNet-v1 with an embedding ({SCOPE}Bottleneck/weights): "
            "only that network of davidsandberg's can be imported; convert others to ONNX"
        )
    scopes: dict[str, dict[str, NDArray[Any]]] = {}
    for name, value in variables.items():
        if (split := _split(name)) is not None:
            scopes.setdefault(split[0], {})[split[1]] = value
    found: dict[str, NDArray[Any]] = {}
    for scope, parts in scopes.items():
        found.update(_layer(scope, parts, scopes))
    return found


def _wanted(name: str) -> bool:
    return _split(name) is not None


def _split(name: str) -> tuple[str, str] | None:
    """A variable's layer and part; None for moving averages, optimisers' slots and the classifier's head."""
    for part in _PARTS:
        if name.startswith(SCOPE) and name.endswith(f"/{part}"):
            return name[len(SCOPE) : -len(part) - 1], part
    return None


def _layer(
    scope: str, parts: Mapping[str, NDArray[Any]], scopes: Mapping[str, Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """One layer's weights, with their names."""
    target = _target(scope, scopes)
    if not target:
        return
    dense = scope == "Bottleneck"
    kernel = parts.get("weights")
    if kernel is None or kernel.ndim != (2 if dense else 4):
        raise WeightsError(f"'{SCOPE}{scope}/weights' is missing, or not of the shape that this network has")
    plain = dense or target.endswith("conv2d")
    yield f"{target}.weight" if plain else f"{target}.conv.weight", kernel.T if dense else kernel.transpose(3, 2, 0, 1)
    if plain and not dense:
        if "biases" in parts:
            yield f"{target}.bias", parts["biases"]
        return
    yield from _normalisation("last_bn" if dense else f"{target}.bn", parts, len(kernel.T))


def _normalisation(name: str, parts: Mapping[str, NDArray[Any]], channels: int) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{name}.weight", np.ones(channels, np.float32)  # unless the network was trained with a gain, as few were
    if not any(part in parts for part in _NORMALISATION) and "biases" in parts:
        # A layer with a bias in its place: the same as a normalisation that changes nothing and then shifts.
        yield f"{name}.bias", parts["biases"]
        yield f"{name}.running_mean", np.zeros(channels, np.float32)
        yield f"{name}.running_var", np.full(channels, 1 - facenet.EPSILON, np.float32)
    for part, torch in _NORMALISATION.items():
        if part in parts:
            yield f"{name}.{torch}", parts[part]


def _target(scope: str, scopes: Mapping[str, Any]) -> str:
    """PyTorch's name of a layer, or '' where it has none.

    Conv2d_1a_3x3 -> conv2d_1a, Repeat_1/block17_3/Branch_1/Conv2d_0b_1x7 -> repeat_2.2.branch1.1
    """
    if scope == "Bottleneck":
        return "last_linear"
    block, _, rest = scope.partition("/")
    if not rest:
        match = re.fullmatch(r"Conv2d_(\d[a-z])_\dx\d", scope)
        return f"conv2d_{match[1]}" if match else ""
    target = _SINGLE.get(block, "")
    if block in _BLOCKS:
        number, _, rest = rest.partition("/")
        match = re.fullmatch(r"block\d+_(\d{1,3})", number)
        target = f"{_BLOCKS[block]}.{int(match[1]) - 1}" if match else ""
    if not target:
        return ""
    if rest == "Conv2d_1x1":
        return f"{target}.conv2d"
    return _in_branch(scope, target, rest, scopes)


def _in_branch(scope: str, target: str, rest: str, scopes: Mapping[str, Any]) -> str:
    match = re.fullmatch(r"Branch_(\d)/Conv2d_\w+", rest)
    if not match:
        return ""
    beside = scope.rpartition("/")[0]
    branch = sorted(other for other in scopes if other.rpartition("/")[0] == beside)  # 0a, 0b, 0c, 1a: as they run
    number = f".{branch.index(scope)}" if len(branch) > 1 else ""
    return f"{target}.branch{match[1]}{number}"


# --- the card -------------------------------------------------------------------------------------------------------


def _known(source: Path) -> str:
    """The date that names one of davidsandberg's models, in the name of the file, of its folder or of its .meta."""
    meta = tensorflow.files(source)[0]
    for part in (source.name, meta.name, source.resolve().parent.name):
        for date in (*KNOWN, *SAME_WEIGHTS):
            if date in part:
                return date
    return ""


def _card(known: str, name: str, dimension: int, source: str) -> ModelCard:
    if known in KNOWN:
        return _fitting(registry.card(KNOWN[known]), dimension, source)
    if known:
        card = _fitting(registry.card(SAME_WEIGHTS[known]), dimension, source)
        name = f"facenet-{known}"
        note = f"Imported from '{source}'; the same weights as {card.name}."
        return replace(card, name=name, network="onnx", files=_files(name), note=note, golden=())
    return ModelCard(
        name=name,
        title=f"Inception-ResNet-v1 imported from {source}, {dimension}-d",
        network="onnx",
        crop=CropRule("article", SIZE, MARGIN),
        normalisation=Normalisation("per-picture"),
        dimension=dimension,
        files=_files(name),
        origin=f"imported from '{source}'",
        note="Crop, normalisation and threshold are guesses from the article's own use: measure before you trust them.",
    )


def _fitting(card: ModelCard, dimension: int, source: str) -> ModelCard:
    if card.dimension != dimension:
        raise ModelError(
            f"'{source}' bears the name of {card.name}, which gives {card.dimension} numbers a face, but gives "
            f"{dimension}: it is another model; rename it, or give --name"
        )
    return card


def _changed(
    card: ModelCard, name: str, size: int, margin: float | None, normalisation: NormalisationKind | None
) -> ModelCard:
    crop = replace(card.crop, size=size or card.crop.size, margin=card.crop.margin if margin is None else margin)
    chosen = Normalisation(normalisation) if normalisation else card.normalisation
    return replace(card, name=name, crop=crop, normalisation=chosen, files=_files(name))


def _files(name: str) -> tuple[WeightsFile, ...]:
    return (WeightsFile(name=f"{name}.onnx"),)


def _plain(source: Path) -> str:
    """A name for a card, from that of a file or folder."""
    stem = source.stem if source.suffix == ".pb" else source.resolve().name
    return re.sub(r"[^\w.+-]+", "-", stem).strip("-.")[:80] or "imported"


def _stored(network: bytes, card: ModelCard, folder: Path) -> ModelCard:
    """The card as it can be loaded, its network written first and its TOML last: a card never lacks its network."""
    file = replace(card.files[0], folder=str(folder))
    path = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write.write_atomic(path, network)
        if card.name in {shipped.name for shipped in registry.cards()} and folder == dirs.models():
            files.record_hash(path)  # the shipped card knows no hash of what was made here
            return replace(card, files=(file,))
        file = replace(file, sha256=hashlib.sha256(network).hexdigest(), size=len(network))
        card = replace(card, files=(file,))
        atomic_write.write_atomic(folder / f"{card.name}.toml", card_toml.dump(card).encode("utf-8"))
    except OSError as error:
        raise WeightsError(f"the imported model cannot be kept in '{folder}': {error.strerror or error}") from error
    return card
