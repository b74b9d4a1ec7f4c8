"""Who is in a gallery, and what people put right by hand: name, merge, split, move, hide, review, undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nitakao.tasks.arguments import GalleryLike, open_gallery
from nitakao.values import Person

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery.people.corrections import Correction
    from nitakao.gallery.people.journal import Entry
    from nitakao.gallery.people.reviews import Answer, Review
    from nitakao.gallery.people.undo import Undone


def people(gallery: GalleryLike = None, *, hidden: bool = False, named: bool = False) -> list[Person]:
    """Everybody in the gallery, those with most faces first.  hidden: hidden ones too.  named: only these."""
    from nitakao.gallery import people as kept

    with open_gallery(gallery) as found:
        return kept.people(found, hidden=hidden, named=named)


def name(gallery: GalleryLike, who: str | int, name: str) -> Correction:
    """Name somebody.  who: a face's number, or a person as text, '#12' or the name until now.

    A face that belongs to nobody founds a person. Raises GalleryError for a name that somebody else has.
    """
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        if isinstance(who, int):
            return corrections.name_face(found, who, name)
        return corrections.name_person(found, who, name)


def merge(gallery: GalleryLike, into: str, *others: str) -> Correction:
    """All these persons, each '#12' or a name, become one: the first, with its name."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.merge(found, into, others)


def split(gallery: GalleryLike, faces: Sequence[int], name: str | None = None) -> Correction:
    """A new person, with or without a name, who gets the faces of these numbers."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.split(found, faces, name)


def move(gallery: GalleryLike, faces: Sequence[int], person: str | None) -> Correction:
    """Give the faces of these numbers to a person, '#12' or a name, or with None to nobody."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.move(found, faces, person)


def hide(gallery: GalleryLike, *persons: str, hidden: bool = True) -> Correction:
    """Leave persons out of listings and answers; with `hidden=False` take them in again."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.hide(found, persons, hidden)


def undo(gallery: GalleryLike = None, entry: int | None = None) -> Undone:
    """Take back the last entry of the journal that stands, or the one of this number."""
    from nitakao.gallery.people import undo as taken

    with open_gallery(gallery) as found:
        return taken.undo(found, entry)


def journal(gallery: GalleryLike = None, most: int | None = None) -> list[Entry]:
    """Who did what when, the latest first; at most so many entries."""
    from nitakao.gallery.people import journal as kept

    with open_gallery(gallery) as found:
        return kept.entries(found, most)


def doubts(gallery: GalleryLike = None, person: str | None = None) -> list[Review]:
    """The faces that wait for an answer, the likeliest first; of one person, or all."""
    from nitakao.gallery import people as kept
    from nitakao.gallery.people import reviews

    with open_gallery(gallery) as found:
        return reviews.pending(found, None if person is None else kept.find_person(found, person))


def answer(gallery: GalleryLike, face: int, person: str | None, said: Answer) -> int:
    """The number of the person whom the answer to a doubt, 'yes', 'no' or 'skip', is about.

    person: '#12' or a name; None where the face waits for one person only.
    """
    from nitakao.gallery.people import reviews

    with open_gallery(gallery) as found:
        return reviews.answer(found, face, person, said)
