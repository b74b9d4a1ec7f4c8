"""Export a trained network as a model: an ONNX graph and its card."""

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
from nitakao.training.validation import ValidationMetrics
from nitakao.values import Calibration, ModelCard, Normalisation, WeightsFile

PARITY = 1e-4  # largest difference between PyTorch's vectors and the graph's; both compute in 32 bits
PARITY_CROPS = 16  # crops that are compared
METRICS = "metrics.json"


@dataclass(frozen=True)
class CardDetails:
    """What a card says about the training.

    Attributes:
        data: The training data, as text.
        validation: Figures on held-out people, if any.
        validation_data: The held-out people, as text.
        calibration: Fitted on held-out people.
        basis: Card of the model that the training started from.
    """

    data: str
    validation: ValidationMetrics | None = None
    validation_data: str = ""
    calibration: Calibration | None = None
    basis: ModelCard | None = None


def export(
    network: nn.Module, settings: TrainingSettings, examples: Examples, details: CardDetails, folder: Path, name: str
) -> tuple[ModelCard, float]:
    """Export a network as an ONNX graph, and write the graph and its card to a folder.

    Args:
        network: The network.
        settings: The settings of its training.
        examples: Crops on which PyTorch and the graph are compared.
        details: What the card says about the training.
        folder: The folder.
        name: Name of the model.

    Returns:
        The card, and the largest difference between vectors of PyTorch and of the graph.

    Raises:
        TrainingError: If the difference is too large, or the files cannot be written.
    """
    kind = networks.architecture(settings)
    card = _card(settings, details, name)
    network = network.to("cpu").eval()
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    try:
        graph = kind.graph(weights, card)
    except WeightsError as error:
        raise TrainingError(f"the network cannot be exported: {error}") from error
    crops = examples.crops(np.arange(min(PARITY_CROPS, len(examples)), dtype=np.intp))
    parity = _parity(network, graph, crops, card)
    vector = _vectors(network, golden.draw_picture(card.crop.size)[None], card)[0]
    file = WeightsFile(f"{name}.onnx", sha256=hashlib.sha256(graph).hexdigest(), size=len(graph), folder=str(folder))
    card = replace(card, files=(file,), golden=tuple(float(f"{value:.7g}") for value in vector))
    try:
        atomic_write.write_atomic(folder / file.name, graph, durable=True)
        atomic_write.write_atomic(folder / f"{name}.toml", card_toml.dump(card).encode("utf-8"), durable=True)
    except OSError as error:
        raise TrainingError(f"the model cannot be written to '{folder}': {error.strerror or error}") from error
    return card, parity


def plain_name(name: str) -> str:
    """A valid model name from the name of a folder."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:80] or "trained"


def write_metrics(folder: Path, figures: dict[str, Any]) -> None:
    """Write the figures of the training, also read by `nitakao models publish`."""
    text = json.dumps(figures, indent=1, ensure_ascii=False, default=_jsonable) + "\n"
    atomic_write.write_atomic(folder / METRICS, text.encode("utf-8"), durable=True)


def _jsonable(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)


def _card(settings: TrainingSettings, details: CardDetails, name: str) -> ModelCard:
    kind = networks.architecture(settings)
    dimension, validation, basis = networks.dimension(settings), details.validation, details.basis
    crop, normalisation = face_input(settings, basis)
    source = ""
    if validation is not None:
        source = f"best balanced accuracy on {details.validation_data}: {validation.accuracy:.2%}"
    origin = f"trained with nitakao {version('nitakao')}, PyTorch {torch.__version__}, loss '{settings.loss}'"
    origin += f", from {basis.name}" if basis is not None else ""
    licence = f"{basis.data_licence}; and the pictures of this training" if basis is not None else "not stated"
    return ModelCard(
        name=name,
        title=f"{kind.title} trained on {details.data}, {dimension}-d",
        network="onnx",
        crop=crop,
        normalisation=normalisation,
        dimension=dimension,
        files=(),
        threshold=float("nan") if validation is None else round(validation.threshold, 4),
        threshold_source=source,
        unit_length=settings.unit_length,
        weights_licence=basis.weights_licence if basis is not None else "not stated",
        data_licence=licence,
        commercial=basis.commercial if basis is not None and basis.commercial == "forbidden" else "unclear",
        origin=origin,
        note=_note(details),
        calibration=details.calibration,
    )


def face_input(settings: TrainingSettings, basis: ModelCard | None) -> tuple[Any, Normalisation]:
    """The crop rule and normalisation: those of the model that training starts from, else of the architecture."""
    kind, side = networks.architecture(settings), networks.side(settings)
    if basis is None:
        return kind.crop(side), kind.normalisation
    return replace(basis.crop, size=side), basis.normalisation


def _note(details: CardDetails) -> str:
    if details.validation is None:
        return f"Trained on {details.data}. No people were held out: not validated, and without a threshold."
    v = details.validation
    return (
        f"Trained on {details.data}. Validated on {details.validation_data}: AUC {v.auc:.4f}, "
        f"VAL {v.val:.2%} at FAR {v.far:g}. The golden vector was computed with PyTorch."
    )


def _vectors(network: nn.Module, crops: Any, card: ModelCard) -> Any:
    with torch.no_grad():
        vectors = network(torch.from_numpy(embedder.normalise(crops, card.normalisation))).numpy()
    return embedder.unit_length(vectors) if card.unit_length else vectors


def _parity(network: nn.Module, graph: bytes, crops: Any, card: ModelCard) -> float:
    expected, actual = _vectors(network, crops, card), embedder.Embedder(card, Session(graph))(crops)
    difference = float(np.abs(expected - actual).max(initial=0.0))
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))  # without unit length, vectors may have any size
    if not difference <= PARITY * scale:
        raise TrainingError(
            f"the exported graph differs from PyTorch by {difference:.1e}, more than "
            f"{PARITY:g}: the model is not written"
        )
    return difference
