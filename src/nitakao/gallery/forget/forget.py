"""Real forgetting: of a person, a photograph or a face nothing is left that the gallery can reach.

Rows, vectors, chips and index files go, and with them what the journal says of them, so that it cannot be undone. What
lies elsewhere, backups above all, is named in the receipt.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from nitakao.errors import GalleryError, MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.forget import delete_rows, scrub, tombstones
from nitakao.gallery.people import find_person, parse_id
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore

OTHER_COPIES = (
    "backups, exports, files of vectors, contact sheets and pages that were made of the gallery",
    "the photographs themselves, and side-car files beside them that hold names",
    "blocks that the disk has freed but not overwritten, and snapshots of the disk",
)


@dataclass(frozen=True)
class Receipt:
    """What was forgotten, in numbers: it names nobody, so that it may be kept.

    at: seconds since 1970.  changes: in the journal.  tombstones: photographs that are kept from coming back.
    complete: whether nothing is left in the gallery's own files.  left: where copies may still be, a phrase each.
    """

    what: str
    gallery: str
    at: float
    persons: int
    faces: int
    chips: int
    photos: int
    files: int
    changes: int
    tombstones: int
    complete: bool
    left: tuple[str, ...]


@dataclass(frozen=True)
class ForgetRequest:
    """What is to be forgotten.  persons: '#12', numbers or names.  photos: paths, sha256s or numbers.  faces: numbers.

    tombstone: keep the photographs from being indexed again, by a keyed hash and nothing else.
    """

    persons: tuple[str | int, ...] = ()
    photos: tuple[str | int, ...] = ()
    faces: tuple[int, ...] = ()
    tombstone: bool = False


@dataclass
class Deletion:
    """What is to go, by number.  around: photographs that may bring it back.  names: what the persons were called."""

    items: list[str] = field(default_factory=list)
    persons: set[int] = field(default_factory=set)
    faces: set[int] = field(default_factory=set)
    photos: set[int] = field(default_factory=set)
    files: set[int] = field(default_factory=set)
    around: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def forget(gallery: GalleryStore, request: ForgetRequest) -> Receipt:
    """Forget persons, photographs and faces. Raises MisuseError, and forgets nothing, where one is not there.

    Of a person, the faces and all names go; photographs and others' faces in them stay. A photograph goes with all
    faces in it and all paths where it lies. Who then has neither a name nor a face goes, too.
    """
    with gallery.write("forget") as connection:
        deletion = _plan(gallery, connection, request)
        receipt = _delete_all(gallery, connection, deletion, request.tombstone)
        named = _paths_with(connection, deletion.names)
    own = [f"the photographs' paths, {named} of which hold the name"] if named else []
    own += [*_index_traces(gallery), *scrub.scrub(gallery)]
    anew = not request.tombstone and deletion.around - deletion.photos
    back = ["the photographs stay: 'nitakao index --rescan' would find the faces anew"] if anew else []
    left = (*own, *scrub.external_copies(gallery), *back, *OTHER_COPIES)
    return replace(receipt, at=time.time(), complete=not own, left=left)


def _index_traces(gallery: GalleryStore) -> list[str]:
    """Removes the search index, which is made anew when it is needed. Where it could not be, a phrase that says so."""
    try:
        searcher(gallery).forget()
    except GalleryError as error:
        return [f"the search index: {error}"]
    return []


def preview(gallery: GalleryStore, request: ForgetRequest) -> str:
    """What would go, in words: '2 persons, 31 faces and 0 photographs'. Raises MisuseError where one is not there."""
    with gallery.read() as connection:
        deletion = _plan(gallery, connection, request)
    counts = ((len(deletion.persons), "person"), (len(deletion.faces), "face"), (len(deletion.photos), "photograph"))
    persons, faces, photos = (f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    return f"{persons}, {faces} and {photos}"


def _plan(gallery: GalleryStore, connection: Connection, request: ForgetRequest) -> Deletion:
    deletion = Deletion()
    for person in request.persons:
        _add_person(connection, find_person(gallery, person, connection), deletion)
    for photo in request.photos:
        number, files = _photo(connection, photo)
        if number is None and not files:
            raise MisuseError(
                f"there is no photograph '{photo}' in gallery '{gallery.location}': give its path",
                code="unknown-photo",
                photo=photo,
            )
        deletion.items.append("a file that could not be read" if number is None else f"photograph {number}")
        deletion.files |= files
        if number is not None:
            deletion.photos.add(number)
            deletion.faces |= _faces(connection, schema.faces.c.photo == number)
    for face in request.faces:
        if not _faces(connection, schema.faces.c.id == face):
            raise MisuseError(
                f"there is no face {face} in gallery '{gallery.location}': listings show face ids",
                code="unknown-face",
                face=face,
            )
        deletion.items.append(f"face {face}")
        deletion.faces.add(face)
    if not deletion.items:
        raise MisuseError("name the person, photograph or face that is to be forgotten")
    deletion.around = _seen(connection, schema.faces.c.photo, deletion.faces) | deletion.photos
    return deletion


def _add_person(connection: Connection, number: int, deletion: Deletion) -> None:
    persons = {number, *delete_rows.merged_persons(connection, number)}
    deletion.items.append(f"person #{number}")
    deletion.persons |= persons
    deletion.names |= delete_rows.all_names(connection, persons)
    deletion.faces |= _faces(connection, schema.faces.c.person == number)


def _faces(connection: Connection, condition: ColumnElement[bool]) -> set[int]:
    return set(connection.execute(select(schema.faces.c.id).where(condition)).scalars())


def _photo(connection: Connection, named: str | int) -> tuple[int | None, set[int]]:
    """The photograph that is request, None for a file that could not be read, and the files that hold it."""
    files, photos = schema.files, schema.photos
    number: int | None = None
    if isinstance(named, str):
        asked = select(files.c.id, files.c.photo).where(files.c.path.in_([named, os.path.abspath(named)]))
        if (row := connection.execute(asked).first()) is not None:
            if row.photo is None:
                return None, {int(row.id)}
            number = int(row.photo)
        elif re.fullmatch("[0-9a-fA-F]{64}", named):
            number = connection.execute(select(photos.c.id).where(photos.c.sha256 == named.lower())).scalar()
    if number is None and str(named).isdecimal():
        number = connection.execute(select(photos.c.id).where(photos.c.id == parse_id(str(named)))).scalar()
    if number is None:
        return None, set()
    return number, set(connection.execute(select(files.c.id).where(files.c.photo == number)).scalars())


def _delete_all(gallery: GalleryStore, connection: Connection, deletion: Deletion, tombstone: bool) -> Receipt:
    owners = _seen(connection, schema.faces.c.person, deletion.faces)
    tombstone_count = _add_tombstones(gallery, connection, deletion.around) if tombstone else 0
    chips = _delete(connection, schema.chips.c.face, deletion.faces)
    _delete(connection, schema.vectors.c.face, deletion.faces)
    faces = _delete(connection, schema.faces.c.id, deletion.faces)
    files = _delete(connection, schema.files.c.id, deletion.files)
    photos = _delete(connection, schema.photos.c.id, deletion.photos)
    deletion.persons |= _emptied(connection, owners - deletion.persons)
    persons = _delete(connection, schema.people.c.id, deletion.persons)
    changes = delete_rows.delete_changes(connection, deletion.faces, deletion.persons, deletion.names)
    counts = (persons, faces, chips, photos, files, changes, tombstone_count)
    return Receipt(", ".join(deletion.items), gallery.location, 0.0, *counts, complete=False, left=())


def _delete(connection: Connection, column: ColumnElement[int], numbers: Iterable[int]) -> int:
    """How many rows went of those that have one of these numbers in the column."""
    table = column.table
    return sum(connection.execute(delete(table).where(column.in_(piece))).rowcount for piece in chunks(numbers))


def _seen(connection: Connection, column: ColumnElement[int], faces: Iterable[int]) -> set[int]:
    """What these faces have in the column."""
    found: set[int] = set()
    for piece in chunks(faces):
        asked = select(column).where(schema.faces.c.id.in_(piece), column.is_not(None)).distinct()
        found.update(connection.execute(asked).scalars())
    return found


def _emptied(connection: Connection, persons: Iterable[int]) -> set[int]:
    """Those of these persons who have neither a name nor a face."""
    people, faces = schema.people, schema.faces
    found: set[int] = set()
    for piece in chunks(persons):
        asked = select(people.c.id).where(people.c.id.in_(piece), people.c.name.is_(None))
        asked = asked.where(~select(faces.c.id).where(faces.c.person == people.c.id).exists())
        found.update(connection.execute(asked).scalars())
    return found


def _add_tombstones(gallery: GalleryStore, connection: Connection, photos: Iterable[int]) -> int:
    """How many photographs are now kept from coming back that were not before."""
    table = schema.photos
    contents: set[str] = set()
    for piece in chunks(photos):
        contents.update(connection.execute(select(table.c.sha256).where(table.c.id.in_(piece))).scalars())
    new = contents - tombstones.tombstoned(connection, gallery.key, contents)
    digests = sorted(tombstones.digest(gallery.key, content) for content in new)  # in an order that tells nothing
    if digests:
        connection.execute(insert(schema.tombstones), [{"digest": digest} for digest in digests])
    return len(digests)


def _paths_with(connection: Connection, names: set[str]) -> int:
    """How many photographs' paths hold one of these names, as folders per person do."""
    wanted = [name.casefold() for name in names]
    if not wanted:
        return 0
    paths = connection.execution_options(yield_per=10_000).execute(select(schema.files.c.path)).scalars()
    return sum(any(name in path.casefold() for name in wanted) for path in paths)
