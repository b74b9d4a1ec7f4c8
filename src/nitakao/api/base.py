"""Opens a gallery and its networks at first use, and reads its faces."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from nitakao.tasks.probes import SearchOptions
from nitakao.values import FaceFilter, FaceRecord

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.pipeline import Pipeline
    from nitakao.values import Chip, Floats, ModelCard


Opened = TypeVar("Opened", bound="GalleryBase")


class GalleryBase:
    """A gallery that opens at first use.

    Args:
        location: A path, a `postgresql://` address, or None for the default gallery.
    """

    def __init__(self, location: str | os.PathLike[str] | None = None) -> None:
        self._location = location
        self._store: GalleryStore | None = None
        self._networks: Pipeline | None = None
        self._lock = RLock()

    @property
    def store(self) -> GalleryStore:
        """The gallery's storage, opened at first use.

        Raises:
            GalleryError: If the gallery does not exist.
        """
        from nitakao.gallery import GalleryStore

        with self._lock:
            if self._store is None:
                self._store = GalleryStore(self._location)
            return self._store

    @property
    def model(self) -> str:
        """Name of the gallery's model."""
        return self.store.model

    @property
    def exists(self) -> bool:
        """Whether the gallery exists."""
        return self._existing() is not None

    def close(self) -> None:
        """Close the gallery and unload the networks. It opens again at the next use."""
        self._close_store()
        with self._lock:
            networks, self._networks = self._networks, None
        if networks is not None:
            networks.close()

    def __enter__(self: Opened) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of faces."""
        from nitakao.gallery import faces

        return faces.count(self.store, FaceFilter(hidden=True))

    def __bool__(self) -> bool:
        return True  # also without faces

    def __reduce__(self) -> tuple[type[GalleryBase], tuple[str | os.PathLike[str] | None]]:
        return type(self), (self._location,)

    def __repr__(self) -> str:
        if self._store is None:
            return f"Gallery({str(self._location)!r})" if self._location is not None else "Gallery()"
        return f"Gallery({self._store.location!r})"

    def _existing(self) -> GalleryStore | None:
        from nitakao.gallery import GalleryStore

        with self._lock:
            if self._store is None and not GalleryStore.exists(self._location):
                return None
            return self.store

    def _create(self, model: str | ModelCard | None, *, flip: bool) -> GalleryStore:
        """The storage, created if the gallery does not exist."""
        from nitakao.gallery import GalleryStore
        from nitakao.tasks.arguments import load_card

        with self._lock:
            existing = self._existing()
            if existing is None:
                existing = self._store = GalleryStore(self._location, card=load_card(model), flip=flip)
            return existing

    def _pipeline(self) -> Pipeline:
        """The networks, which load at first use."""
        from nitakao.pipeline import Pipeline

        with self._lock:
            if self._networks is None:
                self._networks = Pipeline()
            return self._networks

    def _with_networks(self, options: SearchOptions) -> SearchOptions:
        return options if options.pipeline is not None else replace(options, pipeline=self._pipeline())

    def _close_store(self) -> None:
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def faces(self, where: FaceFilter | None = None) -> Iterator[FaceRecord]:
        """The faces, by number; see `filter`."""
        from nitakao.gallery import faces

        return faces.stream(self.store, where)

    def vectors(self, faces: Sequence[int | FaceRecord]) -> Floats:
        """The embeddings of faces, (n, D) float32."""
        from nitakao.gallery import faces as stored

        return stored.vectors(self.store, [face.id if isinstance(face, FaceRecord) else face for face in faces])

    def chips(self, faces: Sequence[int]) -> Mapping[int, Chip]:
        """The chips of faces, by the faces' numbers; faces without a chip are missing."""
        from nitakao.gallery import faces as stored

        return stored.chips(self.store, faces)
