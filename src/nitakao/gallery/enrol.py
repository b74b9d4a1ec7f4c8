"""Photographs and their faces written into a gallery: each whole or not at all, and what changed in its place."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from nitakao.gallery import carry_over, schema
from nitakao.gallery.columns import packed
from nitakao.gallery.faces import PIECE
from nitakao.gallery.forget import tombstones
from nitakao.gallery.people import labels
from nitakao.gallery.store import GalleryStore
from nitakao.values import NewFace

What: TypeAlias = Literal[
    "new", "unchanged", "moved", "duplicate", "changed", "again", "labelled", "tombstoned", "problem", "pruned"
]
FORGOTTEN = "it was taken out of the gallery while it was read: index it again"


class File(NamedTuple):
    """What was seen of a file before it was read.  path: absolute, or an address."""

    path: str
    size: int
    mtime_ns: int


class Known(NamedTuple):
    """What a gallery knows of a file.  problem: of the file or of its photograph; empty if all is well."""

    size: int
    mtime_ns: int
    photo: int | None
    problem: str


class Place(NamedTuple):
    """A photograph that a gallery has: its number, when it was looked through, why it has no faces, where it lies."""

    photo: int
    indexed: float
    problem: str
    paths: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Looked:
    """A file that was looked at, on its way into the gallery.

    file: None for a photograph that lies nowhere.  sha256: empty where it could not be read, and `problem` says why.
    size: (width, height).  detector: with which settings it was looked through; empty where it was not, since the
    gallery has its content.  again: to replace what the gallery has of this content.  gone: paths where the content
    lay and lies no more.  label: who the most central of its faces is; empty: nobody says so.
    """

    file: File | None
    sha256: str = ""
    size: tuple[int, int] = (0, 0)
    faces: tuple[NewFace, ...] = ()
    problem: str = ""
    detector: str = ""
    taken: float | None = None
    video: bool = False
    again: bool = False
    gone: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Indexed:
    """What became of a file, told once it is kept.

    photo: its photograph's number, None where it has none.  faces: the numbers of the faces that were written for it.
    """

    path: str
    what: What
    photo: int | None = None
    faces: tuple[int, ...] = ()
    problem: str = ""


def known(gallery: GalleryStore, paths: Sequence[str]) -> dict[str, Known]:
    """What the gallery knows of the files at these paths; those that it does not know are left out."""
    files, photos = schema.files, schema.photos
    columns = (files.c.path, files.c.size, files.c.mtime_ns, files.c.photo, files.c.problem, photos.c.problem)
    asked = select(*columns).outerjoin(photos, photos.c.id == files.c.photo)
    found = {}
    with gallery.read() as connection:
        for start in range(0, len(paths), PIECE):
            for row in connection.execute(asked.where(files.c.path.in_(paths[start : start + PIECE]))):
                found[row[0]] = Known(row[1], row[2], row[3], row[4] or row[5] or "")
    return found


def place(gallery: GalleryStore, sha256: str) -> Place | None:
    """The photograph of this content; None where the gallery does not have it.  Of many paths the first 500."""
    photos, files = schema.photos, schema.files
    columns = (photos.c.id, photos.c.indexed, photos.c.problem, files.c.path)
    asked = select(*columns).outerjoin(files, files.c.photo == photos.c.id)
    with gallery.read() as connection:
        rows = connection.execute(asked.where(photos.c.sha256 == sha256).order_by(files.c.id).limit(PIECE)).all()
    return Place(*rows[0][:3], tuple(row.path for row in rows if row.path)) if rows else None


def enrol(gallery: GalleryStore, batch: Sequence[Looked]) -> list[Indexed]:
    """What became of each file, in order, once all of them are kept.

    A photograph's rows are written together.  Where a file held another photograph before, that one goes once no file
    holds it, and what was known of its faces passes to those that are the same ones, see `renewal`.
    """
    with gallery.write("index") as connection:
        return _Batch(gallery, connection, batch).written()


class _Batch:
    """Files that are written in one transaction.

    before: the rows of their paths as they were.  there: the photographs that the gallery had, by content.
    fresh: what is to be written, by content: of several files with one content the first.
    """

    def __init__(self, gallery: GalleryStore, connection: Connection, batch: Sequence[Looked]) -> None:
        self.gallery = gallery
        self.connection = connection
        self.batch = batch
        self.buried = tombstones.among(connection, gallery.key, (looked.sha256 for looked in batch))
        self.before = _rows(connection, [looked.file.path for looked in batch if looked.file])
        self.there = _photos(connection, {looked.sha256 for looked in batch if looked.sha256} - self.buried)
        self.fresh: dict[str, Looked] = {}
        for looked in batch:
            wanted = looked.detector and looked.sha256 not in self.buried
            if wanted and (looked.again or looked.sha256 not in self.there):
                self.fresh.setdefault(looked.sha256, looked)

    def written(self) -> list[Indexed]:
        replaced = [self.there[sha] for sha in self.fresh if sha in self.there]
        carry_over.set_aside(self.connection, replaced)
        photos = self.there | _write_photos(self.connection, self.fresh, self.there)
        faces = _write_faces(self.connection, {photos[sha]: looked.faces for sha, looked in self.fresh.items()})
        done = [self._done(looked, photos, faces) for looked in self.batch]
        self._write_files(done)
        carry_over.renew(self.gallery, self.connection, dict.fromkeys(replaced), same=True)
        carry_over.renew(self.gallery, self.connection, self._changed(done), same=False)
        wanted = {one.photo: looked.label for one, looked in zip(done, self.batch, strict=True) if looked.label}
        labels.give(self.gallery, self.connection, {photo: name for photo, name in wanted.items() if photo is not None})
        return done

    def _done(self, looked: Looked, photos: Mapping[str, int], faces: Mapping[int, list[int]]) -> Indexed:
        path = looked.file.path if looked.file else ""
        if not looked.sha256:
            return Indexed(path, "problem", problem=looked.problem)
        if looked.sha256 in self.buried:
            return Indexed(path, "tombstoned")
        photo = photos.get(looked.sha256)
        if photo is None:
            return Indexed(path, "problem", problem=f"'{path}': {FORGOTTEN}")
        fresh = self.fresh.get(looked.sha256) is looked
        written = tuple(faces[photo]) if fresh else ()
        return Indexed(path, self._what(looked, photo, fresh), photo, written, looked.problem)

    def _what(self, looked: Looked, photo: int, fresh: bool) -> What:
        before = self.before.get(looked.file.path) if looked.file else None
        if fresh and looked.sha256 in self.there:
            return "again"
        if before is not None:
            return "unchanged" if before.photo == photo else "changed"
        if fresh:
            return "new"
        return "moved" if looked.gone else "duplicate"

    def _write_files(self, done: Sequence[Indexed]) -> None:
        """The files' rows anew. One that could not be read keeps the photograph that it had: it may be mended."""
        rows: dict[str, dict[str, Any]] = {}
        out: set[str] = set()
        for looked, one in zip(self.batch, done, strict=True):
            if looked.file is None or FORGOTTEN in one.problem:
                continue
            path, size, mtime_ns = looked.file
            had = self.before[path].photo if path in self.before else None
            photo, problem = (had, looked.problem) if one.what == "problem" else (one.photo, "")
            out.update((path, *looked.gone))
            rows[path] = {"path": path, "size": size, "mtime_ns": mtime_ns, "photo": photo, "problem": problem}
            if one.what == "tombstoned":
                del rows[path]
        table, listed = schema.files, list(out)
        for start in range(0, len(listed), PIECE):
            self.connection.execute(delete(table).where(table.c.path.in_(listed[start : start + PIECE])))
        if rows:
            self.connection.execute(insert(table), list(rows.values()))

    def _changed(self, done: Sequence[Indexed]) -> dict[int, int | None]:
        """For each photograph that one of the files held and no file holds now, the one that the file holds."""
        held = {}
        for looked, one in zip(self.batch, done, strict=True):
            before = self.before.get(looked.file.path) if looked.file else None
            if before is not None and before.photo not in (None, one.photo) and one.what != "problem":
                held[int(before.photo)] = one.photo
        files, listed = schema.files, list(held)
        still: set[int] = set()
        for start in range(0, len(listed), PIECE):
            asked = select(files.c.photo).where(files.c.photo.in_(listed[start : start + PIECE]))
            still.update(self.connection.execute(asked).scalars())
        return {old: new for old, new in held.items() if old not in still}


def _rows(connection: Connection, paths: Sequence[str]) -> dict[str, Row[Any]]:
    table, found = schema.files, {}
    for start in range(0, len(paths), PIECE):
        asked = select(table).where(table.c.path.in_(paths[start : start + PIECE]))
        found.update({row.path: row for row in connection.execute(asked)})
    return found


def _photos(connection: Connection, contents: Iterable[str]) -> dict[str, int]:
    table, listed = schema.photos, sorted(contents)
    found: dict[str, int] = {}
    for start in range(0, len(listed), PIECE):
        asked = select(table.c.sha256, table.c.id).where(table.c.sha256.in_(listed[start : start + PIECE]))
        found.update({sha: int(number) for sha, number in connection.execute(asked)})
    return found


def _write_photos(connection: Connection, fresh: Mapping[str, Looked], there: Mapping[str, int]) -> dict[str, int]:
    """The numbers of these photographs, by content: made, or brought up to date where the gallery had them."""
    table, rows = schema.photos, [_photo_row(looked) for looked in fresh.values()]
    old = [{"number": there[row["sha256"]], **row} for row in rows if row["sha256"] in there]
    if old:
        change = update(table).where(table.c.id == bindparam("number"))
        connection.execute(change.values({name: bindparam(name) for name in rows[0]}), old)
    new = [row for row in rows if row["sha256"] not in there]
    made: Sequence[int] = ()
    if new:
        made = (
            connection.execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), new).scalars().all()
        )
    return {row["sha256"]: int(number) for row, number in zip(new, made, strict=True)}


def _photo_row(looked: Looked) -> dict[str, Any]:
    return {
        "sha256": looked.sha256,
        "video": looked.video,
        "width": looked.size[0],
        "height": looked.size[1],
        "taken": looked.taken,
        "problem": looked.problem,
        "detector": looked.detector,
        "indexed": time.time(),
    }


def _write_faces(connection: Connection, faces: Mapping[int, Sequence[NewFace]]) -> dict[int, list[int]]:
    """The numbers of each photograph's faces, in their order."""
    flat = [(photo, number, one) for photo, found in faces.items() for number, one in enumerate(found)]
    numbers: dict[int, list[int]] = {photo: [] for photo in faces}
    if not flat:
        return numbers
    table, rows = schema.faces, [_face_row(photo, number, one) for photo, number, one in flat]
    made = connection.execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), rows).scalars().all()
    pairs = [(int(face), one) for face, (_, _, one) in zip(made, flat, strict=True)]
    connection.execute(insert(schema.vectors), [{"face": face, "vector": one.vector} for face, one in pairs])
    chips = [_chip_row(face, one) for face, one in pairs if one.chip is not None]
    if chips:
        connection.execute(insert(schema.chips), chips)
    for (face, _), (photo, _, _) in zip(pairs, flat, strict=True):
        numbers[photo].append(face)
    return numbers


def _face_row(photo: int, number: int, one: NewFace) -> dict[str, Any]:
    face, quality = one.face, one.quality
    x1, y1, x2, y2 = (float(v) for v in face.box)
    return {
        "photo": photo,
        "number": number,
        "time": one.time,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "score": float(face.score),
        "turn": face.turn,
        "landmarks": None if face.landmarks is None else packed(face.landmarks.ravel()),
        "sharpness": _or_none(quality.sharpness),
        "yaw": _or_none(quality.yaw),
        "pitch": _or_none(quality.pitch),
        "roll": _or_none(quality.roll),
        "quality": _or_none(quality.score),
    }


def _or_none(value: float) -> float | None:
    """Databases that have no NaN (SQLite makes it NULL by itself) are told None."""
    return None if value != value else float(value)


def _chip_row(face: int, one: NewFace) -> dict[str, Any]:
    assert one.chip is not None
    x1, y1, x2, y2 = one.chip.frame
    return {"face": face, "jpeg": one.chip.jpeg, "x1": x1, "y1": y1, "x2": x2, "y2": y2}
