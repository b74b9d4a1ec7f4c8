"""The first tables, as they were: what changes later is a migration of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nitakao.gallery import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("undone", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "people",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name=op.f("uq_people_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "photos",
        sa.Column("id", ID, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("video", sa.Boolean(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Double()),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("indexed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256", name=op.f("uq_photos_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "tombstones", sa.Column("digest", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("digest")
    )
    op.create_table(
        "changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("entry", ID, nullable=False),
        sa.Column("face", ID),
        sa.Column("person", ID),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.ForeignKeyConstraint(["entry"], ["journal.id"], name=op.f("fk_changes_entry"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_changes_entry"), "changes", ["entry"], unique=False)
    op.create_index(op.f("ix_changes_face"), "changes", ["face"], unique=False)
    op.create_index(op.f("ix_changes_person"), "changes", ["person"], unique=False)
    op.create_table(
        "faces",
        sa.Column("id", ID, nullable=False),
        sa.Column("photo", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double()),
        sa.Column("x1", sa.Double(), nullable=False),
        sa.Column("y1", sa.Double(), nullable=False),
        sa.Column("x2", sa.Double(), nullable=False),
        sa.Column("y2", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("landmarks", columns.Checksummed()),
        sa.Column("sharpness", sa.Double()),
        sa.Column("yaw", sa.Double()),
        sa.Column("pitch", sa.Double()),
        sa.Column("roll", sa.Double()),
        sa.Column("quality", sa.Double()),
        sa.Column("person", ID),
        sa.Column("assigned", sa.String(length=16)),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_faces_person"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["photo"], ["photos.id"], name=op.f("fk_faces_photo"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("photo", "number", name=op.f("uq_faces_photo")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_faces_person", "faces", ["person"], unique=False)
    op.create_table(
        "files",
        sa.Column("id", ID, nullable=False),
        sa.Column("path", columns.PathBytes(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("photo", ID),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["photo"], ["photos.id"], name=op.f("fk_files_photo"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("path", name=op.f("uq_files_path")),
    )
    op.create_index(op.f("ix_files_photo"), "files", ["photo"], unique=False)
    op.create_table(
        "chips",
        sa.Column("face", ID, nullable=False, autoincrement=False),
        sa.Column("jpeg", columns.Checksummed(), nullable=False),
        sa.Column("x1", sa.Integer(), nullable=False),
        sa.Column("y1", sa.Integer(), nullable=False),
        sa.Column("x2", sa.Integer(), nullable=False),
        sa.Column("y2", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["face"], ["faces.id"], name=op.f("fk_chips_face"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face"),
    )
    op.create_table(
        "never",
        sa.Column("face", ID, nullable=False, autoincrement=False),
        sa.Column("person", ID, nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["face"], ["faces.id"], name=op.f("fk_never_face"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_never_person"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face", "person"),
    )
    op.create_index("ix_never_person", "never", ["person"], unique=False)
    op.create_table(
        "remade",
        sa.Column("face", ID, nullable=False, autoincrement=False),
        sa.Column("vector", columns.Vector(), nullable=False),
        sa.ForeignKeyConstraint(["face"], ["faces.id"], name=op.f("fk_remade_face"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face"),
    )
    op.create_table(
        "reviews",
        sa.Column("face", ID, nullable=False, autoincrement=False),
        sa.Column("person", ID, nullable=False, autoincrement=False),
        sa.Column("distance", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["face"], ["faces.id"], name=op.f("fk_reviews_face"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_reviews_person"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face", "person"),
    )
    op.create_index("ix_reviews_person", "reviews", ["person"], unique=False)
    op.create_table(
        "vectors",
        sa.Column("face", ID, nullable=False, autoincrement=False),
        sa.Column("vector", columns.Vector(), nullable=False),
        sa.ForeignKeyConstraint(["face"], ["faces.id"], name=op.f("fk_vectors_face"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face"),
    )
