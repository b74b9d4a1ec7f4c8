"""The folder beside a gallery that holds its search index: replaced atomically, verified by checksums.

    family.db-index/
      manifest.json     describes the index: written last, under a temporary name, then renamed
      GENERATION.*      its files, never changed after they are written; each generation has its own names
      lock              held during a build, so that two processes do not build at once

Readers keep the files of an older generation open. Writes are not synced to disk: after a power cut a damaged index has
the wrong checksum, and is rebuilt.
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


class IndexDamaged(Exception):  # noqa: N818  # internal to `search`
    """The index is damaged; names the file."""


class IndexLocked(Exception):  # noqa: N818
    """Another process is building the index."""


@dataclass(frozen=True)
class Manifest:
    """The description of an index.

    Attributes:
        gallery, model, dimension, metric: Of the gallery.
        kind: 'matrix' (flat) or 'ivf'.
        rows: Faces in the index.
        faces: Faces in the gallery when it was built.
        last: The largest face id in the index.
        built: Seconds since 1970.
        generation: The prefix of its files.
        probes: How many cells a search scans.
        candidates: How many candidates a search ranks.
        witnesses: Checksums of some of its vectors, by face id.
        files: Bytes and checksum of each file, by the ending of its name.
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
    """The folder of a gallery's index, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stamp(self) -> tuple[int, int, int] | None:
        """A value that changes whenever the index is replaced; None if there is none."""
        try:
            status = os.stat(self.folder / MANIFEST)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def manifest(self) -> Manifest | None:
        """The manifest; None if there is no index, or one of another version. Raises IndexDamaged."""
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
            content = json.loads(text)
            return Manifest(**content["index"]) if content["format"] == FORMAT else None
        except (ValueError, KeyError, TypeError) as error:
            raise IndexDamaged(MANIFEST) from error

    def size(self) -> int:
        """The size of its files in bytes."""
        with suppress(OSError):  # deleted meanwhile
            return sum(path.stat().st_size for path in self.folder.iterdir())
        return 0

    def path(self, manifest: Manifest, ending: str) -> Path:
        return self.folder / f"{manifest.generation}.{ending}"

    def verify(self, manifest: Manifest) -> None:
        """Raises IndexDamaged if a file does not have its recorded size and checksum."""
        for ending, (size, checksum) in manifest.files.items():
            path = self.path(manifest, ending)
            try:
                if path.stat().st_size != size or _checksum(path) != checksum:
                    raise IndexDamaged(path.name)
            except OSError as error:
                raise IndexDamaged(f"{path.name}: {error.strerror or error}") from error

    @contextmanager
    def open_writer(self, wait: float = 0) -> Iterator[IndexWriter]:
        """An exclusive writer of a new index; files that were not published are deleted when the block ends.

        Raises IndexLocked if another process still builds after `wait` seconds, and OSError.
        """
        self.folder.mkdir(exist_ok=True)
        with self._locked(wait):
            writer = IndexWriter(self.folder)
            try:
                yield writer
            finally:
                self._remove_stale()

    def clear(self, wait: float) -> None:
        """Delete all files of the index. Raises IndexLocked, and OSError on failure."""
        if not self.folder.is_dir():
            return
        with self._locked(wait):
            for path in self.folder.iterdir():
                if path.name != LOCK:
                    path.unlink()

    @contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        from filelock import FileLock, Timeout  # some versions access the disk on import

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
        """Delete files that the index does not use; on Windows open files stay until the next time."""
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
    """Writes the files of a new generation, which `publish` makes the index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.generation = secrets.token_hex(8)
        self.files: dict[str, tuple[int, int]] = {}

    def file(self, ending: str) -> ChecksummedFile:
        """A new file of this generation, to be written sequentially."""
        return ChecksummedFile(self, ending)

    def publish(self, manifest: Manifest) -> None:
        """Make this generation, with the files written so far, the index."""
        content = {"format": FORMAT, "index": asdict(manifest)}
        text = json.dumps(content, sort_keys=True).encode()
        aside = self.folder / f"{self.generation}.manifest"
        aside.write_bytes(b"%08x\n" % zlib.crc32(text) + text)
        os.replace(aside, self.folder / MANIFEST)

    def withdraw(self) -> None:
        """Remove the index of an empty gallery."""
        (self.folder / MANIFEST).unlink(missing_ok=True)


class ChecksummedFile:
    """A file whose size and checksum are computed as it is written, before the disk can change it."""

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
    checksum = 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum
