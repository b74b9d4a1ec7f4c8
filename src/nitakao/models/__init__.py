"""Models: cards, weights, networks and detectors.

`card` returns a model's card, `list_cards` those that come with nitakao, and `publish` packs a model of your own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nitakao.models.cards.registry import card
    from nitakao.models.cards.registry import cards as list_cards
    from nitakao.values import Calibration, CropRule, ModelCard, Normalisation, WeightsFile

_HOMES = {
    "Calibration": ("values", "Calibration"),
    "CropRule": ("values", "CropRule"),
    "ModelCard": ("values", "ModelCard"),
    "Normalisation": ("values", "Normalisation"),
    "WeightsFile": ("values", "WeightsFile"),
    "card": ("models.cards.registry", "card"),
    "list_cards": ("models.cards.registry", "cards"),
    "publish": ("tasks.models.publish", "publish"),  # named here for callers; this layer does not import tasks
}

__all__ = ["Calibration", "CropRule", "ModelCard", "Normalisation", "WeightsFile", "card", "list_cards", "publish"]


def __getattr__(name: str) -> Any:
    """Load a name at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nitakao.models' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    return getattr(import_module(f"nitakao.{module}"), attribute)
