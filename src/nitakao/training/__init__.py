"""Training of networks: the only package that imports PyTorch."""

from __future__ import annotations

from importlib.util import find_spec

from nitakao.errors import MissingExtraError

CPU_BUILD = " (without a GPU, add --extra-index-url https://download.pytorch.org/whl/cpu for a fifth of the download)"


def require() -> None:
    """Raise MissingExtraError, with the pip command, where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise MissingExtraError("training", "train", CPU_BUILD)
