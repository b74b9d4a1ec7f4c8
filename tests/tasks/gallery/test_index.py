"""Photographs into a gallery, over a tiny real network: what costs nothing, what is redone, and what a crash leaves."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, select
from tests import tiny

from nitakao import pipeline
from nitakao.errors import GalleryError, MissingExtraError, MisuseError
from nitakao.gallery import GalleryStore, faces, people, schema
from nitakao.gallery.forget import tombstones
from nitakao.models.detection import detectors
from nitakao.photos import from_pixels, read
from nitakao.photos import watch as watching
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.gallery.index import IndexCounts, index
from nitakao.tasks.gallery.index_options import IndexOptions

ROOT = Path(__file__).parents[3]


@pytest.fixture
def model(monkeypatch, tmp_path):
    """The model 'tiny' is among the user's own, and faces are where it says."""
    folder = tiny.model(tmp_path / "models")
    monkeypatch.setenv("NITAKAO_MODELS", str(folder))
    monkeypatch.setattr(detectors, "load", lambda *_: tiny.detect)
    return "tiny"


@pytest.fixture
def album(tmp_path):
    """Three photographs with one, two and no face in them."""
    for name, count in (("one", 1), ("two", 2), ("none", 0)):
        tiny.picture(tmp_path / "album" / f"{name}.png", 7, count)
    return tmp_path / "album"


@pytest.fixture
def gallery(model, tmp_path):
    with GalleryStore(tmp_path / "g.db", card=_card()) as made:
        yield made


def _card():
    from nitakao.models.cards import registry

    return registry.card("tiny")


@pytest.fixture
def nothing_is_looked_through(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("something was looked through")

    def forbid():
        monkeypatch.setattr(pipeline, "run", refuse)

    return forbid


def statuses(gallery, *photos, **indexing) -> dict[str, str]:
    files = index(gallery, [str(p) for p in photos], indexing=IndexOptions(**indexing))
    return {os.path.basename(file.path): file.status for file in files}


def counted(files) -> IndexCounts:
    counts = IndexCounts()
    for file in files:
        counts.add(file)
    return counts


def test_every_face_of_every_photograph_is_kept(gallery, album):
    done = list(index(gallery, [album]))
    tally = counted(done)
    assert [(os.path.basename(one.path), one.status, len(one.faces)) for one in done] == [
        ("none.png", "new", 0),
        ("one.png", "new", 1),
        ("two.png", "new", 2),
    ]
    assert (tally.photos, tally.faces, tally.without_face, tally.of("new")) == (3, 3, 1, 3)
    kept = {(os.path.basename(k.path), k.number): k for k in faces.stream(gallery)}
    second = kept["two.png", 1]
    assert second.face.box == (32.0, 0.0, 64.0, 32.0)
    assert second.size == (64, 64)
    assert 0 < second.quality.score <= 1
    chip = faces.chips(gallery, [second.id])[second.id]
    with Image.open(io.BytesIO(chip.jpeg)) as picture:
        assert picture.size == chip.size


def test_the_vectors_are_those_that_embed_gives(gallery, album):
    from nitakao.tasks.photos.embed import embed

    (outcome,) = embed([album / "two.png"], model="tiny")
    (done,) = index(gallery, [album / "two.png"])
    np.testing.assert_allclose(faces.vectors(gallery, done.faces), outcome.vectors, atol=1e-6)


def test_what_has_not_changed_costs_nothing(gallery, album, nothing_is_looked_through):
    list(index(gallery, [album]))
    nothing_is_looked_through()
    assert set(statuses(gallery, album).values()) == {"unchanged"}


def test_a_touched_a_moved_and_a_copied_file_are_recognised(gallery, album, nothing_is_looked_through):
    list(index(gallery, [album]))
    nothing_is_looked_through()
    os.utime(album / "none.png", ns=(5, 5))
    (album / "one.png").rename(album / "uno.png")
    shutil.copyfile(album / "two.png", album / "zwei.png")
    assert statuses(gallery, album) == {
        "none.png": "unchanged",
        "two.png": "unchanged",
        "uno.png": "moved",
        "zwei.png": "duplicate",
    }
    assert faces.count(gallery) == 3


def test_a_changed_file_is_redone_and_its_faces_keep_their_names(gallery, album):
    (first,) = index(gallery, [album / "two.png"], indexing=IndexOptions(person="Ada"))
    with Image.open(album / "two.png") as picture:
        pixels = np.asarray(picture).copy()
    pixels[60:, 60:] = 0  # a corner without a face
    Image.fromarray(pixels).save(album / "two.png")
    (done,) = index(gallery, [album / "two.png"])
    assert (done.status, len(done.faces)) == ("changed", 2)
    names = [faces.records(gallery, [number])[number].name for number in done.faces]
    assert sorted(names) == ["", "Ada"]
    assert faces.count(gallery) == 2
    assert first.photo != done.photo


def test_a_file_that_cannot_be_read_is_tried_again_only_when_it_changes_or_when_asked(gallery, album, monkeypatch):
    bad = album / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    files = list(index(gallery, [album]))
    tally = counted(files)
    (done,) = [one for one in files if one.status == "problem"]
    assert "bad.png" in done.problem
    assert tally.unreadable == 1
    assert statuses(gallery, album)["bad.png"] == "unchanged"
    assert statuses(gallery, album, rescan="problems") == {
        "bad.png": "problem",
        "none.png": "rescanned",
        "one.png": "unchanged",
        "two.png": "unchanged",
    }
    tiny.picture(bad, 9, 1)
    assert statuses(gallery, album)["bad.png"] == "changed"


def test_all_can_be_looked_at_again_once_for_each_content(gallery, album):
    shutil.copyfile(album / "one.png", album / "zone.png")
    list(index(gallery, [album]))
    before = set(faces.ids(gallery).tolist())
    found = statuses(gallery, album, rescan="all")
    assert sorted(found.values()) == ["rescanned", "rescanned", "rescanned", "unchanged"]
    assert before.isdisjoint(faces.ids(gallery).tolist())


def test_how_a_photograph_was_looked_through_is_kept(gallery, album):
    from nitakao.values import DetectorSettings

    list(
        index(
            gallery,
            [album / "one.png"],
            options=PipelineOptions(detector=DetectorSettings(smallest_face=40), faces="largest"),
        )
    )
    with gallery.read() as connection:
        told = connection.execute(select(schema.photos.c.detector)).scalar_one()
    assert told == "mtcnn smallest_face=40 faces=largest"


def test_a_tombstone_keeps_a_photograph_out(gallery, album, nothing_is_looked_through):
    sha256 = read(str(album / "one.png")).sha256
    with gallery.write("test") as connection:
        connection.execute(insert(schema.tombstones).values(digest=tombstones.digest(gallery.key, sha256)))
    nothing_is_looked_through()
    assert statuses(gallery, album / "one.png") == {"one.png": "tombstoned"}
    assert faces.count(gallery) == 0


def test_folders_are_read_as_labels(gallery, tmp_path, nothing_is_looked_through):
    for number, name in enumerate(("Ada_Lovelace", "山田", "#12")):
        tiny.picture(tmp_path / "faces" / name / "1.png", number, 1)
    list(index(gallery, [tmp_path / "faces"]))
    assert people.people(gallery) == []
    nothing_is_looked_through()
    tally = counted(index(gallery, [tmp_path / "faces"], indexing=IndexOptions(labels_from="folder")))
    assert {p.name for p in people.people(gallery)} == {"Ada_Lovelace", "山田"}  # '#12' is no name
    assert (tally.of("labelled"), tally.of("unchanged")) == (2, 1)
    assert set(statuses(gallery, tmp_path / "faces", labels_from="folder").values()) == {"unchanged"}


def test_one_picture_enrols_a_person(gallery, album):
    list(index(gallery, [album / "one.png"], indexing=IndexOptions(person="Ada")))
    (ada,) = people.people(gallery)
    assert (ada.name, ada.faces) == ("Ada", 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda: {"indexing": IndexOptions(person=" ")}, "cannot be empty"),
        (lambda: {"indexing": IndexOptions(person="#3")}, "looks like a person's id"),
        (lambda: {"indexing": IndexOptions(person="Ada", labels_from="folder")}, "choose one"),
        (lambda: {"indexing": IndexOptions(frame_interval=0.0)}, "above 0"),
        (lambda: {"options": PipelineOptions(batch_size=0)}, "at least 1"),
        (lambda: {"options": PipelineOptions(flip=True)}, "created without flip"),
    ],
)
def test_invalid_options_are_refused(gallery, album, options, words):
    with pytest.raises(MisuseError, match=words):
        list(index(gallery, [album], **options()))


def test_photographs_are_given_as_a_list(gallery, album):
    with pytest.raises(MisuseError, match="must be a list"):
        index(gallery, str(album))


def test_pruning_comes_after_what_moved_was_recognised(gallery, album):
    list(index(gallery, [album]))
    (album / "one.png").rename(album / "uno.png")
    (album / "none.png").unlink()
    assert statuses(gallery, album, prune=True) == {"two.png": "unchanged", "uno.png": "moved", "none.png": "pruned"}


def test_pruning_an_empty_folder_is_refused(gallery, album, tmp_path):
    list(index(gallery, [album]))
    shutil.move(album, tmp_path / "elsewhere")
    album.mkdir()
    with pytest.raises(MisuseError, match="no picture or video in the folder"):
        index(gallery, [album], indexing=IndexOptions(prune=True))
    assert faces.count(gallery) == 3


def test_pruning_needs_something_to_look_in(gallery):
    with pytest.raises(MisuseError, match="name at least one"):
        index(gallery, [from_pixels(np.zeros((9, 9, 3), np.uint8))], indexing=IndexOptions(prune=True))


def test_photographs_in_memory_are_kept_by_their_pixels(gallery, album, nothing_is_looked_through):
    pixels = read(str(album / "two.png")).pixels
    (done,) = index(gallery, [from_pixels(pixels)])
    (named,) = index(gallery, [from_pixels(pixels, "camera 1")])
    assert (done.path, done.status, len(done.faces)) == ("", "new", 2)
    assert (named.path, named.status, named.photo) == ("camera 1", "duplicate", done.photo)
    nothing_is_looked_through()
    assert [one.status for one in index(gallery, [from_pixels(pixels, "camera 1")])] == ["unchanged"]


def test_an_address_is_its_own_path(gallery, album, monkeypatch):
    from nitakao.photos import fetch

    monkeypatch.setattr(fetch, "fetch", lambda *_: (album / "one.png").read_bytes())
    for what in ("new", "unchanged"):
        (done,) = index(gallery, ["https://example.org/one.png"], options=PipelineOptions(allow_urls=True))
        assert (done.path, done.status) == ("https://example.org/one.png", what)


def video(path: Path, frames: int = 20) -> Path:
    """Four seconds: one picture for half the time, then another."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    random = np.random.default_rng(5)
    pictures = [cv2.resize(random.integers(0, 256, (8, 8, 3), np.uint8), (64, 64)) for _ in range(2)]
    for number in range(frames):
        writer.write(pictures[number * 2 // frames])
    writer.release()
    return path


def test_of_a_video_the_best_shots_of_each_person_are_kept(gallery, tmp_path, monkeypatch, nothing_is_looked_through):
    whole = detectors.whole_photo
    monkeypatch.setattr(detectors, "load", lambda *_: whole)
    path = video(tmp_path / "party.avi")
    tiny.picture(tmp_path / "after.png", 3)
    done = list(index(gallery, [path, tmp_path / "after.png"], indexing=IndexOptions(frame_interval=0.5)))
    assert [(os.path.basename(one.path), one.status) for one in done] == [("party.avi", "new"), ("after.png", "new")]
    kept = [faces.records(gallery, [number])[number] for number in done[0].faces]
    assert 1 < len(kept) < 8  # of eight frames looked at
    assert kept[0].time is not None
    assert kept[-1].time is not None
    assert kept[0].time < 2 <= kept[-1].time
    nothing_is_looked_through()
    assert set(statuses(gallery, path).values()) == {"unchanged"}


def test_a_video_that_breaks_off_keeps_what_was_seen_and_says_so(gallery, tmp_path, monkeypatch):
    from nitakao import photos
    from nitakao.errors import UnreadablePhotoError

    monkeypatch.setattr(detectors, "load", lambda *_: detectors.whole_photo)
    path = video(tmp_path / "party.avi")
    frames = photos.read_frames

    def broken(*given, **more):
        yield from islice(frames(*given, **more), 2)
        raise UnreadablePhotoError("the video breaks off after 1.0 of 4.0 seconds")

    monkeypatch.setattr(photos, "read_frames", broken)
    (done,) = index(gallery, [path])
    assert "breaks off" in done.problem
    assert done.faces


def test_an_end_before_the_last_photograph_keeps_what_was_told(gallery, tmp_path):
    for number in range(300):
        tiny.picture(tmp_path / "many" / f"{number:03}.png", number)
    before = threading.active_count()
    with closing(index(gallery, [tmp_path / "many"])) as done:
        told = [number for one in islice(done, 3) for number in one.faces]
    assert len(told) == 3
    assert set(told) <= set(faces.ids(gallery).tolist())
    assert threading.active_count() == before
    assert faces.count(gallery) < 300


def test_what_goes_wrong_in_the_pipeline_is_raised(gallery, album, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the network fell over")
        yield

    monkeypatch.setattr(pipeline, "run", broken)
    with pytest.raises(RuntimeError, match="fell over"):
        list(index(gallery, [album]))


def test_a_gallery_is_made_for_the_model_and_keeps_it(model, album, tmp_path):
    place = tmp_path / "new.db"
    list(index(place, [album], model="tiny", options=PipelineOptions(flip=True)))
    assert [one.status for one in index(place, [album])] == ["unchanged"] * 3
    with GalleryStore(place) as made:
        assert (made.model, made.flip) == ("tiny", True)
    with pytest.raises(GalleryError, match="holds tiny vectors, not dlib-resnet"):
        list(index(place, [album], model="dlib-resnet"))


def test_a_file_that_is_no_gallery_is_refused_and_left_alone(model, album):
    place = album / "one.png"
    before = place.read_bytes()
    with pytest.raises(GalleryError, match="is no gallery"):
        list(index(place, [album], model="tiny"))
    assert place.read_bytes() == before


def test_a_newer_gallery_is_refused(gallery, album):
    from sqlalchemy import text

    with gallery.write("test") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(GalleryError, match="update nitakao"):
        list(index(gallery.location, [album]))


def test_files_that_arrive_are_indexed_once_they_are_whole(gallery, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.05)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    data = tiny.picture(tmp_path / "made.png", 3, 2).read_bytes()
    started = threading.Event()

    def slowly() -> None:
        started.wait()
        (inbox / "notes.txt").write_text("not a picture")
        (inbox / ".hidden.png").write_bytes(data)
        with open(inbox / "new.png", "wb") as file:
            for start in range(0, len(data), 1 + len(data) // 5):
                file.write(data[start : start + 1 + len(data) // 5])
                file.flush()
                time.sleep(0.1)
        (tmp_path / "outside").mkdir()
        tiny.picture(tmp_path / "outside" / "deep" / "moved in.png", 4)
        (tmp_path / "outside").rename(inbox / "inside")

    writer = threading.Thread(target=slowly)
    writer.start()
    listen = watching.watch_files

    def listening(*given, **more):
        for arrived in listen(*given, **more):
            yield arrived
            started.set()

    monkeypatch.setattr(watching, "watch_files", listening)
    with closing(index(gallery, [inbox], indexing=IndexOptions(watch=True))) as done:
        found = {os.path.basename(one.path): (one.status, len(one.faces)) for one in islice(done, 2)}
    writer.join()
    assert found == {"new.png": ("new", 2), "moved in.png": ("new", 1)}


def test_watching_needs_an_extra(gallery, album, monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(MissingExtraError, match=r"nitakao\[watch\]"):
        list(index(gallery, [album], indexing=IndexOptions(watch=True)))


def start(place: Path, photos: Path, models: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.tiny", "index", str(photos), "--model", "tiny", "--gallery", str(place)]
    environment = {**os.environ, "NITAKAO_MODELS": str(models)}
    return subprocess.Popen(
        [*command, "--json", "-q"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def content(place: Path) -> list[tuple[str, int, bytes]]:
    """Everything that was found, whatever numbers it was given."""
    with GalleryStore(place) as gallery:
        kept = list(faces.stream(gallery))
        vectors = faces.vectors(gallery, [k.id for k in kept])
        return sorted((k.path, k.number, (np.round(v, 4) + 0.0).tobytes()) for k, v in zip(kept, vectors, strict=True))


@pytest.fixture
def many(tmp_path):
    for number in range(400):
        tiny.picture(tmp_path / "many" / f"{number:03}.png", number, number % 4)
    return tmp_path / "many"


def test_two_processes_index_one_gallery_at_once(model, many, tmp_path):
    processes = [start(tmp_path / "two.db", many, tmp_path / "models") for _ in range(2)]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, "")
    list(index(tmp_path / "alone.db", [many], model="tiny"))
    assert content(tmp_path / "two.db") == content(tmp_path / "alone.db")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_at_any_moment_nothing_that_was_told_is_lost(model, many, tmp_path):
    place, told = tmp_path / "killed.db", {}
    moments = random.Random(1)
    for _ in range(4):
        process = start(place, many, tmp_path / "models")
        assert process.stdout is not None
        wait = moments.uniform(0.0, 0.5)
        line = process.stdout.readline()  # not before there is something to lose
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        process.communicate()
        for text in (line + rest).splitlines(keepends=True):
            if text.endswith("\n") and "file" in (one := json.loads(text)):
                told[one["file"]] = one["faces"]
        with closing(sqlite3.connect(place)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        with GalleryStore(place) as gallery:
            there = set(faces.ids(gallery).tolist())
            assert there >= {number for numbers in told.values() for number in numbers}
    assert told
    list(index(place, [many]))
    list(index(tmp_path / "alone.db", [many], model="tiny"))
    assert content(place) == content(tmp_path / "alone.db")


def test_a_full_disk_is_said_and_the_gallery_stays_whole(model, many, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk can be made here by the system's owner only")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("a small disk cannot be made here")
    try:
        done = index(small / "g.db", [many], model="tiny")
        told: list[int] = []
        with pytest.raises(GalleryError, match=r"no room left on the disk .* committed data is safe"):
            told.extend(number for one in done for number in one.faces)
        with GalleryStore(small / "g.db") as gallery:
            assert set(told) <= set(faces.ids(gallery).tolist())
    finally:
        subprocess.run(["umount", str(small)], check=True)
