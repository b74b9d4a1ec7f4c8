"""Where the weights lie that a training begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nitakao.errors import TrainingError
from nitakao.models.cards import registry
from nitakao.models.formats import torch_pt
from nitakao.models.networks import openface
from nitakao.models.weights import files
from nitakao.training import checkpoints, run_record
from nitakao.values import ModelCard

Weights = Mapping[str, NDArray[Any]]
READERS: dict[str, Callable[[Path], Weights]] = {"facenet": torch_pt.read, "openface": openface.weights}


def found(begin: str) -> tuple[ModelCard | None, Weights]:
    """The card of the model that is meant, None where it has none, and its weights by name.

    begin: a model's name or card, a .pt or .t7 file of weights, or the folder of another run.
    Raises TrainingError for a model without weights by name, and what reading the file raises.
    """
    path = Path(begin)
    if run_record.exists(path):
        best = (path / checkpoints.BEST).is_file()
        kept = checkpoints.best_weights(path) if best else checkpoints.load(path)["mean"]
        return _card(path), {name: tensor.numpy() for name, tensor in kept.items()}
    if path.suffix == ".t7":
        return None, openface.weights(path)
    if path.suffix in (".pt", ".pth"):
        return None, torch_pt.read(path)
    card = registry.card(begin)
    if card.network not in READERS:
        raise TrainingError(
            f"a training begins with weights by name, and {card.name} is a graph without them: name a .pt or .t7 file, "
            f"the folder of a run, or a model of the networks {' and '.join(READERS)}"
        )
    return card, READERS[card.network](files.locate(card.files[0]))


def _card(run: Path) -> ModelCard | None:
    """The card of a run that has come to its end; one that has not has none yet."""
    return registry.card(str(run)) if any(run.glob("*.toml")) else None
