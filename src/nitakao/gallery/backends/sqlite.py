"""A gallery in one SQLite file: readers go on while one process writes, and a commit has reached the disk."""

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

NO_GALLERY = "is no gallery: choose another name, or give the file that is one"
APPLICATION = 0x6E69746B  # 'nitk', in the file's header: told apart from other programs' SQLite files
SAID_OF_DAMAGE = ("malformed", "not a database", "decode to UTF-8", "unsupported file format")
SWITCHING = 30.0  # seconds that a process tries to switch a new file to write-ahead logging
CACHE_KIB = 8192  # of pages that a connection may keep; a million faces were searched no quicker with eight times that
KEPT_OPEN = 8  # connections between questions; more may be in use, so that no thread waits for another's. The one that
# was used last is used next: its pages are at hand, and those of the others stay few.


class SqliteBackend:
    """One file at `path`, with SQLite's `-wal` and `-shm` beside it, and `-writer` while somebody writes."""

    kind: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: Path, wait: float) -> None:
        self.path = path
        self.where = str(path)
        self.wait = wait
        for ending in ("", "-wal", "-shm"):
            mark_locked(f"{path}{ending}")
        self.engine = _engine(path, wait)
        self._watch: sqlite3.Connection | None = None  # writes nothing, and so is told of whatever others write

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self.engine.dispose()

    def version(self) -> object:
        """Another value whenever something was written, by this process or another; asked by one thread at a time."""
        try:
            if self._watch is None:
                self._watch = sqlite3.connect(_name(self.path), uri=True, check_same_thread=False)
            return self._watch, self._watch.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise GalleryError(self.plain(error)) from error

    def exists(self) -> bool:
        """Whether there is a gallery here. Raises GalleryError where there is something else."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise GalleryError(f"gallery '{self.path}' cannot be read: {error.strerror or error}") from error
        if not stat.S_ISREG(found.st_mode):
            raise GalleryError(f"gallery '{self.path}' cannot be read: it is no file")
        if not found.st_size:
            return False  # made and killed before anything was written
        application, tables = self._tables()
        if application not in (APPLICATION, 0):
            raise GalleryError(f"'{self.path}' {NO_GALLERY}")
        if tables and "alembic_version" not in tables:
            raise GalleryError(f"'{self.path}' is no gallery but another program's database: choose another name")
        return bool(tables)

    def _tables(self) -> tuple[int, set[str]]:
        """Whose it says it is, and the names of its tables.

        Asked as any program would, as the file may be another's: nothing is set.  And asked of SQLite: see `held`.
        """
        try:
            with closing(sqlite3.connect(_name(self.path), uri=True)) as connection:
                whose = int(connection.execute("PRAGMA application_id").fetchone()[0])
                rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                return whose, {row[0] for row in rows}
        except sqlite3.Error as error:
            if "not a database" in str(error):
                raise GalleryError(f"'{self.path}' {NO_GALLERY}") from error
            raise GalleryError(self.plain(error)) from error
        except UnicodeDecodeError as error:  # in what SQLite has to complain of
            raise GalleryDamagedError(DAMAGED) from error

    def prepare(self) -> None:
        """Before the tables are made."""
        if not self.path.parent.is_dir():
            raise GalleryError(f"gallery '{self.path}' cannot be made: there is no folder '{self.path.parent}'")

    def made(self, connection: Connection) -> None:
        """Within the transaction that made the tables."""
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")

    @contextmanager
    def writing(self, connection: Connection, verb: str) -> Iterator[None]:
        """Alone among writers from here on, and named to those who wait."""
        connection.execution_options(nitakao_begin="BEGIN IMMEDIATE")
        with connection.begin():
            note = self.path.with_name(self.path.name + "-writer")
            _leave(note, verb)
            try:
                yield
            finally:
                note.unlink(missing_ok=True)

    def holder(self) -> str:
        """Who is writing, in words; empty where nobody says so."""
        try:
            held = json.loads(self.path.with_name(self.path.name + "-writer").read_text("utf-8"))
            since = time.strftime("%H:%M:%S", time.localtime(held["since"]))
            return f"process {held['process']} on {held['host']} ({held['verb']}, since {since})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def description(self, connection: Connection) -> str:
        """Which database, in words."""
        return f"SQLite {sqlite3.sqlite_version}"

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Bytes of the database, and of what has not gone into it yet."""
        return _size(self.path), _size(self.path.with_name(self.path.name + "-wal"))

    def damage(self, connection: Connection) -> str:
        """What is wrong with the database's own structures; empty if nothing is."""
        said = connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars().all()
        return "" if said == ["ok"] else "; ".join(" ".join(str(line).split()) for line in said)

    def guarded(self, connection: Connection) -> str:
        """How damage would be noticed."""
        return "whole; vectors, chips and landmarks carry checksums"

    def busy(self, error: BaseException) -> bool:
        """Whether it complains of another writer."""
        return "locked" in str(error)

    def plain(self, error: BaseException) -> str:
        """What SQLite's complaint means, and what to do."""
        said = str(error)
        if any(word in said for word in SAID_OF_DAMAGE):
            return f"gallery '{self.where}' is damaged ({said}): 'nitakao gallery repair' saves what can be saved"
        if "disk I/O error" in said:
            return (
                f"the disk of gallery '{self.where}' refused to read or write ({said}): is there room, and is it well? "
                "Nothing acknowledged is lost"
            )
        if "full" in said:
            return f"no room left on the disk of gallery '{self.where}': nothing acknowledged is lost; make room"
        if "readonly" in said or "read-only" in said:
            return f"gallery '{self.where}' may only be read here: {said}"
        if "unable to open" in said:
            return f"gallery '{self.where}' cannot be opened: {said}"
        return f"gallery '{self.where}': {said}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _leave(note: Path, verb: str) -> None:
    said = {"process": os.getpid(), "host": socket.gethostname(), "verb": verb, "since": time.time()}
    with suppress(OSError):  # a courtesy to others: writing goes on without it
        note.write_text(json.dumps(said), "utf-8")


def _name(path: Path) -> str:
    """The file; where nothing can be written beside it, as readers of a WAL file must, one that nobody changes."""
    fixed = path.is_file() and not os.access(path.parent, os.W_OK) and not _size(path.with_name(path.name + "-wal"))
    return path.absolute().as_uri() + ("?mode=ro&immutable=1" if fixed else "?mode=rwc")


def _engine(path: Path, wait: float) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(_name(path), timeout=wait, uri=True, check_same_thread=False)

    pool = {"poolclass": QueuePool, "pool_size": KEPT_OPEN, "max_overflow": -1, "pool_use_lifo": True}
    engine = create_engine("sqlite://", creator=connect, **pool)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    return engine


def _connected(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by Python's module
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten: forgetting is real
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        _to_wal(connection)
    except UnicodeDecodeError as error:  # in what SQLite has to complain of
        raise GalleryDamagedError(DAMAGED) from error


def tolerant(connection: sqlite3.Connection, _: Any) -> None:
    """To save what can be: a file that is shorter than it says, or has tables that make no sense, is read as well."""
    connection.execute("PRAGMA writable_schema = ON")


def _to_wal(connection: sqlite3.Connection) -> None:
    """Of two processes that make a gallery together one is refused at once, though it might wait: it tries again."""
    give_up = time.monotonic() + SWITCHING
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "readonly" in str(error) or "read-only" in str(error):  # such media can still be read
                return
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("nitakao_begin", "BEGIN"))
