"""Files written whole or not at all: aside first, under a name of their own, then swapped in."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_atomic(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """What is written in the block stands at `path` after it; where it fails, `path` is as it was. Raises OSError.

    durable: brought to the disk before it takes the place of what was there, so that a power cut leaves one of the two.
    """
    part = path.with_name(f".nitakao-{secrets.token_hex(6)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: bytes | memoryview, *, durable: bool = False) -> None:
    """The content at `path`, as `open_atomic` leaves it."""
    with open_atomic(path, durable=durable) as file:
        file.write(content)
