"""Files that are no galleries, galleries that are damaged, disks without room: each is said, none is a traceback."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.fakes import CARD
from tests.gallery import made

from nitakao.errors import GalleryError, NitakaoError
from nitakao.gallery import GalleryStore, faces, people
from nitakao.gallery.maintenance import check, compact, info, repair
from nitakao.gallery.search.open import searcher

PHOTOS = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 80 faces with chips, all of it in the one file."""
    path = tmp_path_factory.mktemp("whole") / "family.db"
    with GalleryStore(path, card=CARD) as gallery:
        for number in range(PHOTOS):
            ada, _ = made.photograph(gallery, f"photos/{number}.jpg", "ada", "bob")
        made.person(gallery, "Ada", ada)
        compact.compact(gallery)
    return path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path))


def failed(path: Path) -> list[str]:
    with GalleryStore(path) as gallery:
        return [f"{check.name}: {check.detail}" for check in check.check(gallery) if not check.ok]


def noticed(path: Path) -> bool:
    """Whether the damage is said, by opening the gallery or by checking it."""
    try:
        return bool(failed(path))
    except GalleryError as error:
        return "damaged" in str(error) or "no gallery" in str(error)


@pytest.mark.parametrize(
    "content", [b"hello, I am no gallery", b"SQLite format 3\x00" + b"\xff" * 5000, os.urandom(9000)]
)
def test_a_file_that_is_no_gallery_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for card in (None, CARD):
        with pytest.raises(GalleryError, match=r"no gallery|damaged"):
            GalleryStore(path, card=card)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "browser.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE history (url TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="another program's database"):
        GalleryStore(path, card=CARD)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_gallery_only_where_one_is_made(tmp_path: Path) -> None:
    path = tmp_path / "family.db"
    path.touch()
    with pytest.raises(GalleryError, match="there is no gallery"):
        GalleryStore(path)
    with GalleryStore(path, card=CARD) as gallery:
        assert gallery.model == "fake"


def test_a_folder_is_no_gallery(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="cannot be read"):
        GalleryStore(tmp_path, card=CARD)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match=r"there is no folder '.*nowhere'"):
        GalleryStore(tmp_path / "nowhere" / "family.db", card=CARD)


@pytest.mark.parametrize("left", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_noticed_and_what_is_left_of_it_saved(copy: Path, left: float) -> None:
    os.truncate(copy, int(copy.stat().st_size * left))
    assert noticed(copy)
    if left < 0.1:
        with pytest.raises(GalleryError, match="restore a backup"):
            repair.repair(copy)
        return
    done = repair.repair(copy)
    assert failed(copy) == []
    assert done.lost
    with GalleryStore(copy) as gallery:
        assert len(list(faces.stream(gallery))) == done.faces


@pytest.mark.parametrize("seed", range(25))
def test_bytes_that_flip_are_said_and_never_a_traceback(copy: Path, seed: int) -> None:
    """20 flipped bits anywhere in the file: whatever is asked of it is answered, or refused in a sentence."""
    chance = random.Random(seed)
    data = bytearray(copy.read_bytes())
    for _ in range(20):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    copy.write_bytes(data)
    assert noticed(copy)
    for ask in (info.info, people.people, lambda gallery: list(faces.stream(gallery)), _searched):
        try:
            with GalleryStore(copy) as gallery:
                ask(gallery)
        except NitakaoError:
            pass
    try:
        repair.repair(copy)
    except NitakaoError:
        return
    assert failed(copy) == []


def _searched(gallery: GalleryStore) -> None:
    searcher(gallery).search(faces.vectors(gallery, [1]), 3)
    faces.chips(gallery, range(1, 2 * PHOTOS + 1))


def test_one_flipped_bit_in_a_vector_or_a_chip_is_noticed_when_it_is_read(copy: Path) -> None:
    with GalleryStore(copy) as gallery:
        vector = faces.vectors(gallery, [1])[0].astype("<f4").tobytes()
        jpeg = faces.chips(gallery, [2])[2].jpeg
    data = bytearray(copy.read_bytes())
    for content in (vector, jpeg[-200:]):
        assert data.count(content) == 1
        data[data.index(content) + 30] ^= 1
    copy.write_bytes(data)
    with GalleryStore(copy) as gallery:
        for read in (lambda: faces.vectors(gallery, [1]), lambda: faces.chips(gallery, [2])):
            with pytest.raises(GalleryError, match=r"'.*family.db' is damaged .* 'nitakao gallery repair'"):
                read()
    assert sorted(line.split(":")[0] for line in failed(copy)) == ["chips", "vectors"]
    done = repair.repair(copy)
    assert (done.faces, done.lost["vectors"], done.again) == (2 * PHOTOS - 1, 1, 1)
    with GalleryStore(copy) as gallery:
        assert 1 not in faces.records(gallery, [1])
        assert 2 in faces.records(gallery, [2])
        assert faces.chips(gallery, [2]) == {}


def test_settings_that_were_damaged_are_said(copy: Path) -> None:
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE settings SET value = '12x' WHERE key = 'dimension'")
    connection.close()
    with pytest.raises(GalleryError, match="its settings are invalid"):
        GalleryStore(copy).dimension  # noqa: B018  # asked for, it is read
    with pytest.raises(GalleryError, match="has lost the name of its model"):
        repair.repair(copy)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are a thing of POSIX")
@pytest.mark.parametrize("folder", [0o755, 0o555])
def test_a_gallery_that_may_only_be_read_is_read(whole: Path, folder: int) -> None:
    """In a folder that may be written, and in one that may not, as on a CD."""
    place = Path(tempfile.mkdtemp())
    try:
        copy = Path(shutil.copy(whole, place))
        copy.chmod(0o444)
        place.chmod(folder)
        done = subprocess.run([sys.executable, "-c", READ, str(copy)], capture_output=True, text=True)
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)
    counted, said = done.stdout.splitlines() or ["", done.stderr]
    assert counted == f"{2 * PHOTOS} faces", done.stderr
    assert "is read-only here" in said


READ = """
import os, sys
from nitakao.gallery import GalleryStore, faces
from nitakao.errors import GalleryError
from sqlalchemy.dialects import sqlite
if os.geteuid() == 0:  # whom no permission holds up
    os.setgid(65534)
    os.setuid(65534)
with GalleryStore(sys.argv[1]) as gallery:
    print(faces.count(gallery), 'faces')
    try:
        gallery.set_setting('x', 'y')
    except GalleryError as error:
        print(error)
"""

FILL = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from tests.gallery import made
from nitakao.gallery import GalleryStore
from nitakao.errors import GalleryError
with GalleryStore(sys.argv[1]) as gallery:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
    try:
        for number in range(10_000):
            made.photograph(gallery, f'more/{number}.jpg', 'cid')
            print(number, flush=True)
    except GalleryError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are a thing of POSIX")
def test_a_disk_without_room_is_said_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "family.db"
    GalleryStore(path, card=CARD).close()
    root = str(Path(__file__).parents[3])
    done = subprocess.run([sys.executable, "-c", FILL, str(path), root], capture_output=True, text=True)
    *acknowledged, said = done.stdout.splitlines()
    assert "check its free space" in said or "no room left" in said, done.stderr
    assert len(acknowledged) > 5
    assert failed(path) == []
    with GalleryStore(path) as gallery:
        kept = {one.path for one in faces.stream(gallery)}
        assert kept >= {f"more/{number}.jpg" for number in acknowledged}
        made.photograph(gallery, "after.jpg", "dan")  # there is room again
