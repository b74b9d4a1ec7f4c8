"""The photographs of a gallery."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from nitakao.values.tables import Row, Table

if TYPE_CHECKING:  # SQLAlchemy is loaded at first use
    from nitakao.api.base import GalleryBase
    from nitakao.api.people import PersonView
    from nitakao.gallery.browse.lists import PhotoFilter
    from nitakao.gallery.photos import PhotoRecord

PAGE = 500  # photographs read at a time
SHOWN = 20  # rows in a notebook


class Photos(Table):
    """The photographs and videos of a gallery, the latest first.

    len(gallery.photos)
    for photo in gallery.photos.filter(person="Ada", folder="2019"):
        print(photo.paths, photo.faces)
    """

    def __init__(self, gallery: GalleryBase, photo_filter: PhotoFilter | None = None) -> None:
        self._gallery = gallery
        self._photo_filter = photo_filter

    def filter(
        self,
        *,
        person: str | int | PersonView | None = None,
        folder: str | os.PathLike[str] | None = None,
        since: float | None = None,
        until: float | None = None,
        problem: bool | None = None,
    ) -> Photos:
        """Only some photographs. Filters of several calls apply together.

        Args:
            person: Only photographs with this person: a name, '#12', or a person of `Gallery.people`.
            folder: Only photographs below this folder.
            since: Only photographs taken at or after this time, in seconds since 1970.
            until: Only photographs taken before this time.
            problem: True: only photographs with a problem; False: only those without.
        """
        from nitakao.gallery.people import find_person

        photo_filter = self._filter()
        if person is not None:
            label = person if isinstance(person, (str, int)) else person.id
            photo_filter = replace(photo_filter, people=(*photo_filter.people, find_person(self._gallery.store, label)))
        if folder is not None:
            photo_filter = replace(photo_filter, folder=os.path.abspath(folder))
        if since is not None or until is not None:
            photo_filter = replace(photo_filter, since=since, until=until)
        if problem is not None:
            photo_filter = replace(photo_filter, problem=problem)
        return Photos(self._gallery, photo_filter)

    def __iter__(self) -> Iterator[PhotoRecord]:
        from nitakao.gallery.browse import lists

        after = None
        while True:
            page = lists.photos(self._gallery.store, self._filter(), after=after, limit=PAGE)
            yield from page.items
            after = page.next
            if after is None:
                return

    def __len__(self) -> int:
        from nitakao.gallery.browse import lists

        return lists.photos(self._gallery.store, self._filter(), limit=1).total or 0

    def __getitem__(self, path: str | int) -> PhotoRecord:
        """The photograph at this path, or of this number.

        Raises:
            KeyError: If the gallery does not have it.
        """
        from nitakao.gallery import enrol
        from nitakao.gallery.photos import photo_records

        store = self._gallery.store
        number: int | None
        if isinstance(path, int):
            number = path
        else:
            absolute = os.path.abspath(path)
            known = enrol.stored_files(store, [absolute])
            number = known[absolute].photo if absolute in known else None
        found = {} if number is None else photo_records(store, [number])
        if number is None or number not in found:
            raise KeyError(f"photo {path!r} is not in gallery '{store.location}'")
        return found[number]

    def to_dicts(self) -> list[Row]:
        """One dict per photograph."""
        return [_row(photo) for photo in self]

    def _filter(self) -> PhotoFilter:
        from nitakao.gallery.browse.lists import PhotoFilter

        return self._photo_filter or PhotoFilter()

    def _repr_html_(self) -> str:
        from nitakao.gallery.browse import lists
        from nitakao.values.tables import html_table

        page = lists.photos(self._gallery.store, self._filter(), limit=SHOWN)
        more = (page.total or 0) - len(page.items)
        return html_table([_row(photo) for photo in page.items]) + (f"<p>and {more} more</p>" if more > 0 else "")

    def __repr__(self) -> str:
        return f"<{len(self)} photos>"


def _row(photo: PhotoRecord) -> Row:
    return {
        "id": photo.photo,
        "path": photo.paths[0] if photo.paths else "",
        "taken": photo.taken,
        "faces": len(photo.faces),
        "people": sorted({face.name for face in photo.faces if face.name}),
        "problem": photo.problem,
    }
