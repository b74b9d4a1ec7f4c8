"""What a gallery asks of the database that holds it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from sqlalchemy import Connection, Engine


class Backend(Protocol):
    """One database: how it is reached, who may write, and what its errors mean.

    where: its place as it may be shown, without a password.  wait: seconds that a writer waits for another.
    """

    kind: Literal["sqlite", "postgresql"]
    where: str
    wait: float
    engine: Engine

    def exists(self) -> bool:
        """Whether there is a gallery here. Raises GalleryError where there is something else."""

    def prepare(self) -> None:
        """Called before the tables are created."""

    def made(self, connection: Connection) -> None:
        """Called in the transaction that created the tables."""

    def writing(self, connection: Connection, verb: str) -> AbstractContextManager[None]:
        """A transaction with exclusive write access; `verb` is shown to those who wait."""

    def holder(self) -> str:
        """A description of the current writer; empty where it is unknown."""

    def version(self) -> object:
        """A value that changes with every write, whichever process makes it; called by one thread at a time."""

    def description(self, connection: Connection) -> str:
        """The database and its version, for people."""

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Bytes of the database, and of its write-ahead log."""

    def damage(self, connection: Connection) -> str:
        """What is wrong with the database's own structures; empty if nothing is. May raise DBAPIError."""

    def guarded(self, connection: Connection) -> str:
        """How damage would be detected, for people."""

    def busy(self, error: BaseException) -> bool:
        """Whether the error means that another writer holds the lock."""

    def plain(self, error: BaseException) -> str:
        """The error as a sentence that says what to do."""

    def close(self) -> None:
        """Close all connections."""
