"""A gallery: opened, made, and its transactions."""

from __future__ import annotations

import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from threading import RLock
from types import TracebackType
from typing import Protocol, TypeVar, cast, get_args

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from nitakao.errors import GalleryBusyError, GalleryChangedError, GalleryDamagedError, GalleryError
from nitakao.gallery import migrate, schema
from nitakao.gallery.backends.base import Backend
from nitakao.gallery.backends.open import Place, open_backend
from nitakao.gallery.read_cache import Remembered
from nitakao.values import Metric, ModelCard

T = TypeVar("T")


class Closable(Protocol):
    """What is kept open with a gallery."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)

WIDEST = 16_000  # numbers in a vector; pgvector's limit, and ten times what face networks give
_ID = select(schema.settings.c.value).where(schema.settings.c.key == "id")

WAIT = 60.0  # seconds that a second writer waits before it says who holds the gallery


class GalleryStore:
    """Faces kept for searching: one SQLite file, or a PostgreSQL database, bound to one model's card.

    place: a path, a `postgresql://` address, or None for the default (NITAKAO_GALLERY, else one in the user's data
    folder).  card: makes the gallery where there is none; where there is one, it must be of this model.
    flip: with `card`, whether vectors are averages with the mirrored face.  wait: seconds for another writer.

    Safe to use from several threads.  Raises GalleryError.

        with GalleryStore("family.db") as gallery:
            print(gallery.model, gallery.dimension)
    """

    def __init__(
        self, place: Place = None, *, card: ModelCard | None = None, flip: bool = False, wait: float = WAIT
    ) -> None:
        self.backend: Backend = open_backend(place, wait)
        self._kept_open: dict[str, Closable] = {}
        self._opening = RLock()
        try:
            with self.plainly():
                self._open(card, flip)
        except BaseException:
            self.close()
            raise

    @classmethod
    def is_there(cls, place: Place = None) -> bool:
        """Whether there is a gallery at `place`. Raises GalleryError where there is something else."""
        backend = open_backend(place, WAIT)
        try:
            with _plainly(backend):
                return backend.exists()
        finally:
            backend.close()

    def _open(self, card: ModelCard | None, flip: bool) -> None:
        if not self.backend.exists():
            if card is None:
                raise GalleryError(f"there is no gallery '{self.where}' yet: 'nitakao index PHOTOS' makes one")
            self._make(card, flip)
        self._bring_up_to_date()
        if card is not None:
            self.check(card)

    @property
    def where(self) -> str:
        """Where the gallery lies, as it may be shown: an address without its password."""
        return self.backend.where

    @cached_property
    def _settings(self) -> dict[str, str]:
        """What never changes in a gallery's life but by `reindex`."""
        with self.read() as connection:
            found = connection.execute(select(schema.settings.c.key, schema.settings.c.value)).all()
        settings = {str(row.key): str(row.value) for row in found}
        if not hold_together(settings):
            raise GalleryDamagedError(
                f"gallery '{self.where}' is damaged (its settings do not hold together): "
                "'nitakao gallery repair' saves what can be saved"
            )
        return settings

    @property
    def id(self) -> str:
        """A name for this gallery that no other has."""
        return self._settings["id"]

    @property
    def model(self) -> str:
        """The name of the card that its vectors belong to."""
        return self._settings["model"]

    @property
    def dimension(self) -> int:
        return int(self._settings["dimension"])

    @property
    def metric(self) -> Metric:
        return cast(Metric, self._settings["metric"])  # one of the two: see `hold_together`

    @property
    def flip(self) -> bool:
        """Whether its vectors are averages with the mirrored face."""
        return self._settings["flip"] == "yes"

    @property
    def key(self) -> bytes:
        """The secret under which tombstones are hashed."""
        return bytes.fromhex(self._settings["key"])

    def check(self, card: ModelCard) -> None:
        """Raises GalleryError where the gallery's vectors are not this card's."""
        if self.model != card.name:
            raise GalleryError(
                f"gallery '{self.where}' holds {self.model} vectors, not {card.name}: leave the model out, "
                f"choose another gallery, or change it with 'nitakao reindex --model {card.name}'"
            )
        if self._settings["fingerprint"] != card.fingerprint:
            raise GalleryError(
                f"gallery '{self.where}' was made with another card of the name {card.name}, whose numbers differ: "
                f"give that card, or change the gallery with 'nitakao reindex --model {card.name}'"
            )

    def setting(self, key: str) -> str | None:
        """A setting that may change, as it stands now: text, or None where it was never set."""
        with self.read() as connection:
            found = connection.execute(select(schema.settings.c.value).where(schema.settings.c.key == key)).scalar()
        return None if found is None else str(found)

    def remember(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What `ask` finds out about the gallery; asked again only once somebody has written to it."""
        with self.plainly():
            return self._remembered.get(key, ask)

    @cached_property
    def _remembered(self) -> Remembered:
        return Remembered(self.backend.version)

    def set_setting(self, key: str, value: str | None) -> None:
        """Keep a setting under `key`, or with None remove it."""
        with self.write("setting") as connection:
            connection.execute(schema.settings.delete().where(schema.settings.c.key == key))
            if value is not None:
                connection.execute(schema.settings.insert().values(key=key, value=value))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees the gallery as it is at its first question, whatever is written meanwhile."""
        with self.plainly(), self.backend.engine.connect() as connection, connection.begin():
            self._check_same(connection)
            yield connection

    @contextmanager
    def write(self, verb: str) -> Iterator[Connection]:
        """A connection whose changes are kept together when the block ends, or not at all where it raises.

        Once the block has ended they outlive a crash and a power cut.  verb: shown to those who wait.
        """
        with (
            self.plainly(),
            self.backend.engine.connect() as connection,
            self.backend.writing(connection, verb),
        ):
            self._check_same(connection)
            yield connection

    def reread(self) -> None:
        """Take the gallery for what it is now, after `reindex` has given it another model."""
        self.__dict__.pop("_settings", None)
        self._remembered.clear()
        self._close_kept()

    def _check_same(self, connection: Connection) -> None:
        """Raises GalleryError where another process has changed the model meanwhile: distances would mean nothing."""
        if "_settings" in self.__dict__ and connection.execute(_ID).scalar() != self.id:
            raise GalleryChangedError(f"gallery '{self.where}' was given another model meanwhile: open it again")

    def keep_open(self, name: str, make: Callable[[], C]) -> C:
        """The resource of this name, made at first use; it is closed when the gallery closes or changes its model."""
        with self._opening:
            if name not in self._kept_open:
                self._kept_open[name] = make()
            return cast(C, self._kept_open[name])

    def close(self) -> None:
        self._close_kept()
        self.backend.close()

    def _close_kept(self) -> None:
        with self._opening:
            while self._kept_open:
                self._kept_open.popitem()[1].close()

    def __enter__(self) -> GalleryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"GalleryStore({self.where!r})"

    def plainly(self) -> AbstractContextManager[None]:
        """Turns the database's errors into sentences."""
        return _plainly(self.backend)

    def _make(self, card: ModelCard, flip: bool) -> None:
        self.backend.prepare()
        with self.write("make") as connection:
            if migrate.version(connection):
                return  # another process was quicker
            migrate.upgrade(connection)
            self.backend.made(connection)
            connection.execute(
                schema.settings.insert(), [{"key": key, "value": value} for key, value in identity(card, flip).items()]
            )

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            version = migrate.version(connection)
        if version > migrate.HEAD:
            raise GalleryError(
                f"gallery '{self.where}' was written by a newer nitakao (version {version[:20]} of its tables, "
                f"{migrate.HEAD} here): update nitakao"
            )
        if version < migrate.HEAD:
            with self.write("upgrade") as connection:
                migrate.upgrade(connection)


@contextmanager
def _plainly(backend: Backend) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        cause = error.orig or error
        if backend.busy(cause):
            holder = backend.holder() or "another process"
            raise GalleryBusyError(f"gallery '{backend.where}' is held by {holder}: try again later") from None
        raise GalleryError(backend.plain(cause)) from error
    except GalleryDamagedError as error:
        if backend.where in str(error):
            raise
        raise GalleryDamagedError(
            f"gallery '{backend.where}' is damaged (bytes in it are not those that were written): "
            "'nitakao gallery repair' saves what can be saved"
        ) from error


def hold_together(settings: dict[str, str]) -> bool:
    """Whether what `identity` wrote is all there, and such as it writes."""
    kept = [settings.get(key, "") for key in ("id", "model", "fingerprint", "dimension", "metric", "flip", "key")]
    dimension, metric, flip, key = kept[3:]
    return (
        all(kept)
        and (dimension.isascii() and dimension.isdecimal() and 0 < int(dimension) <= WIDEST)
        and (metric in get_args(Metric) and flip in ("yes", "no"))
        and re.fullmatch("[0-9a-f]{64}", key) is not None
    )


def identity(card: ModelCard, flip: bool) -> dict[str, str]:
    """The settings that say what a gallery is, for a new one."""
    return {
        "id": str(uuid.uuid4()),
        "model": card.name,
        "fingerprint": card.fingerprint,
        "dimension": str(card.dimension),
        "metric": card.metric,
        "threshold": json.dumps(card.threshold if card.has_threshold else None),
        "flip": "yes" if flip else "no",
        "key": secrets.token_hex(32),
        "created": repr(time.time()),
    }
