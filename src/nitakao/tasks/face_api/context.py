"""What all questions of the Face API share: where they are asked, and the faces that are asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from nitakao.errors import FaceApiError
from nitakao.gallery import GalleryStore
from nitakao.gallery.face_api import ids
from nitakao.gallery.face_api.candidates import FaceCache
from nitakao.gallery.face_api.containers import Container
from nitakao.gallery.face_api.ids import Fleeting
from nitakao.tasks.arguments import gallery_calibration
from nitakao.tasks.face_api.confidence import Scale, scale_of
from nitakao.tasks.scoring import Scorer
from nitakao.values import ModelCard


@dataclass(frozen=True, eq=False)
class FaceQueries:
    """Where a question is asked: a gallery, its model's card, and the faces of lists and groups kept in memory.

    by_hand: gives the threshold that was set in place of the card's, None where none was.
    """

    gallery: GalleryStore
    card: ModelCard
    face_cache: FaceCache = field(default_factory=FaceCache)
    by_hand: Callable[[], float | None] = lambda: None

    @cached_property
    def scale(self) -> Scale:
        """What the gallery's distances mean."""
        return scale_of(Scorer(self.card, gallery_calibration(self.gallery, self.card), self.by_hand()))

    def seen(self, uuids: Sequence[str], status: int = 400) -> list[Fleeting]:
        """The faces with these ids, in their order. Raises FaceApiError where one is not there any more."""
        found = ids.find(self.gallery, uuids)
        for one in uuids:
            if one not in found:
                raise FaceApiError(status, "FaceNotFound", f"Face '{one}' is not found, or has expired.")
        return [found[one] for one in uuids]


def one_model(faces: Sequence[Fleeting]) -> str:
    """The recognition model of all these faces. Raises FaceApiError where they are of several."""
    models = sorted({face.recognition for face in faces})
    if len(models) != 1:
        raise mixed(models)
    return models[0]


def check_model(face: Fleeting, container: Container) -> None:
    """Raises FaceApiError where a face and a container are of two recognition models."""
    if face.recognition != container.recognition:
        raise mixed([face.recognition, container.recognition])


def mixed(models: Sequence[str]) -> FaceApiError:
    """The error where faces of several recognition models are compared."""
    return FaceApiError(400, "BadArgument", f"Faces of {' and '.join(models)} cannot be compared with each other.")


@contextmanager
def as_argument() -> Iterator[None]:
    """Within it, what is not found was asked for wrongly: 400, with the same code."""
    try:
        yield
    except FaceApiError as error:
        raise FaceApiError(400 if error.status == 404 else error.status, error.code, str(error)) from error
