"""A notice at the first use of a model whose commercial use is unclear or forbidden."""

from __future__ import annotations

from nitakao.system import dirs
from nitakao.values import ModelCard


def first_use_notice(card: ModelCard) -> str | None:
    """The notice for the first use of a model; None if commercial use is allowed or the notice was shown before.

    The user's state folder records which notices were shown. If it is not writable, the notice is shown each time.
    """
    if card.commercial == "allowed":
        return None
    marker = dirs.state() / "notices" / f"{card.name}.{card.commercial}"
    try:
        if marker.is_file():
            return None
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError:
        pass  # not worth failing for
    return (
        f"{card.name}: commercial use is {card.commercial}. Weights: {card.weights_licence}. "
        f"Training data: {card.data_licence}. (Shown once; see 'nitakao models show {card.name}'.)"
    )
