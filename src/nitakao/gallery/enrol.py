"""Writes photographs and their faces to a gallery."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from nitakao.gallery import carry_over, schema
from nitakao.gallery.columns import pack
from nitakao.gallery.faces import CHUNK
from nitakao.gallery.forget import tombstones
from nitakao.gallery.people import labels
from nitakao.gallery.store import GalleryStore
from nitakao.values import NewFace

IndexStatus: TypeAlias = Literal[
    "new", "unchanged", "moved", "duplicate", "changed", "rescanned", "labelled", "tombstoned", "problem", "pruned"
]
REMOVED = "it was removed from the gallery while it was being read: index it again"


class FileInfo(NamedTuple):
    """A file before it is read.

    Attributes:
        path: An absolute path, or a URL.
        size: Bytes.
        mtime_ns: Time of the last change, nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int


class StoredFile(NamedTuple):
    """A file in the gallery.

    Attributes:
        photo: The id of its photograph; None if it could not be read.
        problem: Of the file or of its photograph; empty if there is none.
    """

    size: int
    mtime_ns: int
    photo: int | None
    problem: str


class StoredPhoto(NamedTuple):
    """A photograph in the gallery.

    Attributes:
        photo: Its id.
        indexed: When it was indexed, seconds since 1970.
        problem: Why it has no faces; empty if it has any.
        paths: The files that hold it.
    """

    photo: int
    indexed: float
    problem: str
    paths: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ScannedFile:
    """A file that was read, ready to be written to the gallery.

    Attributes:
        file: None for a photograph without a file.
        sha256: Of the content; empty if the file could not be read.
        size: (width, height) in pixels.
        faces: Its faces, with their vectors.
        problem: Why it could not be read, or has no faces; empty otherwise.
        detector: The settings of the detector; empty if it did not run because the gallery has this content.
        taken: Seconds since 1970, if known.
        video: Whether it is a video.
        replace: Whether to replace the gallery's photograph of this content.
        old_paths: Paths where the content was, and is no more.
        label: The name of the person whose face is the most central; empty if unknown.
    """

    file: FileInfo | None
    sha256: str = ""
    size: tuple[int, int] = (0, 0)
    faces: tuple[NewFace, ...] = ()
    problem: str = ""
    detector: str = ""
    taken: float | None = None
    video: bool = False
    replace: bool = False
    old_paths: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Indexed:
    """The result for one file, reported once it is committed.

    Attributes:
        path: The file.
        status: What was done with it.
        photo: The id of its photograph, if it has one.
        faces: The ids of the faces written for it.
        problem: Why it could not be used; empty otherwise.
    """

    path: str
    status: IndexStatus
    photo: int | None = None
    faces: tuple[int, ...] = ()
    problem: str = ""


def stored_files(gallery: GalleryStore, paths: Sequence[str]) -> dict[str, StoredFile]:
    """The files at these paths by path, without those that are not in the gallery."""
    files, photos = schema.files, schema.photos
    columns = (files.c.path, files.c.size, files.c.mtime_ns, files.c.photo, files.c.problem, photos.c.problem)
    query = select(*columns).outerjoin(photos, photos.c.id == files.c.photo)
    stored = {}
    with gallery.read() as connection:
        for start in range(0, len(paths), CHUNK):
            for row in connection.execute(query.where(files.c.path.in_(paths[start : start + CHUNK]))):
                stored[row[0]] = StoredFile(row[1], row[2], row[3], row[4] or row[5] or "")
    return stored


def stored_photo(gallery: GalleryStore, sha256: str) -> StoredPhoto | None:
    """The photograph with this content, with at most 500 of its paths; None if the gallery does not have it."""
    photos, files = schema.photos, schema.files
    columns = (photos.c.id, photos.c.indexed, photos.c.problem, files.c.path)
    query = select(*columns).outerjoin(files, files.c.photo == photos.c.id)
    with gallery.read() as connection:
        rows = connection.execute(query.where(photos.c.sha256 == sha256).order_by(files.c.id).limit(CHUNK)).all()
    return StoredPhoto(*rows[0][:3], tuple(row.path for row in rows if row.path)) if rows else None


def enrol(gallery: GalleryStore, batch: Sequence[ScannedFile]) -> list[Indexed]:
    """Write files, their photographs and faces in one transaction.

    If a file held another photograph before, and no other file holds that one, it is deleted; persons of its faces pass
    to the same faces in the new photograph, see `carry_over`.

    Args:
        gallery: The gallery.
        batch: The files.

    Returns:
        The result for each file, in order.
    """
    with gallery.write("index") as connection:
        return _Batch(gallery, connection, batch).write()


class _Batch:
    """Files written in one transaction.

    Attributes:
        tombstoned: Contents that must not be indexed.
        old_files: The files' rows before the batch, by path.
        existing: The ids of photographs that the gallery has, by content.
        to_write: The photographs to write, by content: the first of several files with one content.
    """

    def __init__(self, gallery: GalleryStore, connection: Connection, batch: Sequence[ScannedFile]) -> None:
        self.gallery = gallery
        self.connection = connection
        self.batch = batch
        self.tombstoned = tombstones.tombstoned(connection, gallery.key, (scan.sha256 for scan in batch))
        self.old_files = _files(connection, [scan.file.path for scan in batch if scan.file])
        self.existing = _photos(connection, {scan.sha256 for scan in batch if scan.sha256} - self.tombstoned)
        self.to_write: dict[str, ScannedFile] = {}
        for scan in batch:
            detected = scan.detector and scan.sha256 not in self.tombstoned
            if detected and (scan.replace or scan.sha256 not in self.existing):
                self.to_write.setdefault(scan.sha256, scan)

    def write(self) -> list[Indexed]:
        replaced = [self.existing[sha] for sha in self.to_write if sha in self.existing]
        carry_over.set_aside(self.connection, replaced)
        photos = self.existing | _write_photos(self.connection, self.to_write, self.existing)
        faces = _write_faces(self.connection, {photos[sha]: scan.faces for sha, scan in self.to_write.items()})
        results = [self._result(scan, photos, faces) for scan in self.batch]
        self._write_files(results)
        carry_over.replace(self.gallery, self.connection, dict.fromkeys(replaced), same=True)
        carry_over.replace(self.gallery, self.connection, self._changed(results), same=False)
        names = {result.photo: scan.label for result, scan in zip(results, self.batch, strict=True) if scan.label}
        labels.apply_labels(
            self.gallery, self.connection, {photo: name for photo, name in names.items() if photo is not None}
        )
        return results

    def _result(self, scan: ScannedFile, photos: Mapping[str, int], faces: Mapping[int, list[int]]) -> Indexed:
        path = scan.file.path if scan.file else ""
        if not scan.sha256:
            return Indexed(path, "problem", problem=scan.problem)
        if scan.sha256 in self.tombstoned:
            return Indexed(path, "tombstoned")
        photo = photos.get(scan.sha256)
        if photo is None:
            return Indexed(path, "problem", problem=f"'{path}': {REMOVED}")
        is_new = self.to_write.get(scan.sha256) is scan
        return Indexed(
            path, self._status(scan, photo, is_new), photo, tuple(faces[photo]) if is_new else (), scan.problem
        )

    def _status(self, scan: ScannedFile, photo: int, is_new: bool) -> IndexStatus:
        old = self.old_files.get(scan.file.path) if scan.file else None
        if is_new and scan.sha256 in self.existing:
            return "rescanned"
        if old is not None:
            return "unchanged" if old.photo == photo else "changed"
        if is_new:
            return "new"
        return "moved" if scan.old_paths else "duplicate"

    def _write_files(self, results: Sequence[Indexed]) -> None:
        """Replace the files' rows. An unreadable file keeps its photograph, since it may become readable again."""
        rows: dict[str, dict[str, Any]] = {}
        deleted: set[str] = set()
        for scan, result in zip(self.batch, results, strict=True):
            if scan.file is None or REMOVED in result.problem:
                continue
            path, size, mtime_ns = scan.file
            old_photo = self.old_files[path].photo if path in self.old_files else None
            photo, problem = (old_photo, scan.problem) if result.status == "problem" else (result.photo, "")
            deleted.update((path, *scan.old_paths))
            rows[path] = {"path": path, "size": size, "mtime_ns": mtime_ns, "photo": photo, "problem": problem}
            if result.status == "tombstoned":
                del rows[path]
        table, paths = schema.files, list(deleted)
        for start in range(0, len(paths), CHUNK):
            self.connection.execute(delete(table).where(table.c.path.in_(paths[start : start + CHUNK])))
        if rows:
            self.connection.execute(insert(table), list(rows.values()))

    def _changed(self, results: Sequence[Indexed]) -> dict[int, int | None]:
        """The photographs that no file holds any more, each with the one that its file now holds."""
        replaced = {}
        for scan, result in zip(self.batch, results, strict=True):
            old = self.old_files.get(scan.file.path) if scan.file else None
            if old is not None and old.photo not in (None, result.photo) and result.status != "problem":
                replaced[int(old.photo)] = result.photo
        files, photos = schema.files, list(replaced)
        in_use: set[int] = set()
        for start in range(0, len(photos), CHUNK):
            query = select(files.c.photo).where(files.c.photo.in_(photos[start : start + CHUNK]))
            in_use.update(self.connection.execute(query).scalars())
        return {old: new for old, new in replaced.items() if old not in in_use}


def _files(connection: Connection, paths: Sequence[str]) -> dict[str, Row[Any]]:
    table, files = schema.files, {}
    for start in range(0, len(paths), CHUNK):
        query = select(table).where(table.c.path.in_(paths[start : start + CHUNK]))
        files.update({row.path: row for row in connection.execute(query)})
    return files


def _photos(connection: Connection, contents: Iterable[str]) -> dict[str, int]:
    table, digests = schema.photos, sorted(contents)
    photos: dict[str, int] = {}
    for start in range(0, len(digests), CHUNK):
        query = select(table.c.sha256, table.c.id).where(table.c.sha256.in_(digests[start : start + CHUNK]))
        photos.update({sha: int(number) for sha, number in connection.execute(query)})
    return photos


def _write_photos(
    connection: Connection, scans: Mapping[str, ScannedFile], existing: Mapping[str, int]
) -> dict[str, int]:
    """Insert or update photographs; the ids of the inserted ones, by content."""
    table, rows = schema.photos, [_photo_row(scan) for scan in scans.values()]
    old = [{"number": existing[row["sha256"]], **row} for row in rows if row["sha256"] in existing]
    if old:
        change = update(table).where(table.c.id == bindparam("number"))
        connection.execute(change.values({name: bindparam(name) for name in rows[0]}), old)
    new = [row for row in rows if row["sha256"] not in existing]
    ids: Sequence[int] = ()
    if new:
        statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
        ids = connection.execute(statement, new).scalars().all()
    return {row["sha256"]: int(number) for row, number in zip(new, ids, strict=True)}


def _photo_row(scan: ScannedFile) -> dict[str, Any]:
    return {
        "sha256": scan.sha256,
        "video": scan.video,
        "width": scan.size[0],
        "height": scan.size[1],
        "taken": scan.taken,
        "problem": scan.problem,
        "detector": scan.detector,
        "indexed": time.time(),
    }


def _write_faces(connection: Connection, faces: Mapping[int, Sequence[NewFace]]) -> dict[int, list[int]]:
    """Insert the faces of each photograph; their ids, in order."""
    flat = [(photo, number, face) for photo, own in faces.items() for number, face in enumerate(own)]
    ids: dict[int, list[int]] = {photo: [] for photo in faces}
    if not flat:
        return ids
    table, rows = schema.faces, [_face_row(photo, number, face) for photo, number, face in flat]
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    inserted = [int(number) for number in connection.execute(statement, rows).scalars()]
    pairs = [(number, face) for number, (_, _, face) in zip(inserted, flat, strict=True)]
    connection.execute(insert(schema.vectors), [{"face": number, "vector": face.vector} for number, face in pairs])
    chips = [_chip_row(number, face) for number, face in pairs if face.chip is not None]
    if chips:
        connection.execute(insert(schema.chips), chips)
    for number, (photo, _, _) in zip(inserted, flat, strict=True):
        ids[photo].append(number)
    return ids


def _face_row(photo: int, number: int, enrolled: NewFace) -> dict[str, Any]:
    face, quality = enrolled.face, enrolled.quality
    x1, y1, x2, y2 = (float(v) for v in face.box)
    return {
        "photo": photo,
        "number": number,
        "time": enrolled.time,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "score": float(face.score),
        "turn": face.turn,
        "landmarks": None if face.landmarks is None else pack(face.landmarks.ravel()),
        "sharpness": _or_none(quality.sharpness),
        "yaw": _or_none(quality.yaw),
        "pitch": _or_none(quality.pitch),
        "roll": _or_none(quality.roll),
        "quality": _or_none(quality.score),
    }


def _or_none(value: float) -> float | None:
    """None for NaN: not every database stores NaN."""
    return None if value != value else float(value)


def _chip_row(face: int, enrolled: NewFace) -> dict[str, Any]:
    assert enrolled.chip is not None
    x1, y1, x2, y2 = enrolled.chip.frame
    return {"face": face, "jpeg": enrolled.chip.jpeg, "x1": x1, "y1": y1, "x2": x2, "y2": y2}
