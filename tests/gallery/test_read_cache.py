"""Answers that are kept until somebody writes: never those of an older state, whoever has changed it."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread

import numpy as np
from tests.gallery import made

from nitakao.gallery import GalleryStore, faces, nearest, read_cache, schema
from nitakao.values import FaceFilter

FORGET = """
import sys
from nitakao.gallery import GalleryStore, schema
with GalleryStore(sys.argv[1]) as gallery, gallery.write("test") as connection:
    connection.execute(schema.faces.delete().where(schema.faces.c.id == int(sys.argv[2])))
"""


def test_what_is_kept_is_not_asked_again_until_somebody_writes(gallery: GalleryStore) -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    assert [gallery.cached("x", ask), gallery.cached("x", ask), gallery.cached("y", ask)] == [1, 1, 2]
    made.photograph(gallery, "a.jpg", "ada")
    assert gallery.cached("x", ask) == 3


def test_counts_follow_what_this_and_other_processes_write(gallery: GalleryStore, place: str) -> None:
    assert faces.count(gallery) == 0
    ada, bob = made.photograph(gallery, "a.jpg", "ada", "bob")
    assert faces.count(gallery) == 2
    with GalleryStore(place) as other:
        made.photograph(other, "b.jpg", "cid")
    assert faces.count(gallery) == 3
    subprocess.run([sys.executable, "-c", FORGET, place, str(bob)], check=True)
    assert faces.count(gallery) == 2
    assert nearest.filtered_ids(gallery, FaceFilter()).tolist() == [ada, ada + 2]


def test_a_person_who_is_hidden_is_no_longer_found(gallery: GalleryStore) -> None:
    ada, bob = made.photograph(gallery, "a.jpg", "ada", "bob")
    assert nearest.allowed_ids(gallery, FaceFilter()) is None
    person = made.person(gallery, "Ada", ada)
    with gallery.write("test") as connection:
        connection.execute(schema.people.update().where(schema.people.c.id == person).values(hidden=True))
    found = nearest.allowed_ids(gallery, FaceFilter())
    assert found is not None
    assert found.tolist() == [bob]


def test_another_threads_write_is_noticed(gallery: GalleryStore) -> None:
    assert faces.count(gallery) == 0
    thread = Thread(target=lambda: made.photograph(gallery, "a.jpg", "ada"))
    thread.start()
    thread.join()
    assert faces.count(gallery) == 1


def test_no_more_is_kept_than_there_is_room_for(gallery: GalleryStore, monkeypatch) -> None:
    monkeypatch.setattr(read_cache, "MAX_BYTES", 1000)
    asked: list[int] = []

    def ask(length: int) -> np.ndarray:
        asked.append(length)
        return np.zeros(length, np.uint8)

    for _ in range(2):
        gallery.cached("small", lambda: ask(900))
        gallery.cached("large", lambda: ask(200))
    assert asked == [900, 200, 200]


def test_a_gallery_that_was_closed_can_be_asked_again(gallery: GalleryStore) -> None:
    assert faces.count(gallery) == 0
    gallery.close()
    made.photograph(gallery, "a.jpg", "ada")
    assert faces.count(gallery) == 1
