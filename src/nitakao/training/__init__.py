"""Training networks of one's own: the one place that knows PyTorch, loaded only where something is trained."""

from __future__ import annotations

from importlib.util import find_spec

from nitakao.errors import MissingExtraError

CPU_BUILD = " (without a GPU, a fifth of the download: add --extra-index-url https://download.pytorch.org/whl/cpu)"


def require() -> None:
    """Nothing, where PyTorch is installed. Raises MissingExtraError, which names the pip line, where it is not."""
    if find_spec("torch") is None:
        raise MissingExtraError("training", "train", CPU_BUILD)
