"""Convert models of davidsandberg/facenet to ONNX networks with a card.

Variable names and layers: davidsandberg/facenet, src/models/inception_resnet_v1.py. Its convolutions and its last dense
layer have no bias but a batch normalisation with shift and without gain. `train_softmax.py` saves the variables
themselves, not their moving averages, and its loader restores those.
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
CONVERTED = ("20180402-114759", "20180408-102900")  # the included card's file is another conversion of these weights
SIZE = 160  # px; crop size of all of davidsandberg's models
MARGIN = 44.0  # px; the article's

# TensorFlow scopes to PyTorch weight names
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
    """Whether an argument is a TensorFlow model, as in the article: a .pb file, or a folder with a .meta file."""
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
    """Import a TensorFlow model as an ONNX network with a card.

    Models recognised by their date get their own card. Others get the article's settings: crops of
    160 pixels, margin 44, per-picture normalisation. Arguments override both.

    Args:
        source: A frozen .pb, or a folder with .meta and .ckpt files.
        name: Name of the new card.
        size: Crop size in pixels; 0 for the default.
        margin: Crop margin in photograph pixels.
        normalisation: Kind of normalisation.
        folder: Where to save; by default the user's models folder.

    Raises:
        FormatError: If the files are damaged.
        ModelError: If the model is not an Inception-ResNet-v1.
        WeightsError: If weights are missing, or the result cannot be saved.
        MissingExtraError: Without TensorFlow.
    """
    date = _find_date(source)
    weights = to_torch_names(tensorflow.read(source, _is_needed), source.name)
    card = _card(date, name or _card_name(source), int(weights["last_linear.weight"].shape[0]), source.name)
    if name or size or margin is not None or normalisation:
        card = _change(card, name or f"{_card_name(source)}-own", size, margin, normalisation)
    return _save(facenet.build_from(weights, card), card, folder or dirs.models())


def import_cached(source: Path) -> ModelCard:
    """Import a TensorFlow model into the cache, or return the card of an earlier import."""
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
    """Convert variables to the names and axis order of this network's PyTorch weights."""
    if f"{SCOPE}Bottleneck/weights" not in variables:
        raise ModelError(
            f"'{source}' is not an Inception-ResNet-v1 with an embedding ({SCOPE}Bottleneck/weights): "
            "only that network can be imported; convert others to ONNX"
        )
    scopes: dict[str, dict[str, NDArray[Any]]] = {}
    for name, value in variables.items():
        if (split := _split(name)) is not None:
            scopes.setdefault(split[0], {})[split[1]] = value
    weights: dict[str, NDArray[Any]] = {}
    for scope, parts in scopes.items():
        weights.update(_layer(scope, parts, scopes))
    return weights


def _is_needed(name: str) -> bool:
    return _split(name) is not None


def _split(name: str) -> tuple[str, str] | None:
    """A variable's layer and part; None for moving averages, optimizer slots and the classifier head."""
    for part in _PARTS:
        if name.startswith(SCOPE) and name.endswith(f"/{part}"):
            return name[len(SCOPE) : -len(part) - 1], part
    return None


def _layer(
    scope: str, parts: Mapping[str, NDArray[Any]], scopes: Mapping[str, Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """One layer's weights with their PyTorch names."""
    target = _target(scope, scopes)
    if not target:
        return
    dense = scope == "Bottleneck"
    kernel = parts.get("weights")
    if kernel is None or kernel.ndim != (2 if dense else 4):
        raise WeightsError(f"'{SCOPE}{scope}/weights' is missing or has the wrong shape for this network")
    plain = dense or target.endswith("conv2d")
    yield f"{target}.weight" if plain else f"{target}.conv.weight", kernel.T if dense else kernel.transpose(3, 2, 0, 1)
    if plain and not dense:
        if "biases" in parts:
            yield f"{target}.bias", parts["biases"]
        return
    yield from _normalisation("last_bn" if dense else f"{target}.bn", parts, len(kernel.T))


def _normalisation(name: str, parts: Mapping[str, NDArray[Any]], channels: int) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{name}.weight", np.ones(channels, np.float32)  # replaced below if the network was trained with a gain
    if not any(part in parts for part in _NORMALISATION) and "biases" in parts:
        # A bias instead of a batch normalisation: the same as an identity normalisation with a shift.
        yield f"{name}.bias", parts["biases"]
        yield f"{name}.running_mean", np.zeros(channels, np.float32)
        yield f"{name}.running_var", np.full(channels, 1 - facenet.EPSILON, np.float32)
    for part, torch in _NORMALISATION.items():
        if part in parts:
            yield f"{name}.{torch}", parts[part]


def _target(scope: str, scopes: Mapping[str, Any]) -> str:
    """PyTorch's name of a layer; '' if it has none.

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
    parent = scope.rpartition("/")[0]
    branch = sorted(other for other in scopes if other.rpartition("/")[0] == parent)  # 0a, 0b, 0c, 1a: execution order
    number = f".{branch.index(scope)}" if len(branch) > 1 else ""
    return f"{target}.branch{match[1]}{number}"


# --- the card -------------------------------------------------------------------------------------------------------


def _find_date(source: Path) -> str:
    """The date that identifies one of davidsandberg's models, in the name of the file, its folder or its .meta file."""
    meta = tensorflow.files(source)[0]
    for part in (source.name, meta.name, source.resolve().parent.name):
        for date in registry.RELEASES:
            if date in part:
                return date
    return ""


def _card(date: str, name: str, dimension: int, source: str) -> ModelCard:
    if date and date not in CONVERTED:
        return _check_size(registry.card(registry.RELEASES[date]), dimension, source)
    if date:
        card = _check_size(registry.card(registry.RELEASES[date]), dimension, source)
        name = f"facenet-{date}"
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
        note="Crop and normalisation are guesses based on the article: measure before you trust them.",
    )


def _check_size(card: ModelCard, dimension: int, source: str) -> ModelCard:
    if card.dimension != dimension:
        raise ModelError(
            f"'{source}' has the name of {card.name}, but embedding size {dimension}, not {card.dimension}: "
            "it is another model; rename it, or use --name"
        )
    return card


def _change(
    card: ModelCard, name: str, size: int, margin: float | None, normalisation: NormalisationKind | None
) -> ModelCard:
    crop = replace(card.crop, size=size or card.crop.size, margin=card.crop.margin if margin is None else margin)
    chosen = Normalisation(normalisation) if normalisation else card.normalisation
    return replace(card, name=name, crop=crop, normalisation=chosen, files=_files(name))


def _files(name: str) -> tuple[WeightsFile, ...]:
    return (WeightsFile(name=f"{name}.onnx"),)


def _card_name(source: Path) -> str:
    """A card name from the name of a file or folder."""
    stem = source.stem if source.suffix == ".pb" else source.resolve().name
    return re.sub(r"[^\w.+-]+", "-", stem).strip("-.")[:80] or "imported"


def _save(network: bytes, card: ModelCard, folder: Path) -> ModelCard:
    """Save the network, then its card, so that a card always has its network."""
    file = replace(card.files[0], folder=str(folder))
    path = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write.write_atomic(path, network)
        if card.name in {shipped.name for shipped in registry.cards()} and folder == dirs.models():
            files.record_hash(path)  # the included card has no hash of this import
            return replace(card, files=(file,))
        file = replace(file, sha256=hashlib.sha256(network).hexdigest(), size=len(network))
        card = replace(card, files=(file,))
        atomic_write.write_atomic(folder / f"{card.name}.toml", card_toml.dump(card).encode("utf-8"))
    except OSError as error:
        raise WeightsError(f"the imported model cannot be saved in '{folder}': {error.strerror or error}") from error
    return card
