"""Saying once what a model's licences leave open."""

from __future__ import annotations

from nitakao.system import dirs
from nitakao.values import ModelCard


def first_use_notice(card: ModelCard) -> str | None:
    """What to tell a user at the first use of a model whose commercial use is unclear or forbidden; None after that.

    That it was told is kept in the user's state folder; where that cannot be written, it is told each time.
    """
    if card.commercial == "allowed":
        return None
    mark = dirs.state() / "notices" / f"{card.name}.{card.commercial}"
    try:
        if mark.is_file():
            return None
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        pass  # a notice is no reason to fail
    return (
        f"{card.name}: commercial use is {card.commercial}. Weights: {card.weights_licence}. "
        f"Training data: {card.data_licence}. (Said once; 'nitakao models show {card.name}' says it again.)"
    )
