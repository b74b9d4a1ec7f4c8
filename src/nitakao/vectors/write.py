"""Writing a file of vectors so that whatever happens, what was done is not lost.

Rows go to a temporary file in the folder of the output, which takes its name only when it is complete and valid.  That
file is made first, so a missing or read-only folder is told before any work.
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
TEMPORARY_SUFFIXES = (".rows", ".keys", ".persons")  # beside an unfinished .npz


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The kind of a vectors file, by the ending of its name."""
    found = Path(path).suffix.lower()
    if found not in _SINKS:
        raise MisuseError(f"'{os.fspath(path)}': a vectors file ends in one of {' '.join(SUFFIXES)}")
    return found


def key_for(source: str, kind: KeyKind) -> str:
    """The name under which a photograph stands in the file: its path as given, or the last part of it."""
    if kind == "path":
        return source
    if source.startswith(("http://", "https://")):
        return PurePosixPath(urlsplit(source).path).name or source
    return os.path.basename(source) or source


def check_unique_names(sources: Iterable[str]) -> list[str]:
    """The sources, each once; raises VectorsError where two of them share a base name."""
    seen: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        other = seen.setdefault(key_for(source, "name"), source)
        if other != source:
            raise VectorsError(_clash(key_for(source, "name"), other, source))
    return list(seen.values())


def _clash(name: str, first: str, second: str) -> str:
    return (
        f"two pictures are called '{name}' ({first} and {second}), and the output has one entry for each name: "
        "use --key path to tell them apart by their paths"
    )


class VectorsWriter:
    """A file of vectors that is being written, one photograph at a time.

    Use it in a `with`: leaving it in any way saves what was added, as a complete file.  Where it is left by an
    exception (Ctrl-C among them) and `path` existed before, the earlier file stays and what was done is saved beside
    it, as 'name.partial.ending'.  persons: whether the file says whose each face is.  kept: faces in the file.
    saved: where it is, once it is; None if it was not.
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
        self._given = os.fspath(path)
        self._dimension = dimension
        self._persons = persons
        self._sources: dict[str, str] = {}
        self._existed = self.path.exists()
        if self.path.is_dir():
            raise VectorsError(f"'{self._given}' is a folder: name a file in it")
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
            raise VectorsError(f"'{self._given}' cannot be written: {_reason(error, self.path.parent)}") from error

    @property
    def count(self) -> int:
        return self._sink.count

    def add(self, outcome: Outcome, *, numbers: Sequence[int] = (), persons: Sequence[str] = ()) -> None:
        """Add one photograph's faces. Raises VectorsError where the disk is full: what fitted is then saved already.

        numbers: the faces' places in their photograph, where these are not all of its faces.  persons: whose they are.
        """
        rows = self._rows(outcome, numbers, persons)
        with defer_interrupts():
            try:
                self._sink.add(rows)
            except OSError as error:
                self._save(partial=True)
                raise self._cut_short(error) from error

    def _rows(self, outcome: Outcome, numbers: Sequence[int], persons: Sequence[str]) -> list[Row]:
        if not outcome.faces:
            return []
        vectors = checked_rows(outcome.vectors, self._dimension)
        key = key_for(outcome.source, self.key)
        other = self._sources.setdefault(key, outcome.source) if self.key == "name" else outcome.source
        if other != outcome.source:
            raise VectorsError(_clash(key, other, outcome.source))
        if self._kind == ".pkl" and len(outcome.faces) > 1:
            raise VectorsError(f"a .pkl holds one face for each picture, and '{outcome.source}' gave several")
        count = len(outcome.faces)
        told = zip(numbers or range(count), outcome.faces, vectors, persons or [""] * count, strict=True)
        return [Row(key, number, face, outcome.sha256, vector, who) for number, face, vector, who in told]

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
                f"'{target}' cannot be put in place ({_reason(error, target.parent)}): its content is in '{self._part}'"
            ) from error
        as_given = Path(self._given).with_name(target.name)
        self.saved_path = as_given if as_given.resolve() == target else target
        if problem:
            raise self._cut_short(problem) from problem

    def _cut_short(self, error: OSError) -> VectorsError:
        message = f"'{self._given}' cannot be written further: {_reason(error, self.path.parent)}; "
        if self.saved_path is None:
            return VectorsError(message + "nothing was saved")
        return VectorsError(message + f"the {self.count} faces that fitted are saved in '{self.saved_path}'")


def _reason(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"there is no folder '{folder}': make it first, or choose another"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the folder '{folder}' may not be written to: choose another, or change its permissions"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk is full ({error.strerror}): make room, or choose another folder"
    return error.strerror or str(error)


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Let no Ctrl-C or SIGTERM in between: one that comes is raised at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # KeyboardInterrupt is only ever raised in the main thread
        return
    came: list[int] = []
    before: dict[signal.Signals, Any] = {}
    for kind in (signal.SIGINT, signal.SIGTERM):
        if callable(signal.getsignal(kind)):  # neither ignored nor left to the system, which would not ask us
            before[kind] = signal.signal(kind, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    if came:
        raise KeyboardInterrupt
