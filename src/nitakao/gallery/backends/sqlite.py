"""A gallery in one SQLite file: many readers while one process writes, and durable commits."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from nitakao.errors import GalleryDamagedError, GalleryError
from nitakao.gallery.columns import DAMAGED
from nitakao.system.locked_files import mark_locked

NO_GALLERY = "is no gallery: choose another name, or give a gallery's file"
APPLICATION_ID = 0x6E69746B  # 'nitk', in the file's header: distinguishes galleries from other SQLite files
DAMAGE_MESSAGES = ("malformed", "not a database", "decode to UTF-8", "unsupported file format")
WAL_TIMEOUT = 30.0  # seconds to retry switching a new file to write-ahead logging
CACHE_KIB = 8192  # page cache of a connection; eight times that made searching a million faces no faster
POOL_SIZE = 8  # idle connections kept; more may be in use, so that no thread waits for one


class SqliteBackend:
    """A gallery in the file `path`, with SQLite's `-wal` and `-shm` beside it, and `-writer` during a write."""

    kind: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: Path, wait: float) -> None:
        self.path = path
        self.location = str(path)
        self.wait = wait
        for ending in ("", "-wal", "-shm"):
            mark_locked(f"{path}{ending}")
        self.engine = _create_engine(path, wait)
        self._watch: sqlite3.Connection | None = None  # never writes, so its data_version counts every write

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self.engine.dispose()

    def version(self) -> object:
        """A value that changes with every write, whichever process makes it; called by one thread at a time."""
        try:
            if self._watch is None:
                self._watch = sqlite3.connect(_uri(self.path), uri=True, check_same_thread=False)
            return self._watch, self._watch.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise GalleryError(self.explain(error)) from error

    def exists(self) -> bool:
        """Whether there is a gallery here. Raises GalleryError if there is something else."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise GalleryError(f"gallery '{self.path}' cannot be read: {error.strerror or error}") from error
        if not stat.S_ISREG(status.st_mode):
            raise GalleryError(f"gallery '{self.path}' cannot be read: it is not a file")
        if not status.st_size:
            return False  # a process died before it wrote anything
        application, tables = self._application_and_tables()
        if application not in (APPLICATION_ID, 0):
            raise GalleryError(f"'{self.path}' {NO_GALLERY}")
        if tables and "alembic_version" not in tables:
            raise GalleryError(f"'{self.path}' is another program's database: choose another name")
        return bool(tables)

    def _application_and_tables(self) -> tuple[int, set[str]]:
        """The application id in the header, and the names of the tables.

        Sets no pragma, since the file may be another program's. Asks SQLite, since a file that is open here must not
        be read by other means; see `system.locked_files`.
        """
        try:
            with closing(sqlite3.connect(_uri(self.path), uri=True)) as connection:
                application = int(connection.execute("PRAGMA application_id").fetchone()[0])
                rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                return application, {row[0] for row in rows}
        except sqlite3.Error as error:
            if "not a database" in str(error):
                raise GalleryError(f"'{self.path}' {NO_GALLERY}") from error
            raise GalleryError(self.explain(error)) from error
        except UnicodeDecodeError as error:  # in SQLite's own message
            raise GalleryDamagedError(DAMAGED) from error

    def prepare(self) -> None:
        """Called before the tables are created."""
        if not self.path.parent.is_dir():
            raise GalleryError(f"gallery '{self.path}' cannot be created: there is no folder '{self.path.parent}'")

    def created(self, connection: Connection) -> None:
        """Called in the transaction that created the tables."""
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")

    @contextmanager
    def write_transaction(self, connection: Connection, verb: str) -> Iterator[None]:
        """A transaction with exclusive write access; `verb` is shown to writers that wait."""
        connection.execution_options(nitakao_begin="BEGIN IMMEDIATE")
        with connection.begin():
            note = self.path.with_name(self.path.name + "-writer")
            _write_note(note, verb)
            try:
                yield
            finally:
                note.unlink(missing_ok=True)

    def holder(self) -> str:
        """A description of the current writer; empty if unknown."""
        try:
            note = json.loads(self.path.with_name(self.path.name + "-writer").read_text("utf-8"))
            since = time.strftime("%H:%M:%S", time.localtime(note["since"]))
            return f"process {note['process']} on {note['host']} ({note['verb']}, since {since})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def description(self, connection: Connection) -> str:
        """The database and its version, for people."""
        return f"SQLite {sqlite3.sqlite_version}"

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Bytes of the database, and of its write-ahead log."""
        return _size(self.path), _size(self.path.with_name(self.path.name + "-wal"))

    def damage(self, connection: Connection) -> str:
        """Damage to the database's own structures; empty if there is none."""
        lines = connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars().all()
        return "" if lines == ["ok"] else "; ".join(" ".join(str(line).split()) for line in lines)

    def damage_detection(self, connection: Connection) -> str:
        """How damage would be detected, for people."""
        return "intact; vectors, chips and landmarks have checksums"

    def is_busy(self, error: BaseException) -> bool:
        """Whether the error means that another writer holds the lock."""
        return "locked" in str(error)

    def explain(self, error: BaseException) -> str:
        """The error as a sentence that says what to do."""
        message = str(error)
        if any(word in message for word in DAMAGE_MESSAGES):
            return f"gallery '{self.location}' is damaged ({message}): recover it with 'nitakao gallery repair'"
        if "disk I/O error" in message:
            return (
                f"the disk of gallery '{self.location}' failed to read or write ({message}): check its free space and "
                "its health. Committed data is safe"
            )
        if "full" in message:
            return f"no room left on the disk of gallery '{self.location}': committed data is safe; free some space"
        if "readonly" in message or "read-only" in message:
            return f"gallery '{self.location}' is read-only here: {message}"
        if "unable to open" in message:
            return f"gallery '{self.location}' cannot be opened: {message}"
        return f"gallery '{self.location}': {message}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _write_note(note: Path, verb: str) -> None:
    content = {"process": os.getpid(), "host": socket.gethostname(), "verb": verb, "since": time.time()}
    with suppress(OSError):  # informs others only: writing works without it
        note.write_text(json.dumps(content), "utf-8")


def _uri(path: Path) -> str:
    """The file's URI; immutable if its folder is read-only, since readers of a WAL file write beside it."""
    immutable = path.is_file() and not os.access(path.parent, os.W_OK) and not _size(path.with_name(path.name + "-wal"))
    return path.absolute().as_uri() + ("?mode=ro&immutable=1" if immutable else "?mode=rwc")


def _create_engine(path: Path, wait: float) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(_uri(path), timeout=wait, uri=True, check_same_thread=False)

    # Last in, first out: the connection used last has the pages at hand.
    pool = {"poolclass": QueuePool, "pool_size": POOL_SIZE, "max_overflow": -1, "pool_use_lifo": True}
    engine = create_engine("sqlite://", creator=connect, **pool)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # `_begin` begins transactions, not Python's module
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # overwrites deleted content, so that forgetting is real
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        _enable_wal(connection)
    except UnicodeDecodeError as error:  # in SQLite's own message
        raise GalleryDamagedError(DAMAGED) from error


def tolerate_damage(connection: sqlite3.Connection, _: Any) -> None:
    """Make SQLite read truncated files and files with an inconsistent schema, for `repair`."""
    connection.execute("PRAGMA writable_schema = ON")


def _enable_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging. SQLite does not wait for another process that does so at the same time: retry."""
    deadline = time.monotonic() + WAL_TIMEOUT
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "readonly" in str(error) or "read-only" in str(error):  # read-only media can still be read
                return
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("nitakao_begin", "BEGIN"))
