"""The interface between a gallery and its database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from sqlalchemy import Connection, Engine


class Backend(Protocol):
    """One database: connections, write locks and error messages.

    Attributes:
        location: Its path or address, without a password.
        wait: Seconds that a writer waits for another.
    """

    kind: Literal["sqlite", "postgresql"]
    location: str
    wait: float
    engine: Engine

    def exists(self) -> bool:
        """Whether there is a gallery here. Raises GalleryError where there is something else."""

    def prepare(self) -> None:
        """Called before the tables are created."""

    def created(self, connection: Connection) -> None:
        """Called in the transaction that created the tables."""

    def write_transaction(self, connection: Connection, verb: str) -> AbstractContextManager[None]:
        """A transaction with exclusive write access; `verb` is shown to writers that wait."""

    def holder(self) -> str:
        """A description of the current writer; empty where it is unknown."""

    def version(self) -> object:
        """A value that changes with every write, whichever process makes it; called by one thread at a time."""

    def description(self, connection: Connection) -> str:
        """The database and its version, for people."""

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Bytes of the database, and of its write-ahead log."""

    def damage(self, connection: Connection) -> str:
        """Damage to the database's own structures; empty if there is none. May raise DBAPIError."""

    def damage_detection(self, connection: Connection) -> str:
        """How damage would be detected, for people."""

    def is_busy(self, error: BaseException) -> bool:
        """Whether the error means that another writer holds the lock."""

    def explain(self, error: BaseException) -> str:
        """The error as a sentence that says what to do."""

    def close(self) -> None:
        """Close all connections."""
