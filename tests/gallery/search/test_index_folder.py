"""The files of an index: damage is noticed, nothing half-made is used, and nothing of what is forgotten stays."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from filelock import FileLock
from tests.gallery.search import filled

from nitakao.errors import GalleryBusyError, GalleryError
from nitakao.gallery import GalleryStore
from nitakao.gallery.search import build
from nitakao.gallery.search import sqlite as searcher_module
from nitakao.gallery.search.index_folder import ChecksummedFile, IndexDamaged, IndexFolder
from nitakao.gallery.search.sqlite import SqliteSearcher

KINDS = {"matrix": filled.ALL_ROWS, "ivf": filled.CELLS}
VECTORS = filled.people(1000)
QUERIES = filled.people(5, seed=1)
FLIPS, REPAIRS = 300, 8  # bytes flipped for each kind of index, and how many indexes are made anew after that


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def gallery(tmp_path):
    with filled.gallery(tmp_path / "family.db", VECTORS) as made:
        yield made


def right(searcher, left=None):
    """Whether what a searcher finds is what there is, with the distances it has; `left`: the faces' numbers."""
    left = np.arange(1, 1001) if left is None else left
    ids, distances = searcher.search(QUERIES, 5)
    wanted, far = filled.nearest(VECTORS[left - 1], QUERIES, 5, ids=left)
    same = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(ids, wanted, strict=True)])
    exact = np.linalg.norm(VECTORS[ids - 1].astype(np.float64) - QUERIES[:, None], axis=2)
    return same >= 0.9 and np.allclose(distances, exact, atol=1e-6) and np.isin(ids, left).all() and len(far)


def flipped(folder, draw):
    """Flip one bit somewhere; the file, and what it was."""
    files = sorted(path for path in folder.iterdir() if path.stat().st_size)
    file = files[draw.integers(len(files))]
    data = bytearray(file.read_bytes())
    data[draw.integers(len(data))] ^= 1 << int(draw.integers(8))
    whole = file.read_bytes()
    file.write_bytes(data)
    return file, whole


def test_a_flipped_bit_anywhere_is_noticed(gallery, kind):
    draw = np.random.default_rng(0)
    SqliteSearcher(gallery, limits=KINDS[kind]).refresh()
    cache = IndexFolder(place(gallery))
    manifest = manifest_of(SqliteSearcher(gallery))
    for _ in range(FLIPS):
        file, whole = flipped(cache.folder, draw)
        with pytest.raises(IndexDamaged):
            cache.verify(cache.manifest() or manifest)
        file.write_bytes(whole)
    cache.verify(manifest)


def test_a_damaged_index_is_made_anew_and_a_notice_given(gallery, kind):
    draw = np.random.default_rng(1)
    said: list[str] = []
    SqliteSearcher(gallery, limits=KINDS[kind]).refresh()
    for _ in range(REPAIRS):
        flipped(place(gallery), draw)
        searcher = SqliteSearcher(gallery, limits=KINDS[kind], notice=said.append)
        assert right(searcher)
        assert said.pop().startswith(f"the search index of gallery '{gallery.location}' is damaged (")
        assert not said
        SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail).search(QUERIES, 1)


def manifest_of(searcher):
    found = searcher.index_folder.manifest()
    assert found is not None
    return found


def place(gallery):
    return SqliteSearcher(gallery).index_folder.folder


@pytest.mark.parametrize("harm", ["cut", "empty", "gone", "longer"])
def test_a_file_that_is_cut_or_gone_is_noticed(gallery, kind, harm):
    searcher = SqliteSearcher(gallery, limits=KINDS[kind])
    searcher.refresh()
    manifest = manifest_of(searcher)
    for ending in manifest.files:
        path = searcher.index_folder.path(manifest_of(searcher), ending)
        data = path.read_bytes()
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes({"cut": data[:-1], "empty": b"", "longer": data + b"\0"}[harm])
        said: list[str] = []
        assert right(SqliteSearcher(gallery, limits=KINDS[kind], notice=said.append))
        assert len(said) == 1
    assert manifest_of(searcher).generation != manifest.generation


def test_an_index_that_is_whole_is_not_made_again(gallery, kind):
    SqliteSearcher(gallery, limits=KINDS[kind]).refresh()
    first = manifest_of(SqliteSearcher(gallery))
    again = SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail)
    again.refresh()
    assert right(again)
    assert manifest_of(again) == first


def test_what_an_unfinished_index_left_is_cleared_away(gallery):
    searcher = SqliteSearcher(gallery, limits=filled.ALL_ROWS)
    searcher.refresh()
    (searcher.index_folder.folder / "0123.rows").write_bytes(b"half")
    searcher.rebuild()
    manifest = manifest_of(searcher)
    names = {f"{manifest.generation}.ids", f"{manifest.generation}.rows", "manifest.json", "lock"}
    assert {path.name for path in searcher.index_folder.folder.iterdir()} <= names


def test_an_index_of_a_future_nitakao_is_made_anew_without_a_word(gallery):
    searcher = SqliteSearcher(gallery, limits=filled.ALL_ROWS, notice=pytest.fail)
    searcher.refresh()
    manifest = searcher.index_folder.folder / "manifest.json"
    text = json.dumps(json.loads(manifest.read_bytes().split(b"\n", 1)[1]) | {"format": 99}).encode()
    manifest.write_bytes(b"%08x\n" % zlib.crc32(text) + text)
    assert right(searcher)
    assert searcher.state().kind == "matrix"


def test_a_folder_that_cannot_be_written_is_said_once_and_searches_go_on(gallery, kind):
    place(gallery).write_text("a file stands where the folder should")
    said: list[str] = []
    searcher = SqliteSearcher(gallery, limits=KINDS[kind], notice=said.append)
    for _ in range(3):
        assert right(searcher)
    assert len(said) == 1
    assert "searches scan every face" in said[0]
    with pytest.raises(GalleryError, match="cannot be written"):
        searcher.rebuild()


@pytest.mark.parametrize("after", [0, 1])
def test_a_full_disk_leaves_the_old_index_or_none_and_searches_go_on(gallery, kind, monkeypatch, after):
    filled.add(gallery, VECTORS[:0])
    wrote: list[int] = []
    write = ChecksummedFile.write

    def full(self, data):
        wrote.append(1)
        if len(wrote) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(ChecksummedFile, "write", full)
    said: list[str] = []
    searcher = SqliteSearcher(gallery, limits=KINDS[kind], notice=said.append)
    with pytest.raises(GalleryError, match="No space left on device"):
        searcher.rebuild()
    assert right(searcher)
    assert "No space left on device" in said[0]
    assert searcher.state().kind == "none"
    assert {path.name for path in place(gallery).iterdir()} <= {"lock"}


def test_forgetting_leaves_no_file_with_anything_in_it(gallery, kind):
    searcher = SqliteSearcher(gallery, limits=KINDS[kind])
    searcher.refresh()
    (searcher.index_folder.folder / "0123.rows").write_bytes(VECTORS.tobytes())
    filled.remove(gallery, range(1, 200))
    searcher.forget()
    assert [path.name for path in searcher.index_folder.folder.iterdir() if path.stat().st_size] == []
    assert right(searcher, np.arange(200, 1001))


def test_forgetting_without_an_index_makes_nothing(gallery):
    SqliteSearcher(gallery).forget()
    assert not place(gallery).exists()


def test_forgetting_waits_for_whoever_makes_an_index_and_gives_up_with_a_sentence(gallery, monkeypatch):
    monkeypatch.setattr(searcher_module, "WAIT", 0.1)
    searcher = SqliteSearcher(gallery, limits=filled.ALL_ROWS)
    searcher.refresh()
    with FileLock(searcher.index_folder.folder / "lock"):
        with pytest.raises(GalleryBusyError, match="another process is building"):
            searcher.forget()
        with pytest.raises(GalleryBusyError, match="another process is building"):
            searcher.rebuild()


def test_while_another_process_makes_the_index_searches_go_on(gallery, kind):
    place(gallery).mkdir()
    with FileLock(place(gallery) / "lock"):
        searcher = SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail)
        assert right(searcher)
        assert searcher.state().kind == "none"


def test_an_older_copy_of_the_gallery_put_back_is_noticed(gallery, kind, tmp_path):
    copy = tmp_path / "copy.db"
    gallery.close()
    shutil.copy(gallery.location, copy)
    with GalleryStore(gallery.location) as newer:
        filled.add(newer, filled.people(300, seed=7))
        SqliteSearcher(newer, limits=KINDS[kind]).refresh()
    for leftover in ("-wal", "-shm"):
        if os.path.exists(gallery.location + leftover):
            os.unlink(gallery.location + leftover)
    shutil.copy(copy, gallery.location)
    with GalleryStore(gallery.location) as older:
        assert right(SqliteSearcher(older, limits=KINDS[kind], notice=pytest.fail))
        filled.add(older, QUERIES)  # whose numbers others had in the index
        SqliteSearcher(older, limits=KINDS[kind]).rebuild()
        assert SqliteSearcher(older, limits=KINDS[kind]).search(QUERIES, 1)[0][:, 0].tolist() == list(range(1001, 1006))


def test_numbers_that_belong_to_others_since_a_copy_was_put_back_are_noticed(gallery):
    searcher = SqliteSearcher(gallery, limits=filled.ALL_ROWS)
    searcher.refresh()
    manifest = manifest_of(searcher)
    with gallery.read() as connection:
        assert build.is_usable(gallery, connection, manifest, filled.ALL_ROWS)
        changed = dict.fromkeys(manifest.witnesses, 0)
        assert len(changed) == build.WITNESSES
        object.__setattr__(manifest, "witnesses", changed)
        assert not build.is_usable(gallery, connection, manifest, filled.ALL_ROWS)


def test_the_index_of_another_gallery_is_not_used(gallery, tmp_path):
    with filled.gallery(tmp_path / "other.db", filled.people(1000, seed=9)) as other:
        SqliteSearcher(other, limits=filled.ALL_ROWS).refresh()
        shutil.copytree(place(other), place(gallery))
    assert right(SqliteSearcher(gallery, limits=filled.ALL_ROWS))


def test_who_has_an_index_open_goes_on_when_another_is_swapped_in(gallery, kind, monkeypatch):
    reader = SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail)
    assert right(reader)
    old = reader._open_index()
    assert old.index is not None
    SqliteSearcher(gallery, limits=KINDS[kind]).rebuild()
    assert manifest_of(reader).generation != old.index.manifest.generation
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_open_index", lambda: old)
        assert right(reader)
    assert right(reader)
    assert reader._open_index() is not old


def test_a_checksum_that_does_not_fit_says_which_file(gallery):
    searcher = SqliteSearcher(gallery, limits=filled.ALL_ROWS)
    searcher.refresh()
    manifest = manifest_of(searcher)
    searcher.index_folder.path(manifest, "rows").write_bytes(b"\0" * manifest.files["rows"][0])
    with pytest.raises(IndexDamaged, match=f"{manifest.generation}.rows"):
        searcher.index_folder.verify(manifest)


PROGRAM = """
import sys, time
import numpy as np
from nitakao.gallery import GalleryStore
from nitakao.gallery.search.build import Limits
from nitakao.gallery.search.sqlite import SqliteSearcher
with GalleryStore(sys.argv[1]) as gallery:
    searcher = SqliteSearcher(gallery, limits=Limits(least=20, matrix=int(sys.argv[2])))
    print("ready", flush=True)
    for _ in range(int(sys.argv[3])):
        searcher.rebuild()
        searcher.search(np.ones((1, 16), np.float32), 3)
"""


def started(gallery, limits, rounds):
    found = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, gallery.location, str(limits.matrix), str(rounds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert found.stdout is not None
    assert found.stdout.readline() == "ready\n"
    return found


def test_two_processes_make_the_index_while_a_third_searches(gallery, kind):
    makers = [started(gallery, KINDS[kind], 2) for _ in range(2)]
    searcher = SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail)
    asked = 0
    while any(maker.poll() is None for maker in makers) or not asked:
        assert right(searcher)
        asked += 1
    for maker in makers:
        assert maker.communicate()[1] == ""
        assert maker.returncode == 0


def test_killed_while_it_makes_an_index_it_leaves_one_that_is_whole_or_none(gallery, kind):
    draw = np.random.default_rng(3)
    for _ in range(6):
        maker = started(gallery, KINDS[kind], 1000)
        time.sleep(draw.uniform(0, 0.3))
        maker.kill()
        maker.communicate()
        assert right(SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail))
