"""Check and write report files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nitakao.errors import MisuseError, NitakaoError
from nitakao.system.atomic_write import open_atomic


def check(path: Path, suffixes: Collection[str], what: str) -> None:
    """Check, before any work, that a file can be written.

    Args:
        path: The file.
        suffixes: Allowed extensions.
        what: Word for error messages, such as 'picture'.

    Raises:
        MisuseError: If the extension is not allowed.
        NitakaoError: If the folder does not exist.
    """
    if path.suffix.lower() not in suffixes:
        names = " or ".join(dict.fromkeys(e for e in suffixes if e not in (".jpeg", ".htm")))
        raise MisuseError(f"'{path}': {what}s are written as {names}")
    if not path.parent.is_dir():
        raise NitakaoError(f"the {what} '{path}' cannot be written: there is no folder '{path.parent}'")


@contextmanager
def open_atomic_file(path: Path, what: str) -> Iterator[BinaryIO]:
    """`atomic_write.open_atomic` with errors as NitakaoError."""
    try:
        with open_atomic(path) as file:
            yield file
    except OSError as error:
        raise NitakaoError(f"the {what} '{path}' cannot be written: {error.strerror or error}") from error
