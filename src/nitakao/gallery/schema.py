"""The tables of a gallery, the same for SQLite and PostgreSQL. `migrations/` creates them; a test compares the two.

settings    the gallery's identity, model and calibration
photos      one row per content, by sha256; `problem` says why a photograph cannot be used
files       the paths of each photograph; several paths may hold one photograph
faces       the faces in a photograph; ids are never reused
vectors     one embedding per face
remade      the new embeddings while `reindex` runs
chips       a small picture of each face, from which another model can crop it
people      persons, named or not
journal     who changed what and when; `changes` holds the values before and after, which `undo` restores
reviews     faces that may belong to a person, to be reviewed; `never` holds the pairs that were rejected
tombstones  keyed hashes of photographs that must not be indexed again
keys        access keys of the server, by the hash of a secret that was shown once
jobs        the server's jobs

The tables of the Face API are separate: face_ids (detected faces, until they expire), containers (lists and groups),
container_people, container_faces, group_members and operations.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from nitakao.gallery.columns import Checksummed, PathBytes, Vector

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite generates ids in INTEGER columns only
Bytes = LargeBinary

settings = Table(
    "settings",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

photos = Table(
    "photos",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("video", Boolean, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("taken", Double),  # seconds since 1970, from the photograph
    Column("problem", Text, nullable=False),  # why it has no faces; empty if none
    Column("detector", Text, nullable=False),  # the settings of the detector that processed it
    Column("indexed", Double, nullable=False),  # seconds since 1970
    Index("ix_photos_taken", "taken", "id"),
    Index("ix_photos_indexed", "indexed", "id"),
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("path", PathBytes, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("photo", Id, ForeignKey("photos.id", ondelete="CASCADE"), index=True),  # NULL: the file could not be read
    Column("problem", Text, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, unique=True),  # NULL: unnamed
    Column("hidden", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    sqlite_autoincrement=True,
)

faces = Table(
    "faces",
    metadata,
    Column("id", Id, primary_key=True),
    Column("photo", Id, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("time", Double),  # seconds into a video
    Column("x1", Double, nullable=False),
    Column("y1", Double, nullable=False),
    Column("x2", Double, nullable=False),
    Column("y2", Double, nullable=False),
    Column("score", Double, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("landmarks", Checksummed),  # 10 little-endian float32
    Column("sharpness", Double),
    Column("yaw", Double),
    Column("pitch", Double),
    Column("roll", Double),
    Column("quality", Double),
    Column("person", Id, ForeignKey("people.id", ondelete="SET NULL")),
    Column("assigned", String(16)),  # how the person was assigned: 'hand', 'label', 'group'
    UniqueConstraint("photo", "number"),
    Index("ix_faces_person", "person"),
    Index("ix_faces_best", "person", "quality"),
    sqlite_autoincrement=True,
)

vectors = Table(
    "vectors",
    metadata,
    Column("face", Id, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("vector", Vector, nullable=False),
)

remade = Table(
    "remade",
    metadata,
    Column("face", Id, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("vector", Vector, nullable=False),
)

chips = Table(
    "chips",
    metadata,
    Column("face", Id, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("jpeg", Checksummed, nullable=False),
    Column("x1", Integer, nullable=False),
    Column("y1", Integer, nullable=False),
    Column("x2", Integer, nullable=False),
    Column("y2", Integer, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("verb", String(32), nullable=False),
    Column("undone", Double),  # when it was undone
    sqlite_autoincrement=True,
)

changes = Table(
    "changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entry", Id, ForeignKey("journal.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("face", Id, index=True),  # no foreign keys: changes outlive deleted rows, until `forget`
    Column("person", Id, index=True),
    Column("field", String(16), nullable=False),  # of a face: 'person'; of a person: 'name', 'hidden', 'exists'
    Column("before", Text),
    Column("after", Text),
    sqlite_autoincrement=True,
)

reviews = Table(
    "reviews",
    metadata,
    Column("face", Id, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("person", Id, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("distance", Double, nullable=False),
    Index("ix_reviews_person", "person"),
    Index("ix_reviews_distance", "distance", "face", "person"),
)

never = Table(
    "never",
    metadata,
    Column("face", Id, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("person", Id, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Index("ix_never_person", "person"),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("digest", Bytes, primary_key=True),  # HMAC-SHA256 of the photograph's sha256 under the gallery's own key
)

keys = Table(
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(8), nullable=False),  # 'read', 'write', 'admin'
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the secret, which has 256 random bits
    Column("created", Double, nullable=False),
    Column("revoked", Double),  # when it was revoked
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("message", Text, nullable=False),
    Column("result", Text),  # JSON
    Column("problem", Text),
    sqlite_autoincrement=True,
)

Word = String(64).with_variant(String(64, collation="C"), "postgresql")  # sorted by bytes on both

face_ids = Table(
    "face_ids",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", Word, nullable=False, unique=True),
    Column("recognition", String(16), nullable=False),  # 'recognition_01' and so on; models are never compared
    Column("vector", Vector, nullable=False),
    Column("expires", Double, nullable=False, index=True),  # seconds since 1970
)

containers = Table(
    "containers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(24), nullable=False),  # as in the URL: 'facelists', 'persongroups' and so on
    Column("word", Word, nullable=False),  # the client's id for it in the URL
    Column("name", Text, nullable=False),
    Column("data", Text),  # the client's userData
    Column("recognition", String(16)),  # NULL: for persons of the directory, who may have faces of each model
    Column("created", Double, nullable=False),
    Column("trained", Double),  # NULL: never
    Column("trained_to", BigInteger),  # the last face included
    UniqueConstraint("kind", "word"),
    sqlite_autoincrement=True,
)

container_people = Table(
    "container_people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", Word, nullable=False, unique=True),
    Column("container", Id, ForeignKey("containers.id", ondelete="CASCADE"), index=True),  # NULL: in the directory
    Column("name", Text, nullable=False),
    Column("data", Text),
    sqlite_autoincrement=True,
)

container_faces = Table(
    "container_faces",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", Word, nullable=False, unique=True),
    Column("container", Id, ForeignKey("containers.id", ondelete="CASCADE"), index=True),
    Column("person", Id, ForeignKey("container_people.id", ondelete="CASCADE"), index=True),
    Column("recognition", String(16), nullable=False),
    Column("data", Text),
    Column("vector", Vector, nullable=False),
    sqlite_autoincrement=True,  # `trained_to` needs ids that only increase
)

group_members = Table(
    "group_members",
    metadata,
    Column("container", Id, ForeignKey("containers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("person", Id, ForeignKey("container_people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Index("ix_group_members_person", "person"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", Word, nullable=False, unique=True),
    Column("created", Double, nullable=False, index=True),
)
