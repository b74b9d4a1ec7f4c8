"""A gallery in PostgreSQL: addresses, secrets, what a server complains of."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sqlalchemy import text
from tests.fakes import CARD
from tests.gallery import made
from tests.gallery.postgres_server import PASSWORD, Server

from nitakao.errors import GalleryBusyError, GalleryError, MissingExtraError, MisuseError
from nitakao.gallery import GalleryStore, faces, migrate, schema
from nitakao.gallery.backends import postgres as postgres_backend
from nitakao.gallery.maintenance import info


def test_every_way_to_write_the_address_opens_it(database: str) -> None:
    GalleryStore(database, card=CARD).close()
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        with GalleryStore(database.replace("postgresql", scheme, 1)) as gallery:
            assert gallery.model == "fake"
            assert gallery.location.startswith("postgresql://")


def test_a_password_is_never_shown(postgres: Server, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = postgres.name(database)
    GalleryStore(database, card=CARD).close()
    wrong = postgres.address(name, "guarded", "not it")
    with pytest.raises(GalleryError, match="password authentication failed") as refused:
        GalleryStore(wrong)
    right = postgres.address(name, "guarded", PASSWORD)
    with pytest.raises(GalleryError) as forbidden:
        GalleryStore(right)
    for said in (str(refused.value), str(forbidden.value), repr(refused.value.__cause__)):
        assert "not it" not in said
        assert "not%20it" not in said
        assert PASSWORD not in said
    postgres.run("GRANT ALL ON ALL TABLES IN SCHEMA public TO guarded", database=name)
    for address in (right, f"{postgres.address(name, 'guarded')}&password={PASSWORD.replace(' ', '%20')}"):
        with GalleryStore(address) as gallery:
            for said in (repr(gallery), gallery.location, str(info.info(gallery))):
                assert "sesame" not in said
            assert gallery.location.startswith("postgresql://guarded@")


@pytest.mark.parametrize("address", ["postgresql://u:se@cret@host:x/y", "postgresql://u:secret@host:12345678/y"])
def test_an_address_that_cannot_be_read_is_not_repeated(address: str) -> None:
    with pytest.raises((MisuseError, GalleryError)) as refused:
        GalleryStore(address)
    assert "cret" not in str(refused.value)


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(GalleryError, match=r"'postgresql://u@127.0.0.1:1/x' cannot be reached: .*refused"):
        GalleryStore("postgresql://u:secret@127.0.0.1:1/x", card=CARD)


def test_a_database_or_a_user_that_is_not_there_is_said(postgres: Server) -> None:
    with pytest.raises(GalleryError, match=r'cannot be reached: .*"nowhere" does not exist'):
        GalleryStore(postgres.address("nowhere"), card=CARD)
    with pytest.raises(GalleryError, match='"nobody" does not exist'):
        GalleryStore(postgres.address("ready", "nobody"), card=CARD)


def test_an_empty_database_is_no_gallery_yet(database: str) -> None:
    with pytest.raises(GalleryError, match=r"there is no gallery 'postgresql:.*' yet"):
        GalleryStore(database)


def test_another_programs_tables_are_left_alone(postgres: Server, database: str) -> None:
    postgres.run("CREATE TABLE people (name text)", database=postgres.name(database))
    with pytest.raises(GalleryError, match=r"holds another program's tables \(people\)"):
        GalleryStore(database, card=CARD)


def test_who_may_not_add_pgvector_is_told_what_to_have_done(postgres: Server) -> None:
    address = postgres.new("template1")
    try:
        guarded = postgres.address(postgres.name(address), "guarded", PASSWORD)
        with pytest.raises(GalleryError, match=r"may not add pgvector .* CREATE EXTENSION vector"):
            GalleryStore(guarded, card=CARD)
        with GalleryStore(address, card=CARD) as gallery:  # who may, does
            assert gallery.dimension == CARD.dimension
    finally:
        postgres.drop(address)


def test_without_the_extra_the_pip_line_is_given(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pgvector.psycopg", None)
    with pytest.raises(MissingExtraError, match=r'pip install "nitakao\[postgres\]"'):
        GalleryStore(database)


def test_two_schemas_are_two_galleries(postgres: Server, database: str) -> None:
    postgres.run("CREATE SCHEMA one", "CREATE SCHEMA two", database=postgres.name(database))
    first, second = (f"{database}&options=-csearch_path%3D{name}%2Cpublic" for name in ("one", "two"))
    with GalleryStore(first, card=CARD) as one, GalleryStore(second, card=CARD, wait=0.1) as two:
        made.photograph(one, "a.jpg", "ada")
        assert faces.count(one) == 1
        assert faces.count(two) == 0
        with one.write("index"), two.write("index"):  # neither holds the other up
            pass
        assert one.id != two.id


def test_a_second_writer_is_told_who_holds_the_gallery(database: str) -> None:
    with GalleryStore(database, card=CARD) as first, GalleryStore(database, wait=0.1) as second:
        with (
            first.write("index"),
            pytest.raises(GalleryBusyError, match=r"locked by process \d+ on .* \(index, since"),
            second.write("name"),
        ):
            pass
        with second.write("name"):
            pass


def test_a_connection_that_the_server_ended_is_said_and_the_next_one_works(database: str) -> None:
    with GalleryStore(database, card=CARD) as gallery:
        kept = made.photograph(gallery, "a.jpg", "ada")
        with pytest.raises(GalleryError, match="was lost"):
            _write_and_lose(gallery)
        assert list(faces.records(gallery, kept)) == kept
        assert gallery.setting("x") is None


def _write_and_lose(gallery: GalleryStore) -> None:
    """Write, and have the server end the connection before that is kept."""
    with gallery.write("index") as connection:
        connection.execute(text("INSERT INTO settings VALUES ('x', 'y')"))
        process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with gallery.read() as other:
            other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})


def test_what_was_acknowledged_outlives_a_server_that_crashes() -> None:
    server = None
    try:
        server = Server()
        address = server.new()
        with GalleryStore(address, card=CARD) as gallery:
            kept = made.photograph(gallery, "a.jpg", "ada", "bob")
            server.stop()
            with pytest.raises(GalleryError, match=r"cannot be reached|was lost"):
                faces.count(gallery)
            server.start()
            assert sorted(faces.records(gallery, kept)) == kept
    finally:
        if server is not None:
            server.close()


def test_a_reader_sees_one_moment_whatever_is_written(gallery: GalleryStore) -> None:
    made.photograph(gallery, "a.jpg", "ada")
    with gallery.read() as connection:
        before = connection.execute(text("SELECT count(*) FROM faces")).scalar()
        made.photograph(gallery, "b.jpg", "ada", "bob")
        assert connection.execute(text("SELECT count(*) FROM faces")).scalar() == before
    assert faces.count(gallery) == 3


def test_vectors_come_back_bit_for_bit(gallery: GalleryStore) -> None:
    odd = np.array([0.1, -1e-38, 3.4e38, 1 / 3] * 4, np.float32)
    (number,) = made.photograph(gallery, "a.jpg", "ada")
    with gallery.write("odd") as connection:
        connection.execute(schema.vectors.update().values(vector=odd))
    assert faces.vectors(gallery, [number])[0].tobytes() == odd.tobytes()


def test_a_gallery_of_an_older_pgvector_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_backend, "OLDEST_PGVECTOR", (99, 0))
    with pytest.raises(GalleryError, match=r"has pgvector \d.*ALTER EXTENSION vector UPDATE"):
        GalleryStore(database, card=CARD)


def test_the_version_is_read_once_tables_are_there(gallery: GalleryStore) -> None:
    with gallery.read() as connection:
        assert migrate.version(connection) == migrate.HEAD
