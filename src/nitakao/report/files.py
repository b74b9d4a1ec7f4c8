"""Files that people look at, written whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nitakao.errors import MisuseError, NitakaoError
from nitakao.system.atomic_write import open_atomic


def check(path: Path, endings: Collection[str], what: str) -> None:
    """Whether a file of this name can be written, before the work for it. Raises MisuseError, NitakaoError.

    what: as it is called in sentences, 'picture'.
    """
    if path.suffix.lower() not in endings:
        named = " or ".join(dict.fromkeys(e for e in endings if e not in (".jpeg", ".htm")))
        raise MisuseError(f"'{path}': {what}s are written as {named}")
    if not path.parent.is_dir():
        raise NitakaoError(f"the {what} '{path}' cannot be written: there is no folder '{path.parent}'")


@contextmanager
def open_atomic_file(path: Path, what: str) -> Iterator[BinaryIO]:
    """What is written in the block stands at `path` after it; where it fails, `path` is as it was."""
    try:
        with open_atomic(path) as file:
            yield file
    except OSError as error:
        raise NitakaoError(f"the {what} '{path}' cannot be written: {error.strerror or error}") from error
