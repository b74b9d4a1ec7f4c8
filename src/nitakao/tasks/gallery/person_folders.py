"""Copy a gallery's photos into one folder per person."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nitakao.errors import NitakaoError
from nitakao.tasks.arguments import GalleryLike, open_gallery
from nitakao.values import FaceFilter, Person

FORBIDDEN = frozenset('/\\:*?"<>|')  # in names of files, on one system or another
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
LONGEST = 120  # bytes of a folder's name: file systems allow 255, and equal names get a suffix


@dataclass(frozen=True)
class PersonPhoto:
    """A photo in a person's folder.

    Attributes:
        made: Whether this run copied it.
        problem: Why it could not be copied; else empty.
    """

    person: Person
    source: str
    path: Path
    made: bool = False
    problem: str = ""


def copy_to_folders(gallery: GalleryLike, folder: Path, *, link: bool = False, least: int = 2) -> Iterator[PersonPhoto]:
    """Copy each photo of each person with `least` faces or more into `folder`/NAME.

    Args:
        gallery: The gallery.
        folder: The folder to copy to; existing files stay.
        link: Make symbolic links instead of copies.
        least: Smallest number of faces of a person.

    Yields:
        One result per photo, once it is copied.
    """
    from nitakao.gallery import faces, people

    with open_gallery(gallery) as kept:
        taken: set[str] = set()
        for person in people.people(kept, hidden=False):
            if person.faces < least:
                continue
            place = folder / _told_apart(_folder_name(person), taken)
            _make(place)
            sources = dict.fromkeys(one.path for one in faces.stream(kept, FaceFilter(people=(person.id,))) if one.path)
            names: set[str] = set()
            for source in sources:
                yield _lay(person, source, place / _told_apart(os.path.basename(source), names), link)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NitakaoError(f"the folder '{folder}' cannot be made: {error.strerror or error}") from error


def _folder_name(person: Person) -> str:
    """The person's name as a folder name that is valid on every system."""
    plain = "".join("_" if c in FORBIDDEN or unicodedata.category(c)[0] == "C" else c for c in person.name)
    plain = plain.strip(" .")
    while len(plain.encode()) > LONGEST:
        plain = plain[:-1].rstrip(" .")
    if not plain or plain.partition(".")[0].lower() in RESERVED:
        return f"{person.id} {plain}".rstrip()
    return plain


def _told_apart(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken; case does not count."""
    stem, ending = os.path.splitext(name)
    found, number = name, 2
    while unicodedata.normalize("NFC", found).casefold() in taken:
        found, number = f"{stem}-{number}{ending}", number + 1
    taken.add(unicodedata.normalize("NFC", found).casefold())
    return found


def _lay(person: Person, source: str, path: Path, link: bool) -> PersonPhoto:
    try:
        if os.path.lexists(path):
            return PersonPhoto(person, source, path)
        if link:
            path.symlink_to(source)
        else:
            _copy(source, path)
    except OSError as error:
        return PersonPhoto(
            person, source, path, problem=f"'{source}': not laid in '{path.parent}': {error.strerror or error}"
        )
    return PersonPhoto(person, source, path, made=True)


def _copy(source: str, path: Path) -> None:
    """Copy atomically."""
    part = path.with_name(f".{path.name[:100]}.part")
    try:
        shutil.copy2(source, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
