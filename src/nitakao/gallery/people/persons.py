"""Reads persons, and finds them by name or id."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from difflib import get_close_matches

from sqlalchemy import Connection, distinct, func, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.store import GalleryStore
from nitakao.values import Person

MAX_NAME_LENGTH = 500  # characters
MAX_ID = 2**63 - 1
SIMILARITY = 0.75  # of a name to suggest for a misspelt one
MAX_NAMES = 10_000  # names compared with a misspelt one


def clean_name(name: str) -> str:
    """A person's name as stored: in Unicode NFC, without surrounding whitespace.

    Raises:
        MisuseError: If it is empty, too long, or looks like an id.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned:
        raise MisuseError("a person's name cannot be empty", code="name-empty")
    if len(cleaned) > MAX_NAME_LENGTH:
        raise MisuseError(
            f"a person's name has at most {MAX_NAME_LENGTH} characters, not {len(cleaned)}",
            code="name-too-long",
            limit=MAX_NAME_LENGTH,
        )
    if cleaned.startswith("#") and cleaned[1:].isdecimal():
        raise MisuseError(
            f"'{cleaned}' looks like a person's id: choose another name", code="name-is-number", name=cleaned
        )
    if "\x00" in cleaned or any("\ud800" <= c <= "\udfff" for c in cleaned):
        raise MisuseError("a person's name cannot contain NUL or lone surrogates", code="name-invalid")
    return cleaned


def people(gallery: GalleryStore, *, hidden: bool = True, named: bool = False) -> list[Person]:
    """The persons in the gallery, those with most faces first.

    Args:
        gallery: The gallery.
        hidden: Whether to include hidden persons.
        named: Whether to leave out persons without a name.
    """
    with gallery.read() as connection:
        return [p for p in _people(connection) if (hidden or not p.hidden) and (p.name or not named)]


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
    """The face with the best quality, by person."""
    faces = schema.faces
    ranked = select(
        faces.c.person,
        faces.c.id,
        func.row_number()
        .over(partition_by=faces.c.person, order_by=(func.coalesce(faces.c.quality, 0).desc(), faces.c.id))
        .label("place"),
    ).where(faces.c.person.is_not(None))
    inner = ranked.subquery()
    rows = connection.execute(select(inner.c.person, inner.c.id).where(inner.c.place == 1))
    return {int(person): int(face) for person, face in rows}


def find_person(gallery: GalleryStore, person: str | int, connection: Connection | None = None) -> int:
    """The id of a person.

    Args:
        gallery: The gallery.
        person: An id, '#12' or 12, or a name.
        connection: A transaction to use; None: a new one.

    Raises:
        MisuseError: If there is no such person; suggests a similar name.
    """
    if connection is None:
        with gallery.read() as own:
            return find_person(gallery, person, own)
    table = schema.people
    if isinstance(person, int) or (person.startswith("#") and person[1:].isdecimal()):
        condition = table.c.id == parse_id(str(person).lstrip("#"))
    else:
        condition = table.c.name == clean_name(person)
    number = connection.execute(select(table.c.id).where(condition)).scalar()
    if number is None:
        similar = _similar_name(connection, str(person))
        hint = f"did you mean '{similar}'? " if similar else ""
        raise MisuseError(
            f"there is no person '{person}' in gallery '{gallery.location}': {hint}'nitakao people list' shows all",
            code="unknown-person",
            name=str(person),
        )
    return int(number)


def _similar_name(connection: Connection, name: str) -> str:
    """The most similar name in the gallery; empty if none is similar."""
    names = connection.execute(select(schema.people.c.name).where(schema.people.c.name.is_not(None)).limit(MAX_NAMES))
    by_key = {_key(stored): str(stored) for stored in names.scalars()}
    return next((by_key[key] for key in get_close_matches(_key(name), by_key, 1, SIMILARITY)), "")


def _key(name: str) -> str:
    """A name without differences of case, and with spaces for underscores."""
    return unicodedata.normalize("NFKC", name).casefold().replace("_", " ")


def parse_id(digits: str) -> int:
    """The id in these digits, or MAX_ID, which nothing has, if it exceeds 64 bits."""
    return min(int(digits), MAX_ID) if len(digits) < 20 else MAX_ID
