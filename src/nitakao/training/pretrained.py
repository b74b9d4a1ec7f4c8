"""Read the weights that a training starts from."""

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


def read_weights(source: str) -> tuple[ModelCard | None, Weights]:
    """Read weights by name.

    Args:
        source: Name or card of a model, .pt or .t7 file of weights, or folder of another run.

    Returns:
        The model's card, None where there is none, and the weights.

    Raises:
        TrainingError: If the model's weights have no names.
    """
    path = Path(source)
    if run_record.exists(path):
        has_best = (path / checkpoints.BEST).is_file()
        tensors = checkpoints.best_weights(path) if has_best else checkpoints.load(path)["mean"]
        return _card(path), {name: tensor.numpy() for name, tensor in tensors.items()}
    if path.suffix == ".t7":
        return None, openface.weights(path)
    if path.suffix in (".pt", ".pth"):
        return None, torch_pt.read(path)
    card = registry.card(source)
    if card.network not in READERS:
        raise TrainingError(
            f"{card.name} is a graph whose weights have no names, and a training needs them: give a .pt or .t7 file, "
            f"the folder of a run, or a model of the networks {' and '.join(READERS)}"
        )
    return card, READERS[card.network](files.locate(card.files[0]))


def _card(run: Path) -> ModelCard | None:
    """The card of a run; None where the run has not finished."""
    return registry.card(str(run)) if any(run.glob("*.toml")) else None
