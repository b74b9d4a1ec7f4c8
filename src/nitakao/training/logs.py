"""What TensorBoard shows of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from nitakao.errors import MissingExtraError


class Logs:
    """Curves in a folder of event files; a run that goes on adds to them. folder: None to keep nothing."""

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        # TensorBoard loads all of TensorFlow to write a file, where that is installed, unless this name is there.
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
