"""What a gallery is, whether it is whole, copies of it, and its room."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, insert, text, update
from tests.fakes import CARD
from tests.gallery import made

from nitakao.errors import GalleryError
from nitakao.gallery import GalleryStore, faces, migrate, people, schema
from nitakao.gallery.maintenance import backup, check, compact, info, repair
from nitakao.gallery.search.open import searcher


def failed(gallery: GalleryStore) -> dict[str, str]:
    return {check.name: check.detail for check in check.check(gallery) if not check.ok}


@pytest.fixture
def family(gallery: GalleryStore) -> GalleryStore:
    """Five faces in three photographs, two people, one of them named, and a photograph without a face."""
    ada, bob = made.photograph(gallery, "beach.jpg", "ada", "bob")
    made.photograph(gallery, "party.jpg", "ada", "bob")
    made.photograph(gallery, "ship.jpg", "cid")
    made.photograph(gallery, "sea.jpg")
    made.person(gallery, "Ada", ada)
    made.person(gallery, None, bob)
    return gallery


def test_info_counts_what_there_is(family: GalleryStore) -> None:
    about = info.info(family)
    assert (about.faces, about.photos, about.files, about.problems) == (5, 4, 4, 1)
    assert (about.people, about.named, about.to_review) == (2, 1, 0)
    assert (about.model, about.dimension, about.metric, about.flip) == ("fake", 16, "euclidean", False)
    assert about.tables == migrate.HEAD
    assert about.size + about.log > about.chips > 5 * 100
    assert about.created is not None
    assert about.created > 1e9
    assert about.kind.startswith(("SQLite 3", "PostgreSQL 1"))
    assert about.location == family.location


def test_a_whole_gallery_passes_every_check(family: GalleryStore) -> None:
    checks = list(check.check(family))
    assert [check.name for check in checks if not check.ok] == []
    assert {"structure", "vectors", "chips", "references", "search index"} <= {check.name for check in checks}
    assert next(check for check in checks if check.name == "vectors").detail == "5 rows read"


def test_an_empty_gallery_passes_every_check(gallery: GalleryStore) -> None:
    assert failed(gallery) == {}


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        (insert(schema.vectors).values(face=3, vector=np.ones(7, np.float32)), "vectors", "7 numbers, not 16"),
        (insert(schema.vectors).values(face=3, vector=np.zeros(16, np.float32)), "vectors", "nothing but zeros"),
        (update(schema.chips).values(jpeg=b"GIF89a"), "chips", "no JPEG"),
        (update(schema.chips).values(x2=-5), "chips", "shows nothing"),
        (update(schema.faces).values(x2=-1e9), "faces", "has the box"),
        (update(schema.faces).values(landmarks=b"\0" * 12), "faces", "landmarks that are none"),
        (update(schema.photos).where(schema.photos.c.id == 1).values(sha256="Z"), "photos", "the sha256 'Z'"),
        (delete(schema.vectors), "faces with a vector", "5 have none"),
    ],
)
def test_check_says_which_row_is_wrong(family: GalleryStore, change, where: str, said: str) -> None:
    with family.write("wrong") as connection:
        if change.is_insert:
            connection.execute(delete(schema.vectors).where(schema.vectors.c.face == 3))
        connection.execute(change)
    assert said in failed(family)[where]


def test_a_backup_is_a_gallery_that_holds_the_same(family: GalleryStore, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    done = backup.backup(family, tmp_path / "copy.db", lambda done, total: told.append((done, total)))
    assert done.faces == 5
    assert done.bytes == done.path.stat().st_size
    assert told[-1][0] == told[-1][1] > 0
    with GalleryStore(done.path, card=CARD) as copy:
        assert failed(copy) == {}
        assert [kept.path for kept in faces.stream(copy)] == [kept.path for kept in faces.stream(family)]
        numbers = [kept.id for kept in faces.stream(family)]
        assert faces.vectors(copy, numbers).tobytes() == faces.vectors(family, numbers).tobytes()
        assert {n: chip.jpeg for n, chip in faces.chips(copy, numbers).items()} == {
            n: chip.jpeg for n, chip in faces.chips(family, numbers).items()
        }
        assert people.people(copy) == people.people(family)
        assert (copy.id, copy.key) == (family.id, family.key)
    assert sorted(tmp_path.glob("copy*")) == [done.path]


def test_a_backups_new_faces_get_numbers_that_were_never_given(family: GalleryStore, tmp_path: Path) -> None:
    with family.write("gone") as connection:
        connection.execute(delete(schema.faces).where(schema.faces.c.id == 5))
    done = backup.backup(family, tmp_path / "copy.db")
    with GalleryStore(done.path) as copy:
        assert made.photograph(copy, "new.jpg", "dan") == [6]


def test_a_backup_replaces_nothing(family: GalleryStore, tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    there.write_bytes(b"precious")
    with pytest.raises(GalleryError, match="a backup replaces nothing"):
        backup.backup(family, there)
    assert there.read_bytes() == b"precious"
    with pytest.raises(GalleryError, match="there is no folder"):
        backup.backup(family, tmp_path / "no" / "copy.db")


def test_a_backup_is_of_one_moment_while_others_write(
    gallery: GalleryStore, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    for number in range(60):
        made.photograph(gallery, f"before-{number}.jpg", "ada", "bob")
    monkeypatch.setattr(backup, "PAGES", 8)
    written = threading.Event()

    def write() -> None:
        with GalleryStore(gallery.location) as other:
            for number in range(20):
                made.photograph(other, f"meanwhile-{number}.jpg", "ada", "bob")
        written.set()

    writer = threading.Thread(target=write)

    def progress(done: int, total: int) -> None:
        if not writer.ident:
            writer.start()
            written.wait(60)  # writers are not held up by the backup

    done = backup.backup(gallery, tmp_path / "copy.db", progress)
    writer.join()
    assert written.is_set()
    assert done.faces == 120
    with GalleryStore(done.path) as copy:
        assert failed(copy) == {}
    assert faces.count(gallery) == 160


def test_a_backup_without_room_leaves_nothing_behind(family: GalleryStore, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("limits on the size of files are a thing of POSIX")
    code = (
        "import resource, signal, sys; from nitakao.cli.main import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)); main()"
    )
    copy = tmp_path / "copy.db"
    asked = [sys.executable, "-c", code, "gallery", "backup", str(copy), "--gallery", family.location]
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("nitakao: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("copy*")) == []


def test_compact_gives_back_the_room_of_what_was_deleted(gallery: GalleryStore) -> None:
    for number in range(100):
        made.photograph(gallery, f"{number}.jpg", "ada")
    with gallery.write("gone") as connection:
        connection.execute(delete(schema.photos).where(schema.photos.c.id > 10))
    done = compact.compact(gallery)
    assert done.after < done.before
    assert done.left == ()
    assert failed(gallery) == {}
    assert faces.count(gallery) == 10


def test_repair_of_a_whole_gallery_loses_nothing(family: GalleryStore) -> None:
    kept = list(faces.stream(family))
    everybody = people.people(family)
    family.close()
    done = repair.repair(family.location)
    assert (done.faces, done.lost, done.again) == (5, {}, 0)
    with GalleryStore(family.location) as again:
        assert [one.path for one in faces.stream(again)] == [one.path for one in kept]
        assert people.people(again) == everybody
        assert failed(again) == {}
        ids, _ = searcher(again).search(faces.vectors(again, [1]), 1)
        assert ids.tolist() == [[1]]


def test_what_speaks_of_what_is_gone_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "family.db"
    with GalleryStore(path, card=CARD) as gallery:
        ada, _ = made.photograph(gallery, "beach.jpg", "ada", "bob")
        cid, dan = made.photograph(gallery, "ship.jpg", "cid", "dan")
        who = made.person(gallery, "Ada", ada)
    with sqlite3.connect(path) as connection:  # as another program would, without foreign keys
        connection.execute("DELETE FROM photos WHERE id = 1")
        connection.execute("DELETE FROM people WHERE id = ?", (who,))
        connection.execute("DELETE FROM vectors WHERE face = ?", (cid,))
    connection.close()
    with GalleryStore(path) as gallery:
        assert "2 rows of faces whose photo is gone" in failed(gallery)["references"]
    done = repair.repair(path)
    assert done.faces == 1
    assert done.lost == {"files": 1, "faces": 3, "vectors": 2, "chips": 2}
    assert done.again == 1
    assert done.damaged is not None
    assert done.damaged.exists()
    with GalleryStore(path) as gallery:
        assert failed(gallery) == {}
        assert [kept.id for kept in faces.stream(gallery)] == [dan]
        with gallery.read() as reading:
            assert reading.execute(text("SELECT problem FROM photos")).scalars().all() == [repair.LOST]


def test_repair_waits_for_nobody_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "family.db"
    with GalleryStore(path, card=CARD) as gallery, gallery.write("index"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(repair, "WAIT", 0.1)
        with pytest.raises(GalleryError, match="is in use"):
            repair.repair(path)


def test_repair_needs_a_gallery(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="there is no gallery"):
        repair.repair(tmp_path / "none.db")
