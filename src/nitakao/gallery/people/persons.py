"""Persons read back, and who is meant by a name or a number."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from difflib import get_close_matches

from sqlalchemy import Connection, distinct, func, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.store import GalleryStore
from nitakao.values import Person

LONGEST_NAME = 500  # characters
LARGEST = 2**63 - 1  # of 64 bits
ALIKE, LOOKED_AT = 0.75, 10_000  # how like another a name is that may have been meant; names that are looked at


def clean_name(name: str) -> str:
    """A person's name as it is kept: composed (NFC), no blanks around it. Raises MisuseError where it cannot be one."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned:
        raise MisuseError("a person's name has at least one letter", code="name-empty")
    if len(cleaned) > LONGEST_NAME:
        raise MisuseError(
            f"a person's name has up to {LONGEST_NAME} characters, not {len(cleaned)}",
            code="name-too-long",
            limit=LONGEST_NAME,
        )
    if cleaned.startswith("#") and cleaned[1:].isdecimal():
        raise MisuseError(
            f"'{cleaned}' means a person's number: choose another name", code="name-is-number", name=cleaned
        )
    if "\x00" in cleaned or any("\ud800" <= c <= "\udfff" for c in cleaned):
        raise MisuseError("a person's name is text, without NUL or half characters", code="name-invalid")
    return cleaned


def people(gallery: GalleryStore, *, hidden: bool = True, named: bool = False) -> list[Person]:
    """Everybody in the gallery, those with most faces first.  hidden: hidden ones too.  named: only these."""
    with gallery.read() as connection:
        found = _people(connection)
        return [p for p in found if (hidden or not p.hidden) and (p.name or not named)]


def _people(connection: Connection) -> Iterator[Person]:
    table, faces = schema.people, schema.faces
    counted = (
        select(table.c.id, table.c.name, table.c.hidden, func.count(faces.c.id), func.count(distinct(faces.c.photo)))
        .outerjoin(faces, faces.c.person == table.c.id)
        .group_by(table.c.id, table.c.name, table.c.hidden)
        .order_by(func.count(faces.c.id).desc(), table.c.id)
    )
    best = _covers(connection)
    for id_, name, is_hidden, count, photos in connection.execute(counted):
        yield Person(int(id_), name or "", int(count), int(photos), bool(is_hidden), best.get(id_))


def _covers(connection: Connection) -> dict[int, int]:
    """For each person the face with the best quality."""
    faces = schema.faces
    ranked = select(
        faces.c.person,
        faces.c.id,
        func.row_number()
        .over(partition_by=faces.c.person, order_by=(func.coalesce(faces.c.quality, 0).desc(), faces.c.id))
        .label("place"),
    ).where(faces.c.person.is_not(None))
    inner = ranked.subquery()
    found = connection.execute(select(inner.c.person, inner.c.id).where(inner.c.place == 1))
    return {int(person): int(face) for person, face in found}


def person_number(gallery: GalleryStore, named: str | int, connection: Connection | None = None) -> int:
    """The number of the person who is meant: '#12', 12, or a name. Raises MisuseError where there is none such."""
    if connection is None:
        with gallery.read() as own:
            return person_number(gallery, named, own)
    table = schema.people
    if isinstance(named, int) or (named.startswith("#") and named[1:].isdecimal()):
        meant = table.c.id == numbered(str(named).lstrip("#"))
    else:
        meant = table.c.name == clean_name(named)
    found = connection.execute(select(table.c.id).where(meant)).scalar()
    if found is None:
        alike = _called_alike(connection, str(named))
        hint = f"did you mean '{alike}'? " if alike else ""
        raise MisuseError(
            f"nobody is called '{named}' in gallery '{gallery.location}': {hint}'nitakao people' lists who is there",
            code="unknown-person",
            name=str(named),
        )
    return int(found)


def _called_alike(connection: Connection, name: str) -> str:
    """The name that is most like this one; empty where none is."""
    names = connection.execute(select(schema.people.c.name).where(schema.people.c.name.is_not(None)).limit(LOOKED_AT))
    by_key = {_key(found): str(found) for found in names.scalars()}
    return next((by_key[key] for key in get_close_matches(_key(name), by_key, 1, ALIKE)), "")


def _key(name: str) -> str:
    """A name as people mistake it: small letters, and blanks where folders have underscores."""
    return unicodedata.normalize("NFKC", name).casefold().replace("_", " ")


def numbered(digits: str) -> int:
    """The number that is written here, or one that nothing has where it is past all that databases count."""
    return min(int(digits), LARGEST) if len(digits) < 20 else LARGEST
