"""Export and import names as XMP sidecars of photos, as digiKam and other programs use them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from nitakao import geometry
from nitakao.errors import FormatError, MissingExtraError, PhotoError, UnreadablePhotoError
from nitakao.system import atomic_write
from nitakao.tasks.arguments import GalleryLike, PhotoLike, find_photos, open_gallery
from nitakao.tasks.gallery.matching import OVERLAP, ImportSummary, match_pairs
from nitakao.values import FaceFilter

if TYPE_CHECKING:  # these load SQLAlchemy and OpenCV: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.photos import PhotoRecord
    from nitakao.photos import Encoded
    from nitakao.photos.xmp import Frame, Region

TOGETHER = 64  # photos per database query


@dataclass(frozen=True)
class SideCar:
    """The sidecar of a photo.

    Attributes:
        path: The sidecar.
        status: 'written', 'unchanged' or 'problem'; in a dry run, what would be written.
        names: Names of the faces in it.
        problem: Why it could not be written; else empty.
    """

    path: str
    status: Literal["written", "unchanged", "problem"]
    names: tuple[str, ...] = ()
    problem: str = ""


def export_xmp(
    gallery: GalleryLike = None,
    *,
    where: FaceFilter | None = None,
    dry_run: bool = False,
    without_ending: bool = False,
) -> Iterator[SideCar]:
    """Write sidecars with the names of faces, for other programs.

    Existing content of a sidecar stays, except for regions of the same faces.

    Args:
        gallery: The gallery.
        where: Which faces; those of hidden people are left out by default.
        dry_run: Only report what would be written.
        without_ending: Name the sidecar of 'photo.jpg' 'photo.xmp' instead of 'photo.jpg.xmp'.

    Yields:
        One sidecar per file of a photo.
    """
    from nitakao.gallery.photos import stream_photos
    from nitakao.photos import is_url

    with open_gallery(gallery) as found:
        for one in stream_photos(found, where or FaceFilter(named=True)):
            if one.video or not any(kept.name for kept in one.faces):
                continue
            for path in one.paths:
                if not is_url(path):
                    yield _side_car(path, one, dry_run, without_ending)


def _side_car(path: str, one: PhotoRecord, dry_run: bool, without_ending: bool) -> SideCar:
    """Update the sidecar of one photo."""
    from nitakao.photos import xmp

    target = xmp.sidecar_paths(path)[1 if without_ending else 0]
    try:
        encoded = _loaded(path, one)
        frame = xmp.Frame(encoded.size, encoded.orientation)
        regions, before = _regions(one), _content(target)
        if before is None or not _has_all(xmp.read_regions(before, frame), regions):
            after = xmp.write_regions(before, regions, frame)
            if not dry_run:
                _put(target, after)
            return SideCar(target, "written", tuple(region.name for region in regions))
        return SideCar(target, "unchanged", tuple(region.name for region in regions))
    except FormatError as error:
        return SideCar(target, "problem", problem=f"'{target}': {error}; it is left as it is")
    except (PhotoError, MissingExtraError) as error:
        return SideCar(target, "problem", problem=str(error))
    except OSError as error:
        return SideCar(target, "problem", problem=f"'{target}' cannot be written: {error.strerror or error}")


def _loaded(path: str, one: PhotoRecord) -> Encoded:
    """The photo's bytes and header. Raises UnreadablePhotoError if it has changed since it was indexed."""
    from nitakao import photos

    encoded = photos.load(path)
    if encoded.sha256 != one.sha256:
        raise UnreadablePhotoError(f"'{path}': it has changed since it was indexed: 'nitakao index' it again")
    return encoded


def _regions(one: PhotoRecord) -> list[Region]:
    from nitakao.photos.xmp import Region

    width, height = one.size
    boxes = ((kept, kept.face.box) for kept in one.faces if kept.name)
    return [Region(k.name, (x1 / width, y1 / height, x2 / width, y2 / height)) for k, (x1, y1, x2, y2) in boxes]


def _has_all(there: list[Region], wanted: list[Region]) -> bool:
    """Whether all faces are there with their names, at the same place to 0.1% of the photo."""

    def is_there(region: Region) -> bool:
        within = np.clip(region.box, 0, 1)
        return any(other.name == region.name and np.abs(within - other.box).max() < 1e-3 for other in there)

    return all(is_there(region) for region in wanted)


def _content(path: str) -> bytes | None:
    """The content of a sidecar, None if there is none; one that is too long is cut, so that parsing refuses it."""
    from nitakao.photos.xmp import MAX_BYTES

    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)


def _put(path: str, content: bytes) -> None:
    """Write a file atomically."""
    atomic_write.write_atomic(Path(os.path.realpath(path)), content, durable=True)


def import_xmp(
    gallery: GalleryLike = None,
    photos: Iterable[PhotoLike] | None = None,
    *,
    dry_run: bool = False,
    stdin: BinaryIO | None = None,
    watch: Callable[[str], None] = lambda source: None,
    summary: ImportSummary | None = None,
) -> ImportSummary:
    """Import names from sidecars, or from the photos themselves, as one entry of the journal.

    A name goes to the face whose box overlaps the region.

    Args:
        gallery: The gallery.
        photos: Files, folders and globs. None: all photos of the gallery.
        dry_run: Only count.
        stdin: Where to read the list of photos that '-' stands for.
        watch: Called with the path of each photo.
        told: Counts to update in place.

    Returns:
        The counts.
    """
    summary = ImportSummary() if summary is None else summary
    with open_gallery(gallery) as found:
        for path, one in _meant(found, photos, stdin, summary):
            try:
                _match(path, one, summary)
            except (PhotoError, MissingExtraError) as error:
                summary.problems.append(str(error))
            watch(path)
        summary.assign_names(found, dry_run=dry_run)
    return summary


def _meant(
    gallery: GalleryStore, photos: Iterable[PhotoLike] | None, stdin: BinaryIO | None, summary: ImportSummary
) -> Iterator[tuple[str, PhotoRecord]]:
    """The photos to import from, with the gallery's faces in them."""
    from nitakao.gallery import enrol
    from nitakao.gallery.photos import photo_records, stream_photos

    if photos is None:
        for one in stream_photos(gallery, FaceFilter(hidden=True)):
            yield from ((path, one) for path in one.paths if not one.video and os.path.isfile(path))
        return
    named = iter(find_photos(photos, stdin=stdin))
    while block := list(islice(named, TOGETHER)):
        paths = [os.path.abspath(source) for source in block if isinstance(source, str)]
        known = enrol.stored_files(gallery, paths)
        there = photo_records(gallery, {mark.photo for mark in known.values() if mark.photo is not None})
        for path in paths:
            photo = known[path].photo if path in known else None
            if photo is None:
                summary.problems.append(f"'{path}': the gallery does not have it: 'nitakao index' it first")
            else:
                yield path, there[photo]


def _match(path: str, one: PhotoRecord, summary: ImportSummary) -> None:
    """Collect the names for the faces of this photo."""
    from nitakao.photos import xmp

    encoded = _loaded(path, one)
    summary.photos += 1
    regions = _named(path, encoded, xmp.Frame(encoded.size, encoded.orientation), summary)
    if not regions:
        return
    (width, height), boxes = one.size, [kept.face.box for kept in one.faces]
    alike = geometry.iou(np.array([region.box for region in regions]) * (width, height, width, height), boxes)
    pairs = match_pairs(alike, OVERLAP)
    summary.unmatched += len(regions) - len(pairs)
    summary.collect_names({one.faces[column].id: regions[row].name for row, column in pairs.items()}, path)


def _named(path: str, encoded: Encoded, frame: Frame, summary: ImportSummary) -> list[Region]:
    """The named regions of the first XMP of a photo that has any: its sidecars', then its own."""
    from nitakao.photos import xmp

    for place in (*xmp.sidecar_paths(path), path):
        try:
            content = xmp.extract_xmp(encoded.data) if place == path else _content(place)
            found = [region for region in xmp.read_regions(content, frame) if region.name] if content else []
        except (FormatError, OSError) as error:
            summary.problems.append(f"'{place}': {error}")
            continue
        if found:
            return found
    return []
