"""Write vectors files so that an interruption loses no finished work.

Rows go to a temporary file in the output folder, which is renamed when it is complete and valid. It is created first,
so that a missing or read-only folder is reported before any work.
"""

from __future__ import annotations

import errno
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

from nitakao.errors import MisuseError, VectorsError
from nitakao.values import Outcome
from nitakao.values import rows as checked_rows
from nitakao.vectors.npz import NpzFile
from nitakao.vectors.parquet import ParquetFile
from nitakao.vectors.row_files import csv_file, jsonl_file, pkl_file
from nitakao.vectors.rows import Row, RowSink

KeyKind = Literal["path", "name"]
_SINKS: dict[str, Callable[[Path, str, int, bool], RowSink]] = {
    ".npz": NpzFile,
    ".parquet": ParquetFile,
    ".csv": csv_file,
    ".jsonl": jsonl_file,
    ".pkl": pkl_file,
}
SUFFIXES = tuple(_SINKS)
TEMPORARY_SUFFIXES = (".rows", ".keys", ".persons")  # next to an unfinished .npz


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The format of a vectors file: its extension. Raises MisuseError if it is unknown."""
    suffix = Path(path).suffix.lower()
    if suffix not in _SINKS:
        raise MisuseError(f"'{os.fspath(path)}': the extension of a vectors file is one of {' '.join(SUFFIXES)}")
    return suffix


def key_for(source: str, kind: KeyKind) -> str:
    """A photograph's key in the file: its path as given, or its base name."""
    if kind == "path":
        return source
    if source.startswith(("http://", "https://")):
        return PurePosixPath(urlsplit(source).path).name or source
    return os.path.basename(source) or source


def check_unique_names(sources: Iterable[str]) -> list[str]:
    """Remove duplicates from the sources. Raises VectorsError if two of them share a base name."""
    seen: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        other = seen.setdefault(key_for(source, "name"), source)
        if other != source:
            raise VectorsError(_clash(key_for(source, "name"), other, source))
    return list(seen.values())


def _clash(name: str, first: str, second: str) -> str:
    return (
        f"two photos are named '{name}' ({first} and {second}), but the output has one entry per name: "
        "use --key path to use their paths as keys"
    )


class VectorsWriter:
    """Writes a vectors file, one photograph at a time. Use it as a context manager.

    Leaving the block always saves the added faces as a complete file. After an exception (including Ctrl-C), if `path`
    existed before, the old file stays and the new one is saved as 'name.partial.suffix'.

    Args:
        path: The output file; its extension chooses the format.
        model: Name of the model.
        dimension: Size of its vectors.
        key: 'path' or 'name'; by default 'name' for .pkl and 'path' otherwise.
        persons: Store each face's person.

    Attributes:
        count: Number of faces in the file.
        saved_path: The saved file; None if nothing was saved.

    Raises:
        VectorsError: If the file cannot be created.
        MisuseError: If the extension is unknown.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        model: str,
        dimension: int,
        key: KeyKind | None = None,
        persons: bool = False,
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self._kind = suffix_of(path)
        self.key: KeyKind = key or ("name" if self._kind == ".pkl" else "path")
        self.saved_path: Path | None = None
        self._name = os.fspath(path)
        self._dimension = dimension
        self._persons = persons
        self._sources: dict[str, str] = {}
        self._existed = self.path.exists()
        if self.path.is_dir():
            raise VectorsError(f"'{self._name}' is a folder: name a file in it")
        self._part = self.path.with_name(f".nitakao-{secrets.token_hex(6)}.part")
        self._sink = self._open(model)

    def _open(self, model: str) -> RowSink:
        try:
            with open(self._part, "xb"):
                pass
            return _SINKS[self._kind](self._part, model, self._dimension, self._persons)
        except OSError as error:
            for leftover in (self._part, *(self._part.with_name(self._part.name + end) for end in TEMPORARY_SUFFIXES)):
                with suppress(OSError):
                    leftover.unlink()
            raise VectorsError(f"'{self._name}' cannot be written: {_reason(error, self.path.parent)}") from error

    @property
    def count(self) -> int:
        return self._sink.count

    def add(self, outcome: Outcome, *, numbers: Sequence[int] = (), persons: Sequence[str] = ()) -> None:
        """Add the faces of one photograph.

        Args:
            outcome: The photograph's faces and vectors.
            numbers: The faces' numbers in the photograph, if these are not all of its faces.
            persons: The faces' persons.

        Raises:
            VectorsError: If the disk is full; the faces that fit are then already saved.
        """
        rows = self._rows(outcome, numbers, persons)
        with defer_interrupts():
            try:
                self._sink.add(rows)
            except OSError as error:
                self._save(partial=True)
                raise self._disk_error(error) from error

    def _rows(self, outcome: Outcome, numbers: Sequence[int], persons: Sequence[str]) -> list[Row]:
        if not outcome.faces:
            return []
        vectors = checked_rows(outcome.vectors, self._dimension)
        key = key_for(outcome.source, self.key)
        other = self._sources.setdefault(key, outcome.source) if self.key == "name" else outcome.source
        if other != outcome.source:
            raise VectorsError(_clash(key, other, outcome.source))
        if self._kind == ".pkl" and len(outcome.faces) > 1:
            raise VectorsError(f"a .pkl holds one face per photo, but '{outcome.source}' has several")
        count = len(outcome.faces)
        columns = zip(numbers or range(count), outcome.faces, vectors, persons or [""] * count, strict=True)
        return [Row(key, number, face, outcome.sha256, vector, person) for number, face, vector, person in columns]

    def __enter__(self) -> VectorsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part.exists():
            with defer_interrupts():
                self._save(partial=kind is not None)

    def _save(self, partial: bool) -> None:
        if partial and not self.count:
            self._sink.discard()
            self._part.unlink(missing_ok=True)
            return
        problem: OSError | None = None
        try:
            self._sink.finish()
        except OSError as error:
            problem, partial = error, True
        target = self.path
        if partial and self._existed:
            target = self.path.with_name(f"{self.path.stem}.partial{self.path.suffix}")
        try:
            os.replace(self._part, target)
        except OSError as error:
            raise VectorsError(
                f"'{target}' cannot be written ({_reason(error, target.parent)}): its content is in '{self._part}'"
            ) from error
        relative = Path(self._name).with_name(target.name)
        self.saved_path = relative if relative.resolve() == target else target
        if problem:
            raise self._disk_error(problem) from problem

    def _disk_error(self, error: OSError) -> VectorsError:
        message = f"'{self._name}' cannot be written further: {_reason(error, self.path.parent)}; "
        if self.saved_path is None:
            return VectorsError(message + "nothing was saved")
        return VectorsError(message + f"the {self.count} faces that fit are saved in '{self.saved_path}'")


def _reason(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"there is no folder '{folder}': create it first, or choose another"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the folder '{folder}' is not writable: choose another, or change its permissions"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk is full ({error.strerror}): free some space, or choose another folder"
    return error.strerror or str(error)


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM to the end of the block, where KeyboardInterrupt is raised."""
    if threading.current_thread() is not threading.main_thread():
        yield  # KeyboardInterrupt is raised only in the main thread
        return
    received: list[int] = []
    before: dict[signal.Signals, Any] = {}
    for kind in (signal.SIGINT, signal.SIGTERM):
        if callable(signal.getsignal(kind)):  # neither ignored nor the system's default
            before[kind] = signal.signal(kind, lambda number, frame: received.append(number))
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    if received:
        raise KeyboardInterrupt
