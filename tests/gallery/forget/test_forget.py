"""Real forgetting, shown by searching the bytes of everything that the gallery wrote."""

from __future__ import annotations

import hmac
import sqlite3
import time

import pytest
from sqlalchemy import func, select, text
from tests.fakes import CARD
from tests.gallery import made

from nitakao.errors import GalleryError, MisuseError
from nitakao.gallery import GalleryStore, faces, people, schema
from nitakao.gallery.forget import forget, tombstones
from nitakao.gallery.forget.forget import ForgetRequest
from nitakao.gallery.people import corrections, journal, reviews, undo
from nitakao.gallery.search.open import searcher
from nitakao.values import FaceFilter

NAME = "Frau Ünverwechselbar"
PIECE = 16  # bytes: a quarter of a vector is too much already


def pieces(data):
    """The 16-byte pieces of data, every one that a part of it would be known by."""
    return [data[start : start + PIECE] for start in range(0, len(data) - PIECE + 1, PIECE)]


def traces(gallery, numbers, *more):
    """What no file may hold afterwards: these faces' vectors and chips, piece by piece, and what else is given."""
    found = [piece for row in faces.vectors(gallery, numbers) for piece in pieces(row.astype("<f4").tobytes())]
    for chip in faces.chips(gallery, numbers).values():
        found += pieces(chip.jpeg[700:])  # the tables before that are the same in every JPEG
    return [*found, *(one.encode() for one in more)]


def left(folder, wanted):
    """Of the pieces wanted those that some file below the folder holds."""
    held = b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return [piece for piece in wanted if piece in held]


def crowd(gallery, count=120):
    """A gallery in which rows have moved between pages: photographs of many, taken out here and there."""
    for number in range(count):
        made.photograph(gallery, f"crowd/{number}.jpg", f"other {number}", "ada" if number % 3 == 0 else "bob")
    with gallery.write("made") as connection:
        connection.execute(schema.photos.delete().where(schema.photos.c.id % 7 == 0))


def counts(gallery):
    tables = (schema.photos, schema.files, schema.faces, schema.vectors, schema.chips, schema.people)
    with gallery.read() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def past(gallery):
    """The number of a person with a past: faces in many photographs, merged with another, renamed, moved, in doubt."""
    crowd(gallery)
    mine = [made.photograph(gallery, f"hers/{number}.jpg", "ada", "bob") for number in range(20)]
    number = made.person(gallery, NAME, *(pair[0] for pair in mine[:10]))
    other = made.person(gallery, "Mädchenname", *(pair[0] for pair in mine[10:]))
    corrections.name_person(gallery, number, "Spitzname")
    corrections.merge(gallery, number, [other])
    corrections.name_person(gallery, number, NAME)
    corrections.move(gallery, [mine[3][1]], number)
    corrections.move(gallery, [mine[3][1]], None)
    with gallery.write("cluster") as connection:
        reviews.replace_suggestions(connection, [(mine[4][1], number, 0.9)])
    return number


def checkpoint(gallery):
    """Everything that PostgreSQL holds in memory is in its files."""
    with gallery.backend.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))  # so that there are statistics, which hold sample values
        connection.execute(text("CHECKPOINT"))


def test_of_a_person_no_row_is_left(gallery):
    ada = past(gallery)
    photos, files, all_faces, _, _, persons = counts(gallery)
    receipt = forget.forget(gallery, ForgetRequest(persons=(NAME,)))
    assert counts(gallery) == [photos, files, all_faces - 20, all_faces - 20, all_faces - 20, persons - 1]
    assert (receipt.what, receipt.persons, receipt.faces, receipt.chips) == (f"person #{ada}", 1, 20, 20)
    assert faces.count(gallery, FaceFilter(people=(ada,))) == 0
    for number in (NAME, f"#{ada}"):
        with pytest.raises(MisuseError, match="there is no person"):
            people.find_person(gallery, number)
    with gallery.read() as connection:
        for table in (schema.reviews, schema.never, schema.changes, schema.journal):
            assert connection.execute(select(table)).all() == [], table.name
    with pytest.raises(MisuseError, match="nothing to undo"):
        undo.undo(gallery)


def test_of_a_person_no_byte_is_left_in_sqlite(tmp_path):
    with GalleryStore(tmp_path / "family.db", card=CARD) as gallery:
        number = past(gallery)
        wanted = traces(gallery, faces.ids(gallery, FaceFilter(people=(number,))), NAME, "Mädchenname", "Spitzname")
        assert len(left(tmp_path, wanted)) == len(wanted) > 1000
        searcher(gallery).rebuild()
        assert left(tmp_path / "family.db-index", wanted)
        receipt = forget.forget(gallery, ForgetRequest(persons=(number,)))
        assert receipt.complete
        assert left(tmp_path, wanted) == []
    assert left(tmp_path, wanted) == []
    connection = sqlite3.connect(tmp_path / "family.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_of_a_person_no_byte_is_left_in_postgresqls_tables(database, postgres):
    folder = postgres.folder / "data" / "base"
    with GalleryStore(database, card=CARD) as gallery:
        number = past(gallery)
        checkpoint(gallery)
        wanted = traces(gallery, faces.ids(gallery, FaceFilter(people=(number,))), NAME, "Mädchenname", "Spitzname")
        assert len(left(folder, wanted)) > len(wanted) * 0.9  # chips are stored in chunks, which part some pieces
        receipt = forget.forget(gallery, ForgetRequest(persons=(number,)))
        checkpoint(gallery)
        assert left(folder, wanted) == []
    assert receipt.complete
    assert any("pg_wal" in phrase for phrase in receipt.left)


def test_of_a_photograph_nothing_is_left_not_even_its_path(tmp_path):
    with GalleryStore(tmp_path / "family.db", card=CARD) as gallery:
        crowd(gallery)
        path = "privat/Überraschung 😀.jpg"
        mine = made.photograph(gallery, path, "ada", "bob")
        made.person(gallery, None, mine[0])
        made.person(gallery, "Bob", mine[1])
        wanted = traces(gallery, mine, path, made.sha256(path))
        assert len(left(tmp_path, wanted)) == len(wanted)
        receipt = forget.forget(gallery, ForgetRequest(photos=(path,)))
        assert (receipt.faces, receipt.photos, receipt.files, receipt.persons) == (2, 1, 1, 1)
        assert left(tmp_path, wanted) == []
        assert [person.name for person in people.people(gallery)] == ["Bob"]


def test_of_a_face_nothing_is_left_and_its_neighbour_stays(gallery, tmp_path):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    made.person(gallery, "Ada", one)
    wanted = traces(gallery, [one])
    receipt = forget.forget(gallery, ForgetRequest(faces=(one,)))
    assert (receipt.faces, receipt.photos, receipt.persons, receipt.complete) == (1, 0, 0, True)
    assert list(faces.records(gallery, [one, two])) == [two]
    assert left(tmp_path, wanted) == []
    assert any("index --rescan" in phrase for phrase in receipt.left)


@pytest.mark.parametrize("named", ["path", "absolute", "sha256", "number", "digits"])
def test_a_photograph_is_meant_by_path_content_or_number(gallery, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "a.jpg")
    made.photograph(gallery, path, "ada")
    made.photograph(gallery, "other.jpg", "ada")
    meant: str | int = {"path": "a.jpg", "absolute": path, "sha256": made.sha256(path).upper(), "digits": "1"}.get(
        named, 1
    )
    assert forget.forget(gallery, ForgetRequest(photos=(meant,))).photos == 1
    assert counts(gallery)[:3] == [1, 1, 1]


def test_a_photograph_goes_with_all_paths_where_it_lies(gallery):
    made.photograph(gallery, "a.jpg", "ada")
    with gallery.write("made") as connection:
        row = {"path": "copy.jpg", "size": 1, "mtime_ns": 1, "photo": 1, "problem": ""}
        connection.execute(schema.files.insert(), [row, {**row, "path": "bad.jpg", "photo": None, "problem": "bad"}])
    assert forget.forget(gallery, ForgetRequest(photos=("copy.jpg",))).files == 2
    receipt = forget.forget(gallery, ForgetRequest(photos=("bad.jpg",)))
    assert (receipt.what, receipt.files, receipt.photos) == ("a file that could not be read", 1, 0)
    assert counts(gallery)[:3] == [0, 0, 0]


@pytest.mark.parametrize(
    ("meant", "said"),
    [
        (ForgetRequest(), "give a person, photograph or face"),
        (ForgetRequest(persons=("Ada", "Nobody")), "there is no person 'Nobody'"),
        (ForgetRequest(persons=("Ada",), faces=(99,)), "no face 99"),
        (ForgetRequest(faces=(1,), photos=("none.jpg",)), "no photograph 'none.jpg'"),
        (ForgetRequest(photos=("9" * 40,)), "no photograph '9"),
    ],
)
def test_where_one_is_not_there_nothing_is_forgotten(gallery, meant, said):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    made.person(gallery, "Ada", face)
    before = counts(gallery)
    for step in (forget.forget, forget.preview):
        with pytest.raises(MisuseError, match=said):
            step(gallery, meant)
    assert counts(gallery) == before


def test_what_would_go_is_told_in_words(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    made.person(gallery, "Ada", one)
    assert forget.preview(gallery, ForgetRequest(persons=("Ada",))) == "1 person, 1 face and 0 photographs"
    assert (
        forget.preview(gallery, ForgetRequest(photos=("a.jpg",), faces=(two,))) == "0 persons, 2 faces and 1 photograph"
    )


def test_a_tombstone_is_a_keyed_hash_and_nothing_else(gallery):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    sha = made.sha256("a.jpg")
    made.person(gallery, "Ada", face)
    assert forget.forget(gallery, ForgetRequest(persons=("Ada",), tombstone=True)).tombstones == 1
    receipt = forget.forget(gallery, ForgetRequest(photos=("a.jpg",), tombstone=True))
    assert (receipt.tombstones, receipt.photos) == (0, 1)
    with gallery.read() as connection:
        rows = connection.execute(select(schema.tombstones)).all()
        assert [bytes(*row) for row in rows] == [hmac.digest(gallery.key, sha.encode(), "sha256")]
        assert tombstones.tombstoned(connection, gallery.key, [sha, "0" * 64]) == {sha}
    assert not any("index --rescan" in phrase for phrase in receipt.left)


def test_the_journal_keeps_what_was_done_to_others(gallery):
    one, two, three = made.photograph(gallery, "a.jpg", "ada", "bob", "cleo")
    made.person(gallery, "Ada", one)
    split = corrections.split(gallery, [one, two])
    corrections.name_face(gallery, three, "Cleo")
    forget.forget(gallery, ForgetRequest(persons=("Ada",), faces=(one,)))
    assert [entry.verb for entry in journal.entries(gallery)] == ["name", "split"]
    assert "Ada" not in str(journal.entries(gallery))
    undo.undo(gallery, split.entry)
    assert faces.records(gallery, [two])[two].person_id is None


def test_a_name_is_forgotten_wherever_the_journal_has_it(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    corrections.name_face(gallery, two, NAME)
    corrections.name_face(gallery, two, "Bob")
    corrections.name_face(gallery, one, NAME)
    forget.forget(gallery, ForgetRequest(persons=(NAME,)))
    with gallery.read() as connection:
        assert NAME not in str(connection.execute(select(schema.changes)).all())
    assert [person.name for person in people.people(gallery)] == ["Bob"]


def test_an_undone_merge_does_not_take_the_other_person_along(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    made.person(gallery, "Ada", one)
    made.person(gallery, "Bob", two)
    corrections.merge(gallery, "Ada", ["Bob"])
    undo.undo(gallery)
    forget.forget(gallery, ForgetRequest(persons=("Ada",)))
    assert [(person.name, person.faces) for person in people.people(gallery)] == [("Bob", 1)]


def test_paths_with_the_name_in_them_are_counted_on_the_receipt(gallery):
    (face,) = made.photograph(gallery, "photos/ADA/a.jpg", "ada")
    made.person(gallery, "Ada", face)
    receipt = forget.forget(gallery, ForgetRequest(persons=("Ada",)))
    assert "paths of photographs: 1 contain the name" in receipt.left[0]
    assert not receipt.complete
    assert "Ada" not in receipt.what


def test_backups_and_classifiers_beside_the_gallery_are_named(tmp_path):
    for name in ("backup.db", "family.db"):
        with GalleryStore(tmp_path / name, card=CARD) as gallery:
            made.person(gallery, "Ada", *made.photograph(gallery, "a.jpg", "ada"))
    (tmp_path / "friends.skops").write_bytes(b"PK")
    (tmp_path / "notes.txt").write_text("nothing")
    with GalleryStore(tmp_path / "family.db") as gallery:
        receipt = forget.forget(gallery, ForgetRequest(persons=("Ada",)))
    named = [phrase for phrase in receipt.left if str(tmp_path) in phrase]
    assert [phrase.split("'")[1] for phrase in named] == [str(tmp_path / "friends.skops"), str(tmp_path / "backup.db")]


def test_a_reader_of_an_older_state_is_waited_for_then_named(place):
    with GalleryStore(place, card=CARD) as gallery:
        made.person(gallery, "Ada", *made.photograph(gallery, "a.jpg", "ada"))
        made.photograph(gallery, "b.jpg", "ada")
    with GalleryStore(place, wait=0.3) as gallery, GalleryStore(place) as other:
        with other.read() as connection:
            assert len(connection.execute(select(schema.people)).all()) == 1
            receipt = forget.forget(gallery, ForgetRequest(persons=("Ada",)))
            assert len(connection.execute(select(schema.people)).all()) == 1
        assert not receipt.complete
        assert any("older state" in phrase and "gallery compact" in phrase for phrase in receipt.left)
        assert forget.forget(gallery, ForgetRequest(photos=("b.jpg",))).complete


def test_an_index_that_cannot_be_removed_is_named(gallery, monkeypatch):
    def refuse():
        raise GalleryError("somebody is making it")

    made.photograph(gallery, "a.jpg", "ada", "bob")
    monkeypatch.setattr(searcher(gallery), "forget", refuse)
    receipt = forget.forget(gallery, ForgetRequest(faces=(1,)))
    assert (receipt.complete, receipt.left[0]) == (False, "the search index: somebody is making it")


def test_a_search_afterwards_finds_the_others_only(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "ada")
    (probe,) = faces.vectors(gallery, [one])
    assert {int(face) for face in searcher(gallery).search(probe[None], 2)[0][0]} == {one, two}
    forget.forget(gallery, ForgetRequest(faces=(one,)))
    assert [int(face) for face in searcher(gallery).search(probe[None], 1)[0][0]] == [two]


def test_the_receipt_tells_when(gallery):
    made.photograph(gallery, "a.jpg", "ada")
    assert abs(forget.forget(gallery, ForgetRequest(faces=(1,))).at - time.time()) < 60
