"""Tables of Microsoft's Face API: face ids, containers, their people and faces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nitakao.gallery import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORD = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "face_ids",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", WORD, nullable=False),
        sa.Column("recognition", sa.String(length=16), nullable=False),
        sa.Column("vector", columns.Vector(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name=op.f("uq_face_ids_uuid")),
    )
    op.create_index(op.f("ix_face_ids_expires"), "face_ids", ["expires"], unique=False)
    op.create_table(
        "containers",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("word", WORD, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.Text()),
        sa.Column("recognition", sa.String(length=16)),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("trained", sa.Double()),
        sa.Column("trained_to", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "word", name=op.f("uq_containers_kind")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "container_people",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", WORD, nullable=False),
        sa.Column("container", ID),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.Text()),
        sa.ForeignKeyConstraint(
            ["container"], ["containers.id"], name=op.f("fk_container_people_container"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name=op.f("uq_container_people_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_container_people_container"), "container_people", ["container"], unique=False)
    op.create_table(
        "container_faces",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", WORD, nullable=False),
        sa.Column("container", ID),
        sa.Column("person", ID),
        sa.Column("recognition", sa.String(length=16), nullable=False),
        sa.Column("data", sa.Text()),
        sa.Column("vector", columns.Vector(), nullable=False),
        sa.ForeignKeyConstraint(
            ["container"], ["containers.id"], name=op.f("fk_container_faces_container"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person"], ["container_people.id"], name=op.f("fk_container_faces_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name=op.f("uq_container_faces_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_container_faces_container"), "container_faces", ["container"], unique=False)
    op.create_index(op.f("ix_container_faces_person"), "container_faces", ["person"], unique=False)
    op.create_table(
        "group_members",
        sa.Column("container", ID, nullable=False, autoincrement=False),
        sa.Column("person", ID, nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(
            ["container"], ["containers.id"], name=op.f("fk_group_members_container"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person"], ["container_people.id"], name=op.f("fk_group_members_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("container", "person"),
    )
    op.create_index("ix_group_members_person", "group_members", ["person"], unique=False)
    op.create_table(
        "operations",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", WORD, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name=op.f("uq_operations_uuid")),
    )
    op.create_index(op.f("ix_operations_created"), "operations", ["created"], unique=False)
