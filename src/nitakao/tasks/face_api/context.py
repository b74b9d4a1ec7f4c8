"""What all Face API operations share: the gallery, the scale of confidence, and detected faces."""

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
from nitakao.gallery.face_api.ids import DetectedFace
from nitakao.tasks.arguments import gallery_calibration
from nitakao.tasks.face_api.confidence import Scale, scale_of
from nitakao.tasks.scoring import Scorer
from nitakao.values import ModelCard


@dataclass(frozen=True, eq=False)
class FaceQueries:
    """What operations work on.

    Attributes:
        gallery: The gallery.
        card: The gallery's model.
        face_cache: Cached faces of lists and groups.
        threshold: Returns the threshold set in the gallery, None for the card's.
    """

    gallery: GalleryStore
    card: ModelCard
    face_cache: FaceCache = field(default_factory=FaceCache)
    threshold: Callable[[], float | None] = lambda: None

    @cached_property
    def scale(self) -> Scale:
        """Maps the gallery's distances to confidences."""
        return scale_of(Scorer(self.card, gallery_calibration(self.gallery, self.card), self.threshold()))

    def detected(self, uuids: Sequence[str], status: int = 400) -> list[DetectedFace]:
        """Detected faces by id, in order. Raises FaceApiError if one is unknown or expired."""
        faces = ids.find(self.gallery, uuids)
        for one in uuids:
            if one not in faces:
                raise FaceApiError(status, "FaceNotFound", f"Face '{one}' is not found, or has expired.")
        return [faces[one] for one in uuids]


def check_same_model(faces: Sequence[DetectedFace]) -> None:
    """Raise FaceApiError if the faces have different recognition models."""
    models = sorted({face.recognition for face in faces})
    if len(models) != 1:
        raise mixed(models)


def check_model(face: DetectedFace, container: Container) -> None:
    """Raise FaceApiError if the face and the container have different recognition models."""
    if face.recognition != container.recognition:
        raise mixed([face.recognition, container.recognition])


def mixed(models: Sequence[str]) -> FaceApiError:
    """The error for comparing faces of different recognition models."""
    return FaceApiError(400, "BadArgument", f"Faces of {' and '.join(models)} cannot be compared with each other.")


@contextmanager
def as_bad_request() -> Iterator[None]:
    """Turn 404 errors into 400, with the same code."""
    try:
        yield
    except FaceApiError as error:
        raise FaceApiError(400 if error.status == 404 else error.status, error.code, str(error)) from error
