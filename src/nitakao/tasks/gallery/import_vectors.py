"""Import files of vectors into a gallery."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from nitakao import geometry
from nitakao.errors import GeometryError, MissingExtraError, MisuseError, PhotoError, UnreadablePhotoError, VectorsError
from nitakao.tasks.arguments import GalleryLike, load_card, open_gallery
from nitakao.tasks.gallery.matching import OVERLAP, ImportSummary, match_pairs, unmatched
from nitakao.values import Chip, Face, Floats, ModelCard, NewFace, Photo, Quality

if TYPE_CHECKING:  # these load SQLAlchemy and OpenCV: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.enrol import FileInfo, ScannedFile
    from nitakao.gallery.photos import PhotoRecord
    from nitakao.photos import Encoded
    from nitakao.vectors import Vectors

TOGETHER = 64  # photographs written in one transaction
IMPORTED = "imported"  # in place of a detector's settings
SAME = 0.01  # distance of equal vectors, rounding included
_SHA256 = re.compile("[0-9a-f]{64}")  # stands in for the path of a photo without a file


@dataclass(frozen=True, eq=False)
class ImportedPhoto:
    """The content of a vectors file for one photo.

    Attributes:
        sha256: Empty if unknown.
        faces: Empty if the file has no boxes.
        persons: Names, '' if unknown.
    """

    path: str
    sha256: str
    faces: tuple[Face, ...]
    vectors: Floats
    persons: tuple[str, ...]


def import_vectors(
    gallery: GalleryLike,
    path: str | os.PathLike[str],
    *,
    model: str | ModelCard | None = None,
    folder: str | os.PathLike[str] = "",
    watch: Callable[[str], None] = lambda source: None,
    summary: ImportSummary | None = None,
) -> ImportSummary:
    """Import a vectors file into a gallery, which is created if it does not exist.

    New photos are stored with the file's vectors, and with chips if the photos exist; for photos that the gallery
    already has, only names are imported.

    Args:
        gallery: The gallery.
        model: Model of the vectors, if the file does not name it.
        folder: Folder that relative names refer to.
        watch: Called with the path of each photo.
    """
    from nitakao import vectors

    summary = ImportSummary() if summary is None else summary
    found = vectors.read(path)
    card = _card(found, model)
    photographs = _photographs(found, os.fspath(folder))
    with open_gallery(gallery, card=card) as there:
        while block := list(islice(photographs, TOGETHER)):
            _take_in(there, block, summary)
            for known in block:
                watch(known.path)
        summary.assign_names(there)
    return summary


def _card(found: Vectors, model: str | ModelCard | None) -> ModelCard:
    """The model of the vectors."""
    if not found.model and model is None:
        raise MisuseError(
            f"'{found.path}' does not say which model made its vectors of {found.dimension} numbers: "
            "name it with --model; vectors of two models cannot be compared"
        )
    card = load_card(model if model is not None else found.model)
    found.check(card)
    return card


def _photographs(found: Vectors, folder: str) -> Iterator[ImportedPhoto]:
    """The file's faces by photo, in the order of first appearance."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(found.names):
        rows.setdefault(name if found.numbers else _photo_of(name), []).append(row)
    for name, places in rows.items():
        if found.numbers:
            places = sorted(places, key=lambda row: found.numbers[row])
        yield ImportedPhoto(
            path=_path(name, folder),
            sha256=found.sha256[places[0]] if found.sha256 else "",
            faces=tuple(found.faces[row] for row in places) if found.faces else (),
            vectors=found.vectors[places],
            persons=tuple(found.persons[row] if found.persons else "" for row in places),
        )


def _photo_of(name: str) -> str:
    """The photo of a key such as 'beach.jpg#2', which names one of several faces."""
    found = re.fullmatch(r"(.+\.\w+)#\d+", name, re.DOTALL)
    return found[1] if found else name


def _path(name: str, folder: str) -> str:
    from nitakao.photos import is_url

    if is_url(name) or _SHA256.fullmatch(name):
        return name
    try:
        return os.path.abspath(os.path.join(folder, name))
    except ValueError as error:
        raise VectorsError(f"{name[:80]!r} is no name of a photograph ({error})") from error


def _take_in(gallery: GalleryStore, block: Sequence[ImportedPhoto], summary: ImportSummary) -> None:
    """Store what the gallery does not have, and collect the names of its faces."""
    from nitakao.gallery import enrol
    from nitakao.gallery.photos import photo_records

    taken: list[tuple[ImportedPhoto, ScannedFile]] = []
    for known in block:
        try:
            taken.append((known, _looked(gallery, known)))
        except (PhotoError, MissingExtraError, VectorsError) as error:
            summary.problems.append(str(error))
    done = enrol.enrol(gallery, [looked for _, looked in taken])
    there = photo_records(gallery, {one.photo for one in done if one.photo is not None and not one.faces})
    for (known, _), one in zip(taken, done, strict=True):
        summary.photos, summary.faces = summary.photos + 1, summary.faces + len(one.faces)
        if one.faces:
            summary.collect_names(dict(zip(one.faces, known.persons, strict=True)), known.path)
        elif one.photo in there:
            summary.known += 1
            _match(gallery, there[one.photo], known, summary)
        else:
            summary.problems.append(one.problem or f"'{known.path}': it was forgotten, and is kept out")


def _looked(gallery: GalleryStore, known: ImportedPhoto) -> ScannedFile:
    """The photo as `enrol` takes it; without faces if the gallery already has it."""
    from nitakao import photos
    from nitakao.gallery import enrol

    encoded, had = _encoded(known), _had(gallery, known.path)
    sha256 = known.sha256 or (encoded.sha256 if encoded else had) or _invented(known.path)
    if encoded is None and had not in ("", sha256):
        raise VectorsError(f"'{known.path}': the gallery has another photograph under this name, which stays")
    file = _file(known.path)
    if enrol.stored_photo(gallery, sha256) is not None:
        return enrol.ScannedFile(file, sha256)
    size = encoded.size if encoded else _least_size(known)
    found = tuple(_enrolled(known, encoded, size))
    return enrol.ScannedFile(
        file, sha256, size, found, detector=IMPORTED, taken=photos.capture_time(encoded) if encoded else None
    )


def _had(gallery: GalleryStore, path: str) -> str:
    """The sha256 of the gallery's photo at this path; empty if there is none."""
    from nitakao.gallery import enrol
    from nitakao.gallery.photos import photo_records

    mark = enrol.stored_files(gallery, [path]).get(path)
    photo = mark.photo if mark else None
    return "" if photo is None else photo_records(gallery, [photo])[photo].sha256


def _invented(path: str) -> str:
    """A reproducible stand-in for the sha256 of a photo that does not exist; differs from any file's."""
    return hashlib.sha256(b"nitakao: not seen\0" + path.encode("utf-8", "surrogateescape")).hexdigest()


def _encoded(known: ImportedPhoto) -> Encoded | None:
    """The photo, if it exists. Raises PhotoError if it differs from the vectors' photo."""
    from nitakao import photos

    if not os.path.isfile(known.path):
        return None
    if photos.looks_like_video(known.path):
        raise UnreadablePhotoError(f"'{known.path}': videos are indexed, not imported: 'nitakao index' it")
    encoded = photos.load(known.path)
    if known.sha256 and known.sha256 != encoded.sha256:
        raise UnreadablePhotoError(f"'{known.path}': it has changed since its vectors were made: 'nitakao index' it")
    return encoded


def _least_size(known: ImportedPhoto) -> tuple[int, int]:
    """The smallest photo that contains its faces' boxes."""
    corners = [face.box[2:] for face in known.faces]
    across, down = (max([1.0, *(c[axis] for c in corners if math.isfinite(c[axis]))]) for axis in (0, 1))
    return math.ceil(min(across, 1e6)), math.ceil(min(down, 1e6))


def _file(path: str) -> FileInfo | None:
    """The file's size and time; for a missing file, values that no file has."""
    from nitakao.gallery.enrol import FileInfo

    if _SHA256.fullmatch(path):
        return None
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return FileInfo(path, -1, 0)
    return FileInfo(path, state.st_size, state.st_mtime_ns)


def _enrolled(known: ImportedPhoto, encoded: Encoded | None, size: tuple[int, int]) -> Iterator[NewFace]:
    """The faces, with quality and chip if the photo and the box are known."""
    whole = Face((0.0, 0.0, float(size[0]), float(size[1])), 1.0)
    faces = known.faces or (whole,) * len(known.vectors)
    photo = _decoded(encoded, faces) if encoded is not None and known.faces else None
    for face, vector in zip(faces, known.vectors, strict=True):
        quality, chip = _seen(photo, face)
        yield NewFace(face, vector, quality, chip)


def _decoded(encoded: Encoded, faces: Sequence[Face]) -> Photo:
    """The photo, decoded just large enough for its faces' chips."""
    from nitakao import photos

    scale = 0.0
    for face in faces:
        with suppress(GeometryError):  # a box outside the photograph
            scale = max(scale, photos.chip_scale(face, encoded.size))
    return photos.decode(encoded, scale=scale)


def _seen(photo: Photo | None, face: Face) -> tuple[Quality, Chip | None]:
    from nitakao import photos

    try:
        return (
            (Quality(), None) if photo is None else (photos.measure_quality(photo, face), photos.make_chip(photo, face))
        )
    except GeometryError:
        return Quality(), None


def _match(gallery: GalleryStore, there: PhotoRecord, known: ImportedPhoto, summary: ImportSummary) -> None:
    """Collect names for the faces of a photo that the gallery already has, by box or else by vector."""
    from nitakao.gallery.faces import vectors

    if not any(known.persons) or not there.faces:
        summary.unmatched += sum(map(bool, known.persons))
        return
    if known.faces:
        alike = geometry.iou([face.box for face in known.faces], [kept.face.box for kept in there.faces])
        pairs = match_pairs(alike, OVERLAP)
    else:
        rows = vectors(gallery, [kept.id for kept in there.faces])
        pairs = match_pairs(-np.linalg.norm(known.vectors[:, None] - rows[None], axis=2), -SAME)
    summary.unmatched += unmatched(known.persons, pairs)
    summary.collect_names({there.faces[column].id: known.persons[row] for row, column in pairs.items()}, known.path)
