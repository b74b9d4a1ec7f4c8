"""Tables of every version: new ones are as `schema` says, older ones are brought up to date, newer ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tests.fakes import CARD
from tests.gallery import made

import nitakao.gallery
from nitakao.errors import GalleryError
from nitakao.gallery import GalleryStore, faces, migrate, schema

MIGRATIONS = Path(nitakao.gallery.__file__).with_name("migrations")

NEXT = """
from alembic import op
import sqlalchemy as sa
revision = "{new}"
down_revision = "{old}"
branch_labels = None
depends_on = None

def upgrade():
    with op.batch_alter_table("faces") as table:
        table.add_column(sa.Column("smile", sa.Double()))
"""


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


def test_the_newest_version_is_the_one_that_is_looked_for() -> None:
    assert scripts().get_current_head() == migrate.HEAD


def test_versions_sort_as_they_follow_each_other() -> None:
    versions = [script.revision for script in scripts().walk_revisions()]
    assert versions == sorted(versions, reverse=True)


def test_the_migrations_make_the_tables_of_the_schema(gallery: GalleryStore) -> None:
    with gallery.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_tables_of_a_newer_nitakao_are_refused(place: str) -> None:
    with GalleryStore(place, card=CARD) as gallery, gallery.write("test") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for card in (None, CARD):
        with pytest.raises(GalleryError, match=r"newer nitakao \(version 9999 of its tables.*update nitakao"):
            GalleryStore(place, card=card)


def test_an_older_gallery_is_brought_up_to_date_and_keeps_everything(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with GalleryStore(place, card=CARD) as gallery:
        numbers = made.photograph(gallery, "a.jpg", "ada", "bob")
        vectors = faces.vectors(gallery, numbers)
    _next_version(monkeypatch, tmp_path / "migrations")
    with GalleryStore(place) as gallery:
        with gallery.read() as connection:
            assert migrate.version(connection) == "9000"
            assert connection.execute(text("SELECT smile FROM faces")).scalars().all() == [None, None]
        assert (faces.vectors(gallery, numbers) == vectors).all()
        assert sorted(faces.chips(gallery, numbers)) == numbers
        assert made.photograph(gallery, "b.jpg", "cid") == [3]


def test_an_upgrade_that_fails_changes_nothing(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with GalleryStore(place, card=CARD) as gallery:
        numbers = made.photograph(gallery, "a.jpg", "ada")
    with monkeypatch.context() as patch:
        _next_version(patch, tmp_path / "migrations", NEXT + "    op.execute('SELECT nonsense')\n")
        with pytest.raises(GalleryError, match="nonsense"):
            GalleryStore(place)
    with GalleryStore(place) as gallery:
        assert sorted(faces.records(gallery, numbers)) == numbers
        with gallery.read() as connection:
            assert migrate.version(connection) == migrate.HEAD


def _next_version(patch: pytest.MonkeyPatch, folder: Path, script: str = NEXT) -> None:
    """What a newer nitakao would bring."""
    (folder / "versions").mkdir(parents=True)
    for path in [MIGRATIONS / "env.py", *(MIGRATIONS / "versions").glob("*.py")]:
        (folder / path.relative_to(MIGRATIONS)).write_text(path.read_text("utf-8"), "utf-8")
    (folder / "versions" / "9000_next.py").write_text(script.format(new="9000", old=migrate.HEAD), "utf-8")
    patch.setattr(migrate, "__file__", str(folder.parent / "migrate.py"))
    patch.setattr(migrate, "HEAD", "9000")


def test_a_number_is_never_given_twice(gallery: GalleryStore) -> None:
    first, second = made.photograph(gallery, "a.jpg", "ada", "bob")
    with gallery.write("gone") as connection:
        connection.execute(schema.faces.delete().where(schema.faces.c.id == second))
    assert made.photograph(gallery, "b.jpg", "cid") == [second + 1]
    assert first in faces.records(gallery, [first])
