"""Curves of a run for TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from nitakao.errors import MissingExtraError


class Logs:
    """A folder of event files, to which a resumed run appends. folder: None to write nothing."""

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        # Where TensorFlow is installed, TensorBoard loads it to write a file, unless this module exists.
        sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("training", "train") from error
        self._writer = SummaryWriter(str(folder), purge_step=step)

    def add(self, step: int, **values: float) -> None:
        for name, value in values.items() if self._writer is not None else ():
            self._writer.add_scalar(name.replace("__", "/"), value, step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
