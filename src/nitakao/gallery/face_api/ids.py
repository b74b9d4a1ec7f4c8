"""Face ids: detected faces, deleted when they expire."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from nitakao.gallery import schema
from nitakao.gallery.faces import CHUNK
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """A detected face. `recognition`: its recognition model, as in 'recognition_04'."""

    uuid: str
    recognition: str
    vector: Floats  # (D,)


def store(gallery: GalleryStore, vectors: Floats, recognition: str, seconds: float) -> list[str]:
    """Store vectors (n, D) for some seconds; returns their ids."""
    now = time.time()
    face_ids = [str(uuid.uuid4()) for _ in vectors]
    if face_ids:
        shared = {"recognition": recognition, "expires": now + seconds}
        rows = [{"uuid": one, "vector": vector, **shared} for one, vector in zip(face_ids, vectors, strict=True)]
        with gallery.write("face api") as connection:
            _sweep(connection, now)
            connection.execute(insert(schema.face_ids), rows)
    return face_ids


def find(gallery: GalleryStore, uuids: Sequence[str]) -> dict[str, DetectedFace]:
    """The faces with these ids; unknown and expired ones are left out."""
    table, now = schema.face_ids, time.time()
    found = {}
    with gallery.read() as connection:
        for start in range(0, len(uuids), CHUNK):
            query = select(table).where(table.c.uuid.in_(uuids[start : start + CHUNK]), table.c.expires > now)
            for row in connection.execute(query):
                found[row.uuid] = DetectedFace(row.uuid, row.recognition, row.vector)
    return found


def sweep(gallery: GalleryStore) -> int:
    """Delete expired faces; returns how many. Writes nothing if there are none."""
    table, now = schema.face_ids, time.time()
    with gallery.read() as connection:
        expired = connection.execute(select(table.c.id).where(table.c.expires <= now).limit(1)).first()
    if expired is None:
        return 0
    with gallery.write("face api") as connection:
        return _sweep(connection, now)


def _sweep(connection: Connection, now: float) -> int:
    return int(connection.execute(delete(schema.face_ids).where(schema.face_ids.c.expires <= now)).rowcount)
