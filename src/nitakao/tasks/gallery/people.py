"""List and correct the people of a gallery: name, merge, split, move, hide, review, undo."""

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
    """People in the gallery, most faces first.  hidden: include hidden people.  named: only people with a name."""
    from nitakao.gallery import people as kept

    with open_gallery(gallery) as found:
        return kept.people(found, hidden=hidden, named=named)


def name(gallery: GalleryLike, who: str | int, name: str) -> Correction:
    """Name a person, or an unassigned face, which becomes a new person.

    Args:
        gallery: The gallery.
        who: Number of a face, or a person as '#12' or by the current name.
        name: The new name.

    Raises:
        GalleryError: If another person has this name.
    """
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        if isinstance(who, int):
            return corrections.name_face(found, who, name)
        return corrections.name_person(found, who, name)


def merge(gallery: GalleryLike, into: str, *others: str) -> Correction:
    """Merge people, each '#12' or a name, into the first."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.merge(found, into, others)


def split(gallery: GalleryLike, faces: Sequence[int], name: str | None = None) -> Correction:
    """Move the faces with these numbers to a new person."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.split(found, faces, name)


def move(gallery: GalleryLike, faces: Sequence[int], person: str | None) -> Correction:
    """Assign the faces with these numbers to a person, '#12' or a name; None unassigns them."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.move(found, faces, person)


def hide(gallery: GalleryLike, *persons: str, hidden: bool = True) -> Correction:
    """Hide people from lists and searches; `hidden=False` unhides them."""
    from nitakao.gallery.people import corrections

    with open_gallery(gallery) as found:
        return corrections.hide(found, persons, hidden)


def undo(gallery: GalleryLike = None, entry: int | None = None) -> Undone:
    """Undo the last entry of the journal that is not undone, or the entry with this number."""
    from nitakao.gallery.people import undo as taken

    with open_gallery(gallery) as found:
        return taken.undo(found, entry)


def journal(gallery: GalleryLike = None, most: int | None = None) -> list[Entry]:
    """Entries of the journal, newest first, at most `most`."""
    from nitakao.gallery.people import journal as kept

    with open_gallery(gallery) as found:
        return kept.entries(found, most)


def doubts(gallery: GalleryLike = None, person: str | None = None) -> list[Review]:
    """Faces to review, most likely first; of one person or all."""
    from nitakao.gallery import people as kept
    from nitakao.gallery.people import reviews

    with open_gallery(gallery) as found:
        return reviews.pending(found, None if person is None else kept.find_person(found, person))


def answer(gallery: GalleryLike, face: int, person: str | None, said: Answer) -> int:
    """Answer a face to review: 'yes', 'no' or 'skip'. Returns the number of the person.

    person: '#12' or a name; None if the face is suggested for one person only.
    """
    from nitakao.gallery.people import reviews

    with open_gallery(gallery) as found:
        return reviews.answer(found, face, person, said)
