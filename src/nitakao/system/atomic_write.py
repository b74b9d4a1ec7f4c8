"""Atomic file writes: the content goes to a temporary file, which then replaces the target."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_atomic(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` when the block ends; if the block fails, `path` is unchanged.

    Args:
        path: The file to write or replace.
        durable: Flush the content to disk before replacing, so that a power cut leaves either the old or the new file.

    Raises:
        OSError: If the file cannot be written.
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
    """Write `content` to `path` with `open_atomic`."""
    with open_atomic(path, durable=durable) as file:
        file.write(content)
