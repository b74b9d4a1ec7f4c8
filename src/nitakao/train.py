"""Train embedding models: `train` on pictures of people, `align` to prepare them.

import nitakao

nitakao.train.align("photos", "crops")
nitakao.train.train("out", nitakao.train.TrainingData("crops"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nitakao.tasks.photos.align import CropFormat, align
    from nitakao.tasks.train.train import train
    from nitakao.training.settings import TrainingData, TrainingSettings

_HOMES = {
    "CropFormat": "tasks.photos.align",
    "TrainingData": "training.settings",
    "TrainingSettings": "training.settings",
    "align": "tasks.photos.align",
    "train": "tasks.train.train",
}

__all__ = ["CropFormat", "TrainingData", "TrainingSettings", "align", "train"]


def __getattr__(name: str) -> Any:
    """Load a name at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nitakao.train' has no attribute '{name}'")
    return getattr(import_module(f"nitakao.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
