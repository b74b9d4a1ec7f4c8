"""Contact sheets and HTML pages of search results, identities and people."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from nitakao.errors import GeometryError, PhotoError
from nitakao.report import contact_sheet, drawing, html_page, tiles
from nitakao.report.tiles import Report, Section, Tile
from nitakao.tasks.arguments import GalleryLike, open_gallery
from nitakao.values import (
    Candidate,
    Chip,
    Face,
    FaceFilter,
    FaceRecord,
    Hit,
    IdentifyResult,
    Identity,
    Photo,
    Probe,
    SearchResult,
)

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore

ASKED = 6  # faces shown of a person who is asked about: a row of a sheet

File: TypeAlias = "str | os.PathLike[str]"
Listed = TypeVar("Listed", Hit, Candidate)


def check(picture: File | None, html: File | None) -> None:
    """Check that the sheet and the page can be written, before the search."""
    if picture is not None:
        drawing.check(Path(picture))
    if html is not None:
        html_page.check(Path(html))


def draw_search(found: SearchResult, gallery: GalleryStore | None, picture: File | None, html: File | None) -> None:
    """Save hits as a contact sheet, a page, or both.  gallery: None if a folder was searched."""
    if picture is not None or html is not None:
        _save(search_report(found, gallery, scenes=html is not None), picture, html)


def draw_identities(found: IdentifyResult, gallery: GalleryStore, picture: File | None, html: File | None) -> None:
    """Save identities as a contact sheet, a page, or both."""
    if picture is not None or html is not None:
        _save(identity_report(found, gallery, scenes=html is not None), picture, html)


def draw_people(gallery: GalleryLike, picture: File | None, html: File | None, *, min_faces: int = 2) -> None:
    """Save the people with at least `min_faces` faces, and their faces, as a contact sheet, a page, or both."""
    if picture is not None or html is not None:
        with open_gallery(gallery) as store:
            _save(people_report(store, min_faces=min_faces), picture, html)


def _save(report: Report, picture: File | None, html: File | None) -> None:
    if picture is not None:
        drawing.save(Path(picture), contact_sheet.draw_sheet(report))
    if html is not None:
        html_page.save(Path(html), html_page.render_page(report))


def search_report(found: SearchResult, gallery: GalleryStore | None, *, scenes: bool) -> Report:
    """The hits of each probe.

    Args:
        scenes: Include the photos that can still be read.
    """
    pictures = _Pictures(gallery, scenes)
    sections = tuple(
        Section(
            answer.probe.name,
            tuple(
                tiles.tile_for_hit(match, chip, pictures.scene(match.face))
                for match, chip in pictures.with_chips(answer.hits)
            ),
            probes=pictures.probe_tiles(answer.probe),
        )
        for answer in found.answers
    )
    return Report("Similar faces", sections, tiles.format_notes(found.info))


def identity_report(found: IdentifyResult, gallery: GalleryStore, *, scenes: bool) -> Report:
    """The match and the candidates of each probe."""
    pictures = _Pictures(gallery, scenes)
    sections = tuple(
        Section(
            f"{identity.probe.name}: {identity.match.name if identity.match else 'unknown'}",
            tuple(_candidate(one, chip, pictures) for one, chip in pictures.with_chips(identity.candidates)),
            probes=pictures.probe_tiles(identity.probe),
            note=_unknown(identity),
        )
        for identity in found.identities
    )
    return Report("Who is it", sections, tiles.format_notes(found.info))


def people_report(gallery: GalleryStore, *, min_faces: int) -> Report:
    """A section for each person with at least `min_faces` faces, with their faces to review shown separately."""
    from nitakao.gallery import faces, people
    from nitakao.gallery.people import reviews

    to_review: dict[int, list[FaceRecord]] = {}
    for review in reviews.pending(gallery):
        to_review.setdefault(review.person, []).append(review.face)
    pictures = _Pictures(gallery, scenes=False)
    sections = []
    for person in people.people(gallery, hidden=False):
        if person.faces >= min_faces:
            records = list(faces.stream(gallery, FaceFilter(people=(person.id,))))
            title = f"{person.display_name}: {person.faces} faces in {person.photos} photos"
            uncertain = pictures.plain(to_review.get(person.id, []))
            sections.append(Section(title, pictures.plain(records), uncertain=uncertain))
    return Report(f"The people of {gallery.location}", tuple(sections))


def _candidate(one: Candidate, chip: Chip | None, pictures: _Pictures) -> Tile:
    return tiles.tile_for_face(one.face, chip, pictures.scene(one.face), one.rank, one.distance, one.probability)


def _unknown(identity: Identity) -> str:
    probability = tiles.format_probability(identity.unknown)
    return probability and f"unknown: {probability}"


class _Pictures:
    """Pictures of faces and their photos; a photo with several faces is read once."""

    def __init__(self, gallery: GalleryStore | None, scenes: bool) -> None:
        self.gallery = gallery
        self.scenes = scenes
        self._last: tuple[str, Photo | None] = ("", None)

    def with_chips(self, listed: Sequence[Listed]) -> Iterable[tuple[Listed, Chip | None]]:
        records = [one.face for one in listed]
        if self.gallery is not None:
            from nitakao.gallery import faces

            chips = faces.chips(self.gallery, [record.id for record in records])
            return [(one, chips.get(face.id)) for one, face in zip(listed, records, strict=True)]
        return [(one, self._cut(self._photo(face.path), face.face)) for one, face in zip(listed, records, strict=True)]

    def plain(self, listed: Sequence[FaceRecord]) -> tuple[Tile, ...]:
        """Faces of one person, without names."""
        assert self.gallery is not None
        from nitakao.gallery import faces

        chips = faces.chips(self.gallery, [one.id for one in listed])
        return tuple(replace(tiles.tile_for_face(one, chips.get(one.id)), name="") for one in listed)

    def probe_tiles(self, probe: Probe) -> tuple[Tile, ...]:
        """The faces of a probe."""
        return tuple(tile for part in probe.parts or (probe,) for tile in self._part(part))

    def _part(self, probe: Probe) -> list[Tile]:
        if probe.face is None:
            return self._known(probe.faces[:ASKED])
        photo = self._photo(probe.source)
        chip = self._cut(photo, probe.face)
        scene = b"" if photo is None or not self.scenes else tiles.draw_scene(photo, (probe.face,))
        path = "" if isinstance(probe.source, Photo) else probe.source
        if chip is None:
            return [Tile(scene=scene, path=path)]
        return [Tile(chip.jpeg, scene, path=path, box=tiles.box_in_chip(chip, probe.face))]

    def _known(self, numbers: Sequence[int]) -> list[Tile]:
        if self.gallery is None or not numbers:
            return []
        from nitakao.gallery import faces

        kept, chips = faces.records(self.gallery, numbers), faces.chips(self.gallery, numbers)
        return [tiles.tile_for_face(face, chips.get(n), self.scene(face)) for n, face in sorted(kept.items())]

    def scene(self, kept: FaceRecord) -> bytes:
        """The photo with the face boxed; empty if it cannot be read, or for a frame of a video."""
        photo = self._photo(kept.path) if self.scenes and kept.time is None and kept.path else None
        return b"" if photo is None else tiles.draw_scene(photo, (kept.face,))

    def _cut(self, photo: Photo | None, face: Face) -> Chip | None:
        from nitakao import photos

        try:
            return None if photo is None else photos.make_chip(photo, face)
        except GeometryError:
            return None

    def _photo(self, source: str | Photo) -> Photo | None:
        """The photo, None if it cannot be read."""
        if isinstance(source, Photo):
            return source
        if self._last[0] != source:
            from nitakao import photos

            try:
                self._last = source, photos.read(source)
            except PhotoError:
                self._last = source, None
        return self._last[1]
