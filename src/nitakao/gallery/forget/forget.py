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

ELSEWHERE = (
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
class Meant:
    """What is to be forgotten.  persons: '#12', numbers or names.  photos: paths, sha256s or numbers.  faces: numbers.

    tombstone: keep the photographs from being indexed again, by a keyed hash and nothing else.
    """

    persons: tuple[str | int, ...] = ()
    photos: tuple[str | int, ...] = ()
    faces: tuple[int, ...] = ()
    tombstone: bool = False


@dataclass
class Doomed:
    """What is to go, by number.  around: photographs that may bring it back.  names: what the persons were called."""

    what: list[str] = field(default_factory=list)
    persons: set[int] = field(default_factory=set)
    faces: set[int] = field(default_factory=set)
    photos: set[int] = field(default_factory=set)
    files: set[int] = field(default_factory=set)
    around: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def forget(gallery: GalleryStore, meant: Meant) -> Receipt:
    """Forget persons, photographs and faces. Raises MisuseError, and forgets nothing, where one is not there.

    Of a person, the faces and all names go; photographs and others' faces in them stay. A photograph goes with all
    faces in it and all paths where it lies. Who then has neither a name nor a face goes, too.
    """
    with gallery.write("forget") as connection:
        doomed = _doomed(gallery, connection, meant)
        receipt = _delete_all(gallery, connection, doomed, meant.tombstone)
        named = _paths_with(connection, doomed.names)
    own = [f"the photographs' paths, {named} of which hold the name"] if named else []
    own += [*_index_traces(gallery), *scrub.scrub(gallery)]
    anew = not meant.tombstone and doomed.around - doomed.photos
    back = ["the photographs stay: 'nitakao index --rescan' would find the faces anew"] if anew else []
    left = (*own, *scrub.outside(gallery), *back, *ELSEWHERE)
    return replace(receipt, at=time.time(), complete=not own, left=left)


def _index_traces(gallery: GalleryStore) -> list[str]:
    """Removes the search index, which is made anew when it is needed. Where it could not be, a phrase that says so."""
    try:
        searcher(gallery).forget()
    except GalleryError as error:
        return [f"the search index: {error}"]
    return []


def weigh(gallery: GalleryStore, meant: Meant) -> str:
    """What would go, in words: '2 persons, 31 faces and 0 photographs'. Raises MisuseError where one is not there."""
    with gallery.read() as connection:
        doomed = _doomed(gallery, connection, meant)
    counts = ((len(doomed.persons), "person"), (len(doomed.faces), "face"), (len(doomed.photos), "photograph"))
    persons, faces, photos = (f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    return f"{persons}, {faces} and {photos}"


def _doomed(gallery: GalleryStore, connection: Connection, meant: Meant) -> Doomed:
    doomed = Doomed()
    for person in meant.persons:
        _add_person(connection, find_person(gallery, person, connection), doomed)
    for photo in meant.photos:
        number, files = _photo(connection, photo)
        if number is None and not files:
            raise MisuseError(
                f"there is no photograph '{photo}' in gallery '{gallery.location}': give its path",
                code="unknown-photo",
                photo=photo,
            )
        doomed.what.append("a file that could not be read" if number is None else f"photograph {number}")
        doomed.files |= files
        if number is not None:
            doomed.photos.add(number)
            doomed.faces |= _faces(connection, schema.faces.c.photo == number)
    for face in meant.faces:
        if not _faces(connection, schema.faces.c.id == face):
            raise MisuseError(
                f"there is no face {face} in gallery '{gallery.location}': listings show face ids",
                code="unknown-face",
                face=face,
            )
        doomed.what.append(f"face {face}")
        doomed.faces.add(face)
    if not doomed.what:
        raise MisuseError("name the person, photograph or face that is to be forgotten")
    doomed.around = _seen(connection, schema.faces.c.photo, doomed.faces) | doomed.photos
    return doomed


def _add_person(connection: Connection, number: int, doomed: Doomed) -> None:
    persons = {number, *delete_rows.merged_into(connection, number)}
    doomed.what.append(f"person #{number}")
    doomed.persons |= persons
    doomed.names |= delete_rows.names(connection, persons)
    doomed.faces |= _faces(connection, schema.faces.c.person == number)


def _faces(connection: Connection, condition: ColumnElement[bool]) -> set[int]:
    return set(connection.execute(select(schema.faces.c.id).where(condition)).scalars())


def _photo(connection: Connection, named: str | int) -> tuple[int | None, set[int]]:
    """The photograph that is meant, None for a file that could not be read, and the files that hold it."""
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


def _delete_all(gallery: GalleryStore, connection: Connection, doomed: Doomed, tombstone: bool) -> Receipt:
    owners = _seen(connection, schema.faces.c.person, doomed.faces)
    buried = _bury(gallery, connection, doomed.around) if tombstone else 0
    chips = _delete(connection, schema.chips.c.face, doomed.faces)
    _delete(connection, schema.vectors.c.face, doomed.faces)
    faces = _delete(connection, schema.faces.c.id, doomed.faces)
    files = _delete(connection, schema.files.c.id, doomed.files)
    photos = _delete(connection, schema.photos.c.id, doomed.photos)
    doomed.persons |= _emptied(connection, owners - doomed.persons)
    persons = _delete(connection, schema.people.c.id, doomed.persons)
    changes = delete_rows.erase(connection, doomed.faces, doomed.persons, doomed.names)
    counts = (persons, faces, chips, photos, files, changes, buried)
    return Receipt(", ".join(doomed.what), gallery.location, 0.0, *counts, complete=False, left=())


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


def _bury(gallery: GalleryStore, connection: Connection, photos: Iterable[int]) -> int:
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
