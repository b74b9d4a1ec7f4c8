"""Opens and creates galleries, and runs their transactions."""

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
from nitakao.gallery.backends.open import Location, open_backend
from nitakao.gallery.read_cache import ReadCache
from nitakao.values import Metric, ModelCard

T = TypeVar("T")


class Closable(Protocol):
    """A resource that closes with its gallery."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)

MAX_DIMENSION = 16_000  # pgvector's limit, and ten times what face networks give
WAIT = 60.0  # seconds that a writer waits for another before it fails

_ID = select(schema.settings.c.value).where(schema.settings.c.key == "id")


class GalleryStore:
    """Faces stored for search: one SQLite file, or a PostgreSQL database, bound to one model card.

    Safe to use from several threads.

        with GalleryStore("family.db") as gallery:
            print(gallery.model, gallery.dimension)

    Args:
        location: A path, a `postgresql://` address, or None for the default: NITAKAO_GALLERY if set, else a file in
            the user's data folder.
        card: Creates the gallery if there is none. An existing gallery must hold this model's vectors.
        flip: With `card`, whether vectors are averages with the mirrored face.
        wait: Seconds to wait for another writer.

    Raises:
        GalleryError: If the gallery cannot be opened or created, or holds another model's vectors.
    """

    def __init__(
        self, location: Location = None, *, card: ModelCard | None = None, flip: bool = False, wait: float = WAIT
    ) -> None:
        self.backend: Backend = open_backend(location, wait)
        self._resources: dict[str, Closable] = {}
        self._opening = RLock()
        try:
            with self.translate_errors():
                self._open(card, flip)
        except BaseException:
            self.close()
            raise

    @classmethod
    def exists(cls, location: Location = None) -> bool:
        """Whether there is a gallery at `location`.

        Raises:
            GalleryError: If there is something else.
        """
        backend = open_backend(location, WAIT)
        try:
            with _translate_errors(backend):
                return backend.exists()
        finally:
            backend.close()

    def _open(self, card: ModelCard | None, flip: bool) -> None:
        if not self.backend.exists():
            if card is None:
                raise GalleryError(f"there is no gallery '{self.location}' yet: create one with 'nitakao index PHOTOS'")
            self._create(card, flip)
        self._migrate()
        if card is not None:
            self.check(card)

    @property
    def location(self) -> str:
        """The gallery's path or address, safe to show: without a password."""
        return self.backend.location

    @cached_property
    def _settings(self) -> dict[str, str]:
        """The settings that only `reindex` changes."""
        with self.read() as connection:
            rows = connection.execute(select(schema.settings.c.key, schema.settings.c.value)).all()
        settings = {str(row.key): str(row.value) for row in rows}
        if not valid_settings(settings):
            raise GalleryDamagedError(
                f"gallery '{self.location}' is damaged (its settings are invalid): recover it with "
                "'nitakao gallery repair'"
            )
        return settings

    @property
    def id(self) -> str:
        """A unique id, which changes with the model."""
        return self._settings["id"]

    @property
    def model(self) -> str:
        """The name of the card that its vectors belong to."""
        return self._settings["model"]

    @property
    def dimension(self) -> int:
        """The embedding size."""
        return int(self._settings["dimension"])

    @property
    def metric(self) -> Metric:
        """'euclidean' or 'cosine'."""
        return cast(Metric, self._settings["metric"])  # `valid_settings` has checked it

    @property
    def flip(self) -> bool:
        """Whether its vectors are averages with the mirrored face."""
        return self._settings["flip"] == "yes"

    @property
    def key(self) -> bytes:
        """The secret key of the tombstone hashes."""
        return bytes.fromhex(self._settings["key"])

    def check(self, card: ModelCard) -> None:
        """Check that the gallery's vectors belong to this card.

        Raises:
            GalleryError: If they do not.
        """
        if self.model != card.name:
            raise GalleryError(
                f"gallery '{self.location}' holds {self.model} vectors, not {card.name}: omit the model, "
                f"choose another gallery, or change it with 'nitakao gallery reindex --model {card.name}'"
            )
        if self._settings["fingerprint"] != card.fingerprint:
            raise GalleryError(
                f"gallery '{self.location}' was created with another card of the name {card.name}, which gives other "
                f"vectors: use that card, or change the gallery with 'nitakao gallery reindex --model {card.name}'"
            )

    def setting(self, key: str) -> str | None:
        """The current value of a setting; None if it is not set."""
        with self.read() as connection:
            value = connection.execute(select(schema.settings.c.value).where(schema.settings.c.key == key)).scalar()
        return None if value is None else str(value)

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of `compute`, cached under `key` until the next write to the gallery."""
        with self.translate_errors():
            return self._cache.get(key, compute)

    @cached_property
    def _cache(self) -> ReadCache:
        return ReadCache(self.backend.version)

    def set_setting(self, key: str, value: str | None) -> None:
        """Store a setting, or remove it with None."""
        with self.write("setting") as connection:
            connection.execute(schema.settings.delete().where(schema.settings.c.key == key))
            if value is not None:
                connection.execute(schema.settings.insert().values(key=key, value=value))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: it sees the gallery as of its first query, whatever is written meanwhile."""
        with self.translate_errors(), self.backend.engine.connect() as connection, connection.begin():
            self._check_same(connection)
            yield connection

    @contextmanager
    def write(self, verb: str) -> Iterator[Connection]:
        """A write transaction: it commits durably when the block ends, and rolls back if the block raises.

        Args:
            verb: What the transaction does, shown to writers that wait.
        """
        with (
            self.translate_errors(),
            self.backend.engine.connect() as connection,
            self.backend.write_transaction(connection, verb),
        ):
            self._check_same(connection)
            yield connection

    def reload(self) -> None:
        """Read the settings again and drop all caches, after `reindex` has changed the model."""
        self.__dict__.pop("_settings", None)
        self._cache.clear()
        self._close_resources()

    def _check_same(self, connection: Connection) -> None:
        """Raises GalleryError if another process has changed the model: distances would be meaningless."""
        if "_settings" in self.__dict__ and connection.execute(_ID).scalar() != self.id:
            raise GalleryChangedError(
                f"another process has changed the model of gallery '{self.location}': open it again"
            )

    def keep_open(self, name: str, open_resource: Callable[[], C]) -> C:
        """The resource of this name, opened at first use; it closes when the gallery closes or changes its model."""
        with self._opening:
            if name not in self._resources:
                self._resources[name] = open_resource()
            return cast(C, self._resources[name])

    def close(self) -> None:
        """Close all resources and connections."""
        self._close_resources()
        self.backend.close()

    def _close_resources(self) -> None:
        with self._opening:
            while self._resources:
                self._resources.popitem()[1].close()

    def __enter__(self) -> GalleryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"GalleryStore({self.location!r})"

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turns database errors into GalleryErrors that say what to do."""
        return _translate_errors(self.backend)

    def _create(self, card: ModelCard, flip: bool) -> None:
        self.backend.prepare()
        with self.write("make") as connection:
            if migrate.version(connection):
                return  # another process has created it meanwhile
            migrate.upgrade(connection)
            self.backend.created(connection)
            settings = identity_settings(card, flip)
            connection.execute(
                schema.settings.insert(), [{"key": key, "value": value} for key, value in settings.items()]
            )

    def _migrate(self) -> None:
        with self.read() as connection:
            version = migrate.version(connection)
        if version > migrate.HEAD:
            raise GalleryError(
                f"gallery '{self.location}' was written by a newer nitakao (version {version[:20]} of its tables, "
                f"{migrate.HEAD} here): update nitakao"
            )
        if version < migrate.HEAD:
            with self.write("upgrade") as connection:
                migrate.upgrade(connection)


@contextmanager
def _translate_errors(backend: Backend) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        cause = error.orig or error
        if backend.is_busy(cause):
            holder = backend.holder() or "another process"
            raise GalleryBusyError(f"gallery '{backend.location}' is locked by {holder}: try again later") from None
        raise GalleryError(backend.explain(cause)) from error
    except GalleryDamagedError as error:
        if backend.location in str(error):
            raise
        raise GalleryDamagedError(
            f"gallery '{backend.location}' is damaged (a checksum does not match): recover it with "
            "'nitakao gallery repair'"
        ) from error


def valid_settings(settings: dict[str, str]) -> bool:
    """Whether all settings that `identity_settings` writes are there and valid."""
    values = [settings.get(key, "") for key in ("id", "model", "fingerprint", "dimension", "metric", "flip", "key")]
    dimension, metric, flip, key = values[3:]
    return (
        all(values)
        and (dimension.isascii() and dimension.isdecimal() and 0 < int(dimension) <= MAX_DIMENSION)
        and (metric in get_args(Metric) and flip in ("yes", "no"))
        and re.fullmatch("[0-9a-f]{64}", key) is not None
    )


def identity_settings(card: ModelCard, flip: bool) -> dict[str, str]:
    """The settings of a new gallery: its model, its id and its secret key."""
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
