"""Permanently deletes persons, photographs and faces from everything the gallery can reach.

This includes rows, vectors, chips, index files and journal entries, so it cannot be undone. The receipt lists where
other copies may be, such as backups.
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
    "backups, exports, vectors files, contact sheets and pages created from the gallery",
    "the photographs, and side-car files with names beside them",
    "freed but not overwritten disk blocks, and snapshots of the disk",
)


@dataclass(frozen=True)
class Receipt:
    """How much was deleted. It contains no names, so it may be stored.

    Attributes:
        what: The ids of what was deleted.
        gallery: Its location.
        at: Seconds since 1970.
        persons, faces, chips, photos, files: Deleted rows.
        changes: Deleted changes of the journal.
        tombstones: Photographs that will not be indexed again.
        complete: Whether nothing is left in the gallery's own files.
        left: Where copies may remain, one phrase each.
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
    """What to delete.

    Attributes:
        persons: Ids ('#12' or 12) or names.
        photos: Paths, sha256s or ids.
        faces: Ids.
        tombstone: Whether to keep a keyed hash of the photographs, so that they are not indexed again.
    """

    persons: tuple[str | int, ...] = ()
    photos: tuple[str | int, ...] = ()
    faces: tuple[int, ...] = ()
    tombstone: bool = False


@dataclass
class Deletion:
    """What to delete, by id.

    Attributes:
        around: Photographs that contain deleted faces.
        names: All names the persons have had.
    """

    items: list[str] = field(default_factory=list)
    persons: set[int] = field(default_factory=set)
    faces: set[int] = field(default_factory=set)
    photos: set[int] = field(default_factory=set)
    files: set[int] = field(default_factory=set)
    around: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def forget(gallery: GalleryStore, request: ForgetRequest) -> Receipt:
    """Delete persons, photographs and faces permanently.

    A person is deleted with their faces and names; photographs, and other people's faces in them, stay. A photograph is
    deleted with its faces and files. Persons left without a name and a face are deleted too.

    Raises:
        MisuseError: If one does not exist; then nothing is deleted.
    """
    with gallery.write("forget") as connection:
        deletion = _plan(gallery, connection, request)
        receipt = _delete_all(gallery, connection, deletion, request.tombstone)
        named = _paths_with(connection, deletion.names)
    own = [f"the paths of photographs: {named} contain the name"] if named else []
    own += [*_index_traces(gallery), *scrub.scrub(gallery)]
    reindexed = not request.tombstone and deletion.around - deletion.photos
    back = ["the photographs stay: 'nitakao index --rescan' would find the faces again"] if reindexed else []
    left = (*own, *scrub.external_copies(gallery), *back, *OTHER_COPIES)
    return replace(receipt, at=time.time(), complete=not own, left=left)


def _index_traces(gallery: GalleryStore) -> list[str]:
    """Delete the search index, which is rebuilt when needed; on failure, a phrase for the receipt."""
    try:
        searcher(gallery).forget()
    except GalleryError as error:
        return [f"the search index: {error}"]
    return []


def preview(gallery: GalleryStore, request: ForgetRequest) -> str:
    """What `forget` would delete: '2 persons, 31 faces and 0 photographs'. Raises MisuseError if one does not exist."""
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
        raise MisuseError("nothing to forget: give a person, photograph or face")
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
    """The id of a photograph, None for an unreadable file, and the ids of its files."""
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
    """Delete the rows with one of these ids in the column; how many there were."""
    table = column.table
    return sum(connection.execute(delete(table).where(column.in_(piece))).rowcount for piece in chunks(numbers))


def _seen(connection: Connection, column: ColumnElement[int], faces: Iterable[int]) -> set[int]:
    """The values of the column for these faces."""
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
    """Add tombstones of these photographs; how many are new."""
    table = schema.photos
    contents: set[str] = set()
    for piece in chunks(photos):
        contents.update(connection.execute(select(table.c.sha256).where(table.c.id.in_(piece))).scalars())
    new = contents - tombstones.tombstoned(connection, gallery.key, contents)
    digests = sorted(tombstones.digest(gallery.key, content) for content in new)  # in an order that reveals nothing
    if digests:
        connection.execute(insert(schema.tombstones), [{"digest": digest} for digest in digests])
    return len(digests)


def _paths_with(connection: Connection, names: set[str]) -> int:
    """How many paths contain one of these names, as folders per person do."""
    wanted = [name.casefold() for name in names]
    if not wanted:
        return 0
    paths = connection.execution_options(yield_per=10_000).execute(select(schema.files.c.path)).scalars()
    return sum(any(name in path.casefold() for name in wanted) for path in paths)
