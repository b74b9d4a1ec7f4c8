"""The people of a gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from nitakao.errors import MisuseError
from nitakao.values import FaceFilter, FaceRecord, Person
from nitakao.values.tables import Row, Table, html_table

if TYPE_CHECKING:  # SQLAlchemy is loaded at first use
    from nitakao.api.base import GalleryBase
    from nitakao.gallery.people.corrections import Correction
    from nitakao.gallery.people.journal import Entry
    from nitakao.gallery.people.reviews import Review
    from nitakao.gallery.people.undo import Undone


class PersonView:
    """One person of a gallery, with the corrections that apply to them.

    Attributes:
        record: The person as it was when it was read.
    """

    def __init__(self, gallery: GalleryBase, record: Person) -> None:
        self._gallery = gallery
        self.record = record

    @property
    def id(self) -> int:
        """Number of the person in the gallery."""
        return self.record.id

    @property
    def name(self) -> str:
        """Name; empty if unnamed. Assign to rename the person."""
        return self.record.name

    @name.setter
    def name(self, name: str) -> None:
        self.rename(name)

    @property
    def display_name(self) -> str:
        """The name, or '#12' for an unnamed person."""
        return self.record.display_name

    @property
    def hidden(self) -> bool:
        """Whether searches leave the person out."""
        return self.record.hidden

    @property
    def faces(self) -> list[FaceRecord]:
        """The person's faces, by number."""
        return list(self._gallery.faces(FaceFilter(people=(self.id,), hidden=True)))

    @property
    def photos(self) -> list[str]:
        """Paths of the photographs with the person."""
        return list(dict.fromkeys(face.path for face in self.faces if face.path))

    def __len__(self) -> int:
        """Number of faces."""
        return self.record.faces

    def rename(self, name: str) -> Correction:
        """Name the person.

        Raises:
            GalleryError: If another person has this name.
        """
        from nitakao.tasks.gallery import people

        done = people.name(self._gallery.store, f"#{self.id}", name)
        self.record = People(self._gallery)[f"#{self.id}"].record
        return done

    def hide(self, hidden: bool = True) -> Correction:
        """Leave the person out of lists and searches, or include them again."""
        from nitakao.tasks.gallery import people

        return people.hide(self._gallery.store, f"#{self.id}", hidden=hidden)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PersonView) and other.id == self.id and other._gallery is self._gallery

    def __hash__(self) -> int:
        return hash((id(self._gallery), self.id))

    def __repr__(self) -> str:
        return f"<person {self.display_name!r}: {self.record.faces} faces in {self.record.photos} photos>"


class People(Table):
    """The people of a gallery, those with most faces first.

        for person in gallery.people:
            print(person.display_name, len(person))
        gallery.people["#3"].name = "Ada"
        gallery.people.merge("Ada", "#7")

    Corrections take people by name, as '#12', or as a person of this view, and are entries of the journal.
    """

    def __init__(self, gallery: GalleryBase, *, named: bool = False, hidden: bool = False) -> None:
        self._gallery = gallery
        self._named = named
        self._hidden = hidden

    def __iter__(self) -> Iterator[PersonView]:
        return (PersonView(self._gallery, person) for person in self._records())

    def __len__(self) -> int:
        return len(self._records())

    def __getitem__(self, name: str | int) -> PersonView:
        """The person with this name or number ('#12' or 12), also a hidden one.

        Raises:
            KeyError: If there is no such person.
        """
        from nitakao.gallery.people import find_person, people

        store = self._gallery.store
        try:
            number = find_person(store, name)
        except MisuseError as error:
            raise KeyError(str(error)) from None
        return next(PersonView(self._gallery, record) for record in people(store) if record.id == number)

    def __contains__(self, name: object) -> bool:
        if isinstance(name, PersonView):
            return any(person == name for person in self)
        try:
            return isinstance(name, (str, int)) and self[name] is not None
        except KeyError:
            return False

    @property
    def named(self) -> People:
        """Only people with a name."""
        return People(self._gallery, named=True, hidden=self._hidden)

    @property
    def all(self) -> People:
        """Including hidden people."""
        return People(self._gallery, named=self._named, hidden=True)

    @property
    def journal(self) -> list[Entry]:
        """All changes of people, the latest first."""
        from nitakao.tasks.gallery import people

        return people.journal(self._gallery.store)

    @property
    def to_review(self) -> list[Review]:
        """Faces that may belong to a person, the likeliest first. Decide with `review`."""
        from nitakao.tasks.gallery import people

        return people.doubts(self._gallery.store)

    def review(
        self, face: int | FaceRecord, answer: Literal["yes", "no", "skip"], person: str | int | PersonView | None = None
    ) -> int:
        """Decide whether a face to review belongs to its person.

        Args:
            face: The face or its number.
            answer: 'yes', 'no' or 'skip'.
            person: The person; needed if the face waits for several.

        Returns:
            Number of the person.
        """
        from nitakao.tasks.gallery import people

        if answer not in ("yes", "no", "skip"):
            raise MisuseError(f"an answer is 'yes', 'no' or 'skip', not '{answer}'")
        about = None if person is None else _label(person)
        return people.answer(self._gallery.store, _number(face), about, answer)

    def name_face(self, face: int | FaceRecord, name: str) -> Correction:
        """Name the person of a face; an unassigned face becomes a new person."""
        from nitakao.tasks.gallery import people

        return people.name(self._gallery.store, _number(face), name)

    def merge(self, into: str | int | PersonView, *others: str | int | PersonView) -> Correction:
        """Merge people into the first one, which keeps its name."""
        from nitakao.tasks.gallery import people

        return people.merge(self._gallery.store, _label(into), *map(_label, others))

    def split(self, faces: Sequence[int | FaceRecord], name: str | None = None) -> Correction:
        """Make a new person of these faces."""
        from nitakao.tasks.gallery import people

        return people.split(self._gallery.store, [_number(face) for face in faces], name)

    def move(self, faces: Sequence[int | FaceRecord], person: str | int | PersonView | None) -> Correction:
        """Move faces to a person; None unassigns them."""
        from nitakao.tasks.gallery import people

        target = None if person is None else _label(person)
        return people.move(self._gallery.store, [_number(face) for face in faces], target)

    def undo(self, entry: int | None = None) -> Undone:
        """Undo an entry of the journal; None: the last one."""
        from nitakao.tasks.gallery import people

        return people.undo(self._gallery.store, entry)

    def to_dicts(self) -> list[Row]:
        """One dict per person."""
        return [
            {
                "id": person.id,
                "name": person.name,
                "faces": person.faces,
                "photos": person.photos,
                "hidden": person.hidden,
            }
            for person in self._records()
        ]

    def _records(self) -> list[Person]:
        from nitakao.tasks.gallery import people

        return people.people(self._gallery.store, hidden=self._hidden, named=self._named)

    def _repr_html_(self) -> str:
        people = self._records()
        chips = self._gallery.chips([person.cover for person in people if person.cover is not None])
        pictures = [chips[cover].jpeg if cover in chips else None for cover in (person.cover or 0 for person in people)]
        return html_table(self.to_dicts(), pictures)

    def __repr__(self) -> str:
        return f"<{len(self)} people>"


def _label(person: str | int | PersonView) -> str:
    """A person as tasks take it: a name or '#12'."""
    if isinstance(person, str):
        return person
    return f"#{person.id if isinstance(person, PersonView) else person}"


def _number(face: int | FaceRecord) -> int:
    return face.id if isinstance(face, FaceRecord) else face
