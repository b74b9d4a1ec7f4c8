"""A trained network as a model like any other: an ONNX graph of our own building, and its card."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nitakao.errors import TrainingError, WeightsError
from nitakao.models import embedder, golden
from nitakao.models.cards import card_toml
from nitakao.models.onnx.session import Session
from nitakao.system import atomic_write
from nitakao.training import networks
from nitakao.training.settings import TrainingSettings
from nitakao.training.splits import Examples
from nitakao.training.validation import Verdict
from nitakao.values import Calibration, ModelCard, Normalisation, WeightsFile

PARITY = 1e-4  # largest difference of a number between PyTorch's vector and the graph's; both compute in 32 bits
TRIED = 16  # crops that parity is checked on
METRICS = "metrics.json"


@dataclass(frozen=True)
class Told:
    """What a card says of a training. data: in words.  basis: card of the model that it began with, if any."""

    data: str
    verdict: Verdict | None = None
    judged_on: str = ""
    calibration: Calibration | None = None
    basis: ModelCard | None = None


def export(
    network: nn.Module, settings: TrainingSettings, examples: Examples, told: Told, folder: Path, name: str
) -> tuple[ModelCard, float]:
    """The card of the network, written to `folder` with its graph; and how far the graph is from PyTorch at most.

    examples: whose crops parity is tried on.  Raises TrainingError where the graph does not give what PyTorch gives.
    """
    kind = networks.architecture(settings)
    card = _card(settings, told, name)
    network = network.to("cpu").eval()
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    try:
        graph = kind.graph(weights, card)
    except WeightsError as error:
        raise TrainingError(f"the network cannot be exported: {error}") from error
    crops = examples.crops(np.arange(min(TRIED, len(examples)), dtype=np.intp))
    apart = _apart(network, graph, crops, card)
    drawn = _vectors(network, golden.draw_picture(card.crop.size)[None], card)[0]
    file = WeightsFile(f"{name}.onnx", sha256=hashlib.sha256(graph).hexdigest(), size=len(graph), folder=str(folder))
    card = replace(card, files=(file,), golden=tuple(float(f"{value:.7g}") for value in drawn))
    try:
        atomic_write.write_atomic(folder / file.name, graph, durable=True)
        atomic_write.write_atomic(folder / f"{name}.toml", card_toml.dump(card).encode("utf-8"), durable=True)
    except OSError as error:
        raise TrainingError(f"the model cannot be written to '{folder}': {error.strerror or error}") from error
    return card, apart


def plain(name: str) -> str:
    """A name for a card, from that of a folder."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:80] or "trained"


def write_metrics(folder: Path, figures: dict[str, Any]) -> None:
    """What was measured while training, for people and for `nitakao models publish`."""
    text = json.dumps(figures, indent=1, ensure_ascii=False, default=_jsonable) + "\n"
    atomic_write.write_atomic(folder / METRICS, text.encode("utf-8"), durable=True)


def _jsonable(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)


def _card(settings: TrainingSettings, told: Told, name: str) -> ModelCard:
    kind = networks.architecture(settings)
    dimension, verdict, basis = networks.dimension(settings), told.verdict, told.basis
    crop, normalisation = face(settings, basis)
    source = ""
    if verdict is not None:
        source = f"best on {told.judged_on}, both kinds of pairs weighing the same: {verdict.accuracy:.2%}"
    made = f"trained with nitakao {version('nitakao')}, PyTorch {torch.__version__}, loss '{settings.loss}'"
    begun = f", from {basis.name}" if basis is not None else ""
    licence = f"{basis.data_licence}; and the pictures of this training" if basis is not None else "not stated"
    return ModelCard(
        name=name,
        title=f"{kind.title} trained on {told.data}, {dimension}-d",
        network="onnx",
        crop=crop,
        normalisation=normalisation,
        dimension=dimension,
        files=(),
        threshold=float("nan") if verdict is None else round(verdict.threshold, 4),
        threshold_source=source,
        unit_length=settings.unit_length,
        weights_licence=basis.weights_licence if basis is not None else "not stated",
        data_licence=licence,
        commercial=basis.commercial if basis is not None and basis.commercial == "forbidden" else "unclear",
        origin=made + begun,
        note=_note(settings, told),
        calibration=told.calibration,
    )


def face(settings: TrainingSettings, basis: ModelCard | None) -> tuple[Any, Normalisation]:
    """How faces are cut and prepared: as the model wants that a training begins with, else as its kind does."""
    kind, side = networks.architecture(settings), networks.side(settings)
    if basis is None:
        return kind.crop(side), kind.normalisation
    return replace(basis.crop, size=side), basis.normalisation


def _note(settings: TrainingSettings, told: Told) -> str:
    people = f"Trained on {told.data}."
    if told.verdict is None:
        return f"{people} Nobody was held out: it was not judged, and no threshold is known."
    v = told.verdict
    return (
        f"{people} Judged on {told.judged_on}: AUC {v.auc:.4f}, VAL {v.val:.2%} at FAR {v.far:g}. The golden vector "
        "was made with PyTorch."
    )


def _vectors(network: nn.Module, crops: Any, card: ModelCard) -> Any:
    with torch.no_grad():
        found = network(torch.from_numpy(embedder.normalise(crops, card.normalisation))).numpy()
    return embedder.unit_length(found) if card.unit_length else found


def _apart(network: nn.Module, graph: bytes, crops: Any, card: ModelCard) -> float:
    here, there = _vectors(network, crops, card), embedder.Embedder(card, Session(graph))(crops)
    apart = float(np.abs(here - there).max(initial=0.0))
    largest = max(1.0, float(np.abs(here).max(initial=0.0)))  # a network without unit length may give any size
    if not apart <= PARITY * largest:
        raise TrainingError(f"the exported graph is {apart:.1e} from PyTorch, where {PARITY:g} is allowed: not kept")
    return apart
