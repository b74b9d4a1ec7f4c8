"""Several processes at one gallery: writers take turns, readers see whole photographs, a killed writer harms nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.fakes import CARD
from tests.gallery import made

from nitakao import photos
from nitakao.errors import GalleryBusyError, MisuseError
from nitakao.gallery import GalleryStore, faces
from nitakao.gallery.backends.open import open_backend
from nitakao.gallery.forget import scrub
from nitakao.gallery.maintenance import check

ROOT = str(Path(__file__).parents[2])
SECONDS = 3.0

WRITE = """
import sys, time
place, root, name, seconds = sys.argv[1:]
sys.path.insert(0, root)
from tests.gallery import made
from nitakao.gallery import GalleryStore
with GalleryStore(place) as gallery:
    end = time.monotonic() + float(seconds)
    number = 0
    while time.monotonic() < end:
        made.photograph(gallery, f"{name}/{number}.jpg", "ada", "bob")
        print(f"{name}/{number}.jpg", flush=True)
        number += 1
"""

READ = """
import sys, time
import numpy as np
place, root, name, seconds = sys.argv[1:]
sys.path.insert(0, root)
from tests.gallery import made
from nitakao import metrics
from nitakao.gallery import GalleryStore, faces
from nitakao.gallery.search.open import searcher
probe = made.vector("ada", "probe", 0, 16)
with GalleryStore(place) as gallery:
    end = time.monotonic() + float(seconds)
    asked = seen = 0
    while time.monotonic() < end:
        with gallery.read() as connection:
            ids = [n for block, _ in faces.vectors_after(connection, 0, gallery.dimension) for n in block.tolist()]
            kept = faces.records_in(connection, ids)
        assert len(kept) == len(ids) >= seen and len(ids) % 2 == 0, (len(kept), len(ids), seen)
        seen = len(ids)
        near, far = searcher(gallery).search(probe[None], 5)
        found = near[0][near[0] >= 0]
        assert len(found) == min(5, len(faces.records(gallery, range(1, 6)))) or len(found) == 5
        exact = metrics.distances(probe, faces.vectors(gallery, found), gallery.metric)
        assert np.allclose(exact, far[0][: len(found)], atol=1e-5) and (np.diff(exact) >= -1e-5).all()
        for number, distance in zip(found.tolist(), exact):
            assert (distance < 0.7) == (number % 2 == 1), (number, distance)  # odd faces are Ada's
        asked += 1
    print(asked)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_write_and_three_read(place: str) -> None:
    with GalleryStore(place, card=CARD) as gallery:
        for number in range(5):
            made.photograph(gallery, f"first/{number}.jpg", "ada", "bob")
    started = [start(WRITE, place, ROOT, name, SECONDS) for name in ("one", "two")]
    started += [start(READ, place, ROOT, name, SECONDS) for name in ("three", "four", "five")]
    said = [process.communicate(timeout=120) for process in started]
    assert [error for _, error in said] == [""] * 5
    written = {line for out, _ in said[:2] for line in out.split()}
    assert all(out.split() for out, _ in said[:2])  # neither starved
    assert all(int(out) > 0 for out, _ in said[2:])
    with GalleryStore(place) as gallery:
        assert written == {kept.path for kept in faces.stream(gallery) if not kept.path.startswith("first")}
        assert [check.name for check in check.check(gallery) if not check.ok] == []


def test_a_writer_that_is_killed_leaves_what_it_told(place: str) -> None:
    GalleryStore(place, card=CARD).close()
    for again in range(3):
        process = start(WRITE, place, ROOT, f"killed-{again}", 60)
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(10)]
        process.kill()
        told += process.communicate()[0].split("\n")[:-1]
        with GalleryStore(place, wait=20) as gallery:
            assert {path for path in told if path} <= {kept.path for kept in faces.stream(gallery)}
            assert [check.name for check in check.check(gallery) if not check.ok] == []
            made.photograph(gallery, f"after-{again}.jpg", "cid")


HOLD = """
import sys, time
from nitakao.gallery import GalleryStore
with GalleryStore(sys.argv[1]) as gallery, gallery.write("index") as connection:
    print("holding", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_waits_or_says_who_holds_the_gallery(place: str) -> None:
    GalleryStore(place, card=CARD).close()
    process = start(HOLD, place)
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    with GalleryStore(place, wait=0.3) as gallery:
        with pytest.raises(GalleryBusyError, match=rf"locked by process {process.pid} on .* \(index, since \d\d:"):
            gallery.set_setting("x", "y")
        assert faces.count(gallery) == 0  # readers go on
    with GalleryStore(place, wait=30) as gallery:
        killer = subprocess.Popen([sys.executable, "-c", KILL, str(process.pid)])
        gallery.set_setting("x", "y")  # waits until the other one is gone
        killer.wait()
        assert gallery.setting("x") == "y"
    process.communicate()


KILL = f"""
import os, sys, time
time.sleep(1)
os.kill(int(sys.argv[1]), {int(getattr(signal, "SIGKILL", signal.SIGTERM))})
"""


MAKE = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.fakes import CARD
from nitakao.gallery import GalleryStore
with GalleryStore(sys.argv[1], card=CARD) as gallery:
    print(gallery.id)
"""


def test_two_who_make_the_same_gallery_at_once_get_one(place: str) -> None:
    said = [process.communicate(timeout=60) for process in [start(MAKE, place, ROOT) for _ in range(4)]]
    assert [error for _, error in said] == [""] * 4
    assert len({out for out, _ in said}) == 1


def test_opening_takes_no_longer_with_more_faces(place: str) -> None:
    """What takes long with a million faces is counting and reading them: neither is done."""
    with GalleryStore(place, card=CARD) as gallery:
        made.photograph(gallery, "a.jpg", "ada")
    asked: list[str] = []
    gallery = GalleryStore.__new__(GalleryStore)
    gallery.backend = open_backend(place, 1)
    gallery._resources, gallery._opening = {}, threading.RLock()
    event.listen(gallery.backend.engine, "before_cursor_execute", lambda *said: asked.append(said[2].lower()))
    with gallery.translate_errors():
        gallery._open(CARD, False)
    gallery.close()
    assert asked
    assert not [one for one in asked if "from faces" in one or "from vectors" in one or "count(" in one]


def test_a_wait_ends(place: str) -> None:
    GalleryStore(place, card=CARD).close()
    with GalleryStore(place) as first, first.write("index"), GalleryStore(place, wait=0.2) as second:
        before = time.monotonic()
        with pytest.raises(GalleryBusyError):
            second.set_setting("x", "y")
        assert 0.1 < time.monotonic() - before < 10


ADD = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.gallery import made
from nitakao.gallery import GalleryStore
with GalleryStore(sys.argv[1]) as gallery:
    made.photograph(gallery, sys.argv[3], "ada")
"""


def added_elsewhere(place: str, path: str) -> None:
    process = start(ADD, place, ROOT, path)
    assert process.communicate(timeout=60)[1] == ""


def test_a_gallery_that_is_opened_again_by_its_process_stays_held(place: str) -> None:
    """Opened and closed by other means than SQLite's, the file would count as left: its log would be removed."""
    with GalleryStore(place, card=CARD) as gallery:
        made.photograph(gallery, "first.jpg", "ada")
        GalleryStore.exists(place)
        GalleryStore(place).close()
        added_elsewhere(place, "second.jpg")
        assert faces.count(gallery) == 2
        made.photograph(gallery, "third.jpg", "ada")
    with GalleryStore(place) as again:
        assert faces.count(again) == 3


def test_looking_for_photographs_where_the_gallery_lies_leaves_it_held(tmp_path: Path) -> None:
    place = str(tmp_path / "family.db")
    with GalleryStore(place, card=CARD) as gallery:
        made.photograph(gallery, "first.jpg", "ada")
        (tmp_path / "a.jpg").touch()
        assert list(photos.find([str(tmp_path)], videos=True)) == [str(tmp_path / "a.jpg")]
        with pytest.raises(MisuseError, match="is the gallery, not a photograph"):
            list(photos.find([place]))
        scrub.external_copies(gallery)
        added_elsewhere(place, "second.jpg")
        assert faces.count(gallery) == 2
