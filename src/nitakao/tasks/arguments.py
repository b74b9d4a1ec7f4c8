"""Resolve the arguments of tasks: photos, models and galleries."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from nitakao.errors import CardError, GalleryDamagedError, GalleryError, MisuseError, ModelError
from nitakao.values import Calibration, ModelCard, Outcome, Photo

if TYPE_CHECKING:  # these load SQLAlchemy and ONNX Runtime
    from nitakao.gallery import GalleryStore
    from nitakao.photos import Encoded
    from nitakao.pipeline import Pipeline
    from nitakao.vectors import Vectors

PhotoLike: TypeAlias = "str | os.PathLike[str] | Photo"
EncodedLike: TypeAlias = "PhotoLike | Encoded"
GalleryLike: TypeAlias = "str | os.PathLike[str] | GalleryStore | None"


def pipeline_runner(loaded: Pipeline | None) -> Callable[..., Generator[Outcome, None, None]]:
    """The `run` of a pipeline with loaded networks, or `pipeline.run`, which loads them."""
    from nitakao import pipeline

    return pipeline.run if loaded is None else loaded.run


def find_photos(
    named: Iterable[EncodedLike], *, allow_urls: bool = False, videos: bool = False, stdin: BinaryIO | None = None
) -> Iterator[str | Photo | Encoded]:
    """Find photos by name.

    Args:
        named: Files, folders, globs, addresses, '-' for a list on standard input, and photos in memory.
        allow_urls: Accept http and https addresses.
        videos: Include videos.
        stdin: Where to read the list that '-' stands for.

    Raises:
        MisuseError: If a file is missing: at once for a list of names, else when its turn comes.
    """
    if isinstance(named, (str, os.PathLike)) or not isinstance(named, Iterable):
        raise MisuseError("photos must be a list, even a single one: ['photo.jpg']")
    if isinstance(named, (list, tuple)) and all(isinstance(item, (str, os.PathLike)) for item in named):
        from nitakao import photos

        return photos.find([os.fspath(item) for item in named], allow_urls=allow_urls, videos=videos, stdin=stdin)
    return _one_by_one(named, allow_urls, videos)


def _one_by_one(named: Iterable[EncodedLike], allow_urls: bool, videos: bool) -> Iterator[str | Photo | Encoded]:
    from nitakao import photos

    for item in named:
        if isinstance(item, (str, os.PathLike)):
            yield from photos.find([os.fspath(item)], allow_urls=allow_urls, videos=videos)
        else:
            yield item


def single_photo(named: EncodedLike, *, allow_urls: bool = False) -> str | Photo | Encoded:
    """Find the one photo of this name. Raises MisuseError for '-' and for a folder or glob of several photos."""
    if not isinstance(named, (str, os.PathLike)):
        return named
    if os.fspath(named) == "-":
        raise MisuseError("one photo is needed here, and '-' names a list")
    found = find_photos([named], allow_urls=allow_urls)
    first, second = next(found, None), next(found, None)
    if first is None or second is not None:
        raise MisuseError(f"'{os.fspath(named)}' names several photos, and one is needed here")
    return first


def load_card(model: str | os.PathLike[str] | ModelCard | None) -> ModelCard:
    """Load a model's card by name, or by the path of a card, network or TensorFlow model. None: dlib-resnet."""
    from nitakao.models.cards import registry

    if isinstance(model, ModelCard):
        return model
    if model is None:
        return registry.card(registry.DEFAULT)
    if is_model(os.fspath(model)):
        from nitakao.models import importer

        return importer.import_cached(Path(model))
    return registry.card(os.fspath(model))


def is_model(argument: str) -> bool:
    """Whether this is the path of a TensorFlow model: a .pb file, or a folder with a .meta file."""
    if not argument.lower().endswith(".pb") and not os.path.isdir(argument):
        return False
    from nitakao.models import importer

    return importer.is_importable(argument)


def read_vectors(
    path: str | os.PathLike[str], model: str | ModelCard | None = None
) -> tuple[Vectors, ModelCard | None]:
    """Read a file of vectors, and find the card of its model.

    Args:
        path: The file; its suffix tells the format.
        model: The model, if the file does not name it or its name is not installed.

    Returns:
        The vectors, and the card, or None if the model is unknown.

    Raises:
        VectorsError: The file cannot be read, or its vectors are not this model's.
    """
    from nitakao.errors import NitakaoError
    from nitakao.vectors import read

    vectors = read(path)
    card = load_card(model) if model is not None else None
    if card is None and vectors.model:
        try:
            card = load_card(vectors.model)
        except NitakaoError:
            return vectors, None
    if card is not None:
        vectors.check(card)
    return vectors, card


@contextmanager
def open_gallery(place: GalleryLike, *, card: ModelCard | None = None, flip: bool = False) -> Iterator[GalleryStore]:
    """Open a gallery by path and close it afterwards; an open gallery stays open.

    Args:
        place: Path or database URL, an open gallery, or None for the default gallery.
        card: Model of a gallery to create if it does not exist. An existing gallery must fit it.
        flip: Whether a new gallery averages each vector with that of the mirrored crop.
    """
    from nitakao.gallery import GalleryStore

    if isinstance(place, GalleryStore):
        if card is not None:
            place.check(card)
        yield place
        return
    with GalleryStore(place, card=card, flip=flip) as gallery:
        yield gallery


def gallery_card(gallery: GalleryStore, model: str | os.PathLike[str] | ModelCard | None = None) -> ModelCard:
    """The card of the gallery's model, found by its name unless given. Raises GalleryError if it does not fit."""
    try:
        card = load_card(model if model is not None else gallery.model)
    except ModelError as error:
        raise GalleryError(
            f"gallery '{gallery.location}' holds {gallery.model} vectors, and no such model is installed: "
            "give its card with --model, or install it among your models"
        ) from error
    gallery.check(card)
    return card


CALIBRATION = "calibration"  # the setting with the gallery's own calibration


def gallery_calibration(gallery: GalleryStore, card: ModelCard | None = None) -> Calibration | None:
    """The gallery's own calibration, else its model's, else None.

    Args:
        gallery: The gallery.
        card: Its model, if loaded.

    Raises:
        GalleryDamagedError: If the gallery's calibration cannot be read.
    """
    from nitakao import calibration

    own = gallery.cached(CALIBRATION, lambda: gallery.setting(CALIBRATION))
    if own is None:
        return (card or gallery_card(gallery)).calibration
    try:
        return calibration.loads(own)
    except CardError as error:
        raise GalleryDamagedError(
            f"gallery '{gallery.location}' has a calibration that cannot be read ({error}): "
            "'nitakao gallery calibrate --reset' goes back to the model's"
        ) from error
