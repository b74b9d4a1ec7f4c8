"""What the callers of tasks name, photographs and models, turned into what the layers below take."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from nitakao.errors import CardError, GalleryDamagedError, GalleryError, MisuseError, ModelError
from nitakao.values import Calibration, ModelCard, Outcome, Photo

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore
    from nitakao.photos import Encoded
    from nitakao.pipeline import Pipeline
    from nitakao.vectors import Vectors

Named: TypeAlias = "str | os.PathLike[str] | Photo"
Given: TypeAlias = "Named | Encoded"
Place: TypeAlias = "str | os.PathLike[str] | GalleryStore | None"


def looking(eyes: Pipeline | None) -> Callable[..., Generator[Outcome, None, None]]:
    """What looks at photographs: `pipeline.run`, or that of a pipeline whose networks are loaded."""
    from nitakao import pipeline

    return pipeline.run if eyes is None else eyes.run


def sources(
    named: Iterable[Given], *, allow_urls: bool = False, videos: bool = False, stdin: BinaryIO | None = None
) -> Iterator[str | Photo | Encoded]:
    """Every photograph named: files, folders, globs, addresses, '-', and photographs that are in memory.

    Of a list of names, one that is not there raises MisuseError at once; of anything else, when its turn comes.
    """
    if isinstance(named, (str, os.PathLike)) or not isinstance(named, Iterable):
        raise MisuseError("photographs are given as a list, also a single one: ['photo.jpg']")
    if isinstance(named, (list, tuple)) and all(isinstance(item, (str, os.PathLike)) for item in named):
        from nitakao import photos

        return photos.find([os.fspath(item) for item in named], allow_urls=allow_urls, videos=videos, stdin=stdin)
    return _one_by_one(named, allow_urls, videos)


def _one_by_one(named: Iterable[Given], allow_urls: bool, videos: bool) -> Iterator[str | Photo | Encoded]:
    from nitakao import photos

    for item in named:
        if isinstance(item, (str, os.PathLike)):
            yield from photos.find([os.fspath(item)], allow_urls=allow_urls, videos=videos)
        else:
            yield item


def one(named: Given, *, allow_urls: bool = False) -> str | Photo | Encoded:
    """The one photograph that a name stands for. Raises MisuseError for a folder, a list, or a glob of several."""
    if not isinstance(named, (str, os.PathLike)):
        return named
    if os.fspath(named) == "-":
        raise MisuseError("'-' stands for a list, and one photograph is needed here")
    found = sources([named], allow_urls=allow_urls)
    first, second = next(found, None), next(found, None)
    if first is None or second is not None:
        raise MisuseError(f"'{os.fspath(named)}' stands for several photographs, and one is needed here")
    return first


def card_of(model: str | os.PathLike[str] | ModelCard | None) -> ModelCard:
    """The card of a model: by name, by the path of a card or network, or of a TensorFlow model (the article's)."""
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
    """Whether this names a TensorFlow model: a .pb file, or a folder with a .meta file."""
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
    card = card_of(model) if model is not None else None
    if card is None and vectors.model:
        try:
            card = card_of(vectors.model)
        except NitakaoError:
            return vectors, None
    if card is not None:
        vectors.check(card)
    return vectors, card


@contextmanager
def opened(place: Place, *, card: ModelCard | None = None, flip: bool = False) -> Iterator[GalleryStore]:
    """The gallery that is meant; one that is open already stays so. card, flip: make it where there is none."""
    from nitakao.gallery import GalleryStore

    if isinstance(place, GalleryStore):
        if card is not None:
            place.check(card)
        yield place
        return
    with GalleryStore(place, card=card, flip=flip) as gallery:
        yield gallery


def card_for(gallery: GalleryStore, model: str | os.PathLike[str] | ModelCard | None = None) -> ModelCard:
    """The card of the gallery's model: the one given, which must fit, else the one of its name."""
    try:
        card = card_of(model if model is not None else gallery.model)
    except ModelError as error:
        raise GalleryError(
            f"gallery '{gallery.location}' holds {gallery.model} vectors, and no such model is here: "
            "give its card with --model, or put it among your models"
        ) from error
    gallery.check(card)
    return card


CALIBRATION = "calibration"  # the gallery's setting that holds its own


def calibration_of(gallery: GalleryStore, card: ModelCard | None = None) -> Calibration | None:
    """What the gallery's distances mean: its own calibration, else its card's, else None.

    card: the gallery's, where it is at hand.  Raises GalleryDamagedError where its own cannot be read.
    """
    from nitakao import calibration

    own = gallery.cached(CALIBRATION, lambda: gallery.setting(CALIBRATION))
    if own is None:
        return (card or card_for(gallery)).calibration
    try:
        return calibration.loads(own)
    except CardError as error:
        raise GalleryDamagedError(
            f"gallery '{gallery.location}' has a calibration that cannot be read ({error}): "
            "'nitakao gallery calibrate --reset' goes back to the model's"
        ) from error
