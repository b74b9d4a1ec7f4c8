"""Converts what callers pass, photographs and probes, to what tasks take."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from nitakao.values import FaceRecord, Hit, Person, Photo

if TYPE_CHECKING:  # these load OpenCV and Pillow
    from nitakao.api.people import PersonView
    from nitakao.photos import Encoded, Limits, PhotoInput

    Photos: TypeAlias = PhotoInput | Iterable[PhotoInput]
    ProbeInput: TypeAlias = PhotoInput | FaceRecord | Hit | Person | PersonView


def to_photos(photos: Photos, limits: Limits | None) -> Any:
    """The photographs as an iterable of paths and photographs. A list of paths stays a list: tasks check it at once."""
    from nitakao.photos import is_single

    items = [photos] if is_single(photos) else photos
    if isinstance(items, (list, tuple)) and all(isinstance(item, (str, os.PathLike)) for item in items):
        return items
    return _each(cast("Iterable[PhotoInput]", items), limits)


def _each(photos: Iterable[PhotoInput], limits: Limits | None) -> Iterator[str | Photo | Encoded]:
    from nitakao.photos import to_photo

    for photo in photos:
        yield to_photo(photo, limits=limits)


def to_probe(probe: ProbeInput, limits: Limits | None) -> Any:
    """A probe as tasks take it: a photograph, a vector, 'face:12' or '#12'."""
    import numpy as np

    from nitakao.api.people import PersonView
    from nitakao.photos import to_photo

    if isinstance(probe, Hit):
        probe = probe.face
    if isinstance(probe, FaceRecord):
        return f"face:{probe.id}"
    if isinstance(probe, (Person, PersonView)):
        return f"#{probe.id}"
    if isinstance(probe, np.ndarray) and probe.ndim == 1:
        return probe.astype(np.float32, copy=False)
    return to_photo(probe, limits=limits)
