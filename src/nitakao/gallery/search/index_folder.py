"""The folder beside a gallery that holds its search index: written aside, swapped in whole, known when it is damaged.

    family.db-index/
      manifest.json     what the index is made of: written last, under another name, then moved into place
      GENERATION.*      its files, never changed once they are there; each generation has names of its own
      lock              held while one is made, so that two processes do not make it twice

Who has the files of an older generation open goes on reading them. Nothing here is waited for to reach the disk: what a
power cut spoils has the wrong checksum, and is made anew.
"""

from __future__ import annotations

import json
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

FORMAT = 1
MANIFEST = "manifest.json"
LOCK = "lock"
CHUNK = 1 << 20  # bytes read at a time


class IndexDamaged(Exception):  # noqa: N818  # never leaves the engine
    """Bytes in the cache are not those that were written; says where."""


class IndexLocked(Exception):  # noqa: N818
    """Another process is making the index."""


@dataclass(frozen=True)
class Manifest:
    """What an index is of and made of.

    gallery, model, dimension, metric: of the gallery.  kind: 'matrix' or 'ivf'.  rows: faces in it; faces: those in the
    gallery when it was made.  last: the largest number of a face in it.  built: seconds since 1970.  probes: how many
    cells a search looks into; candidates: how many faces it measures again.  witnesses: the checksums of some vectors
    in it, by number.  files: bytes and checksum of each file, by the end of its name.
    """

    gallery: str
    model: str
    dimension: int
    metric: str
    kind: str
    rows: int
    faces: int
    last: int
    built: float
    generation: str
    probes: int = 0
    candidates: int = 0
    witnesses: dict[str, int] = field(default_factory=dict)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)


class IndexFolder:
    """The folder of one gallery's index; it need not be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stamp(self) -> tuple[int, int, int] | None:
        """Another value whenever another index has been swapped in; None while there is none."""
        try:
            found = os.stat(self.folder / MANIFEST)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def manifest(self) -> Manifest | None:
        """None where there is no index, or one of another nitakao. Raises Damaged."""
        try:
            data = (self.folder / MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise IndexDamaged(f"{MANIFEST} cannot be read: {error.strerror or error}") from error
        try:
            seal, text = data.split(b"\n", 1)
            if int(seal, 16) != zlib.crc32(text):
                raise IndexDamaged(MANIFEST)
            said = json.loads(text)
            return Manifest(**said["index"]) if said["format"] == FORMAT else None
        except (ValueError, KeyError, TypeError) as error:
            raise IndexDamaged(MANIFEST) from error

    def size(self) -> int:
        """Bytes that its files take."""
        with suppress(OSError):  # gone, or going
            return sum(path.stat().st_size for path in self.folder.iterdir())
        return 0

    def path(self, manifest: Manifest, ending: str) -> Path:
        return self.folder / f"{manifest.generation}.{ending}"

    def verify(self, manifest: Manifest) -> None:
        """Raises Damaged where a file is not as it was written."""
        for ending, (size, checksum) in manifest.files.items():
            path = self.path(manifest, ending)
            try:
                if path.stat().st_size != size or _checksum(path) != checksum:
                    raise IndexDamaged(path.name)
            except OSError as error:
                raise IndexDamaged(f"{path.name}: {error.strerror or error}") from error

    @contextmanager
    def open_writer(self, wait: float = 0) -> Iterator[IndexWriter]:
        """Alone, from here on. Raises Occupied where another process is still at it after `wait` seconds, and OSError.

        What is not finished when the block ends, for whatever reason, is gone.
        """
        self.folder.mkdir(exist_ok=True)
        with self._locked(wait):
            writer = IndexWriter(self.folder)
            try:
                yield writer
            finally:
                self._remove_stale()

    def clear(self, wait: float) -> None:
        """Remove every file that holds anything. Raises Occupied, and OSError where one stays."""
        if not self.folder.is_dir():
            return
        with self._locked(wait):
            for path in self.folder.iterdir():
                if path.name != LOCK:
                    path.unlink()

    @contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        from filelock import FileLock, Timeout  # some versions try out links on the disk as they are imported

        try:
            lock = FileLock(self.folder / LOCK)
            lock.acquire(timeout=wait)
        except Timeout:
            raise IndexLocked from None
        except NotImplementedError as error:  # a file system without locks
            raise OSError(str(error)) from error
        try:
            yield
        finally:
            lock.release()

    def _remove_stale(self) -> None:
        """Remove what no index needs; files that somebody has open stay on Windows until the next time."""
        try:
            manifest = self.manifest()
        except IndexDamaged:
            manifest = None
        kept = {LOCK} if manifest is None else {LOCK, MANIFEST, *(f"{manifest.generation}.{e}" for e in manifest.files)}
        for path in self.folder.iterdir():
            if path.name not in kept:
                with suppress(OSError):
                    path.unlink()


class IndexWriter:
    """Where the files of a new generation are written, until `publish` makes it the index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.generation = secrets.token_hex(8)
        self.files: dict[str, tuple[int, int]] = {}

    def file(self, ending: str) -> ChecksummedFile:
        """A new file of this generation, to be written once from its beginning to its end."""
        return ChecksummedFile(self, ending)

    def publish(self, manifest: Manifest) -> None:
        """Make this generation, with the files written so far, the index."""
        said = {"format": FORMAT, "index": asdict(manifest)}
        text = json.dumps(said, sort_keys=True).encode()
        aside = self.folder / f"{self.generation}.manifest"
        aside.write_bytes(b"%08x\n" % zlib.crc32(text) + text)
        os.replace(aside, self.folder / MANIFEST)

    def withdraw(self) -> None:
        """Have no index: there is nothing to search."""
        (self.folder / MANIFEST).unlink(missing_ok=True)


class ChecksummedFile:
    """A file of which bytes and checksum are counted as they are written: a disk that changed them is found out."""

    def __init__(self, writer: IndexWriter, ending: str) -> None:
        self.writer, self.ending = writer, ending
        self.size = self.checksum = 0
        self.file = open(  # noqa: SIM115  # closed by __exit__
            writer.folder / f"{writer.generation}.{ending}", "xb"
        )

    def write(self, data: bytes | memoryview) -> int:
        self.checksum = zlib.crc32(data, self.checksum)
        self.size += memoryview(data).nbytes
        self.file.write(data)
        return memoryview(data).nbytes

    def __enter__(self) -> ChecksummedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.file.close()
        self.writer.files[self.ending] = self.size, self.checksum


def _checksum(path: Path) -> int:
    found = 0
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            found = zlib.crc32(piece, found)
    return found
