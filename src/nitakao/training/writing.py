"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file aside, bring it to the disk and swap it in; what was there stays until then. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
