"""Names from outside, and photographs read back with their faces, on each database."""

from __future__ import annotations

import pytest
from tests.gallery.made import person, photograph, sha256

from nitakao.gallery import people
from nitakao.gallery.people.naming import assign_names
from nitakao.gallery.people.undo import undo
from nitakao.gallery.photos import photo_records, stream_photos
from nitakao.values import FaceFilter


def owners(gallery) -> dict[int, str]:
    return {kept.id: kept.name for one in stream_photos(gallery, FaceFilter(hidden=True)) for kept in one.faces}


def test_names_go_to_faces_that_are_nobodys_or_only_grouped(gallery):
    free, grouped, labelled, by_hand = photograph(gallery, "a.jpg", "a", "b", "c", "d")
    person(gallery, None, grouped, how="group")
    person(gallery, "Cem", labelled, how="label")
    person(gallery, "Dan", by_hand)
    given = assign_names(gallery, dict.fromkeys((free, grouped, labelled, by_hand), "Ada") | {by_hand: "Dan"})
    assert given == {free: "named", grouped: "named", labelled: "other", by_hand: "already"}
    assert owners(gallery) == {free: "Ada", grouped: "Ada", labelled: "Cem", by_hand: "Dan"}


def test_it_is_one_entry_of_the_journal_which_can_be_taken_back(gallery):
    first, second = photograph(gallery, "a.jpg", "a", "b")
    person(gallery, "Ada", first)
    assign_names(gallery, {second: "Bob"})
    undo(gallery)
    assert owners(gallery) == {first: "Ada", second: ""}
    assert [p.name for p in people.people(gallery)] == ["Ada"]


def test_a_dry_run_only_says(gallery):
    (face,) = photograph(gallery, "a.jpg", "a")
    assert assign_names(gallery, {face: "Ada"}, dry_run=True) == {face: "named"}
    assert owners(gallery) == {face: ""}


def test_nothing_wanted_or_not_there_writes_nothing(gallery):
    assert assign_names(gallery, {}) == {}
    assert assign_names(gallery, {77: "Ada"}) == {}
    assert people.people(gallery) == []


def test_photographs_come_with_their_paths_and_faces_in_order(gallery):
    first = photograph(gallery, "b.jpg", "a", "b", quality=0.9)
    second = photograph(gallery, "a.jpg", "c", quality=0.2)
    photograph(gallery, "none.jpg")
    found = list(stream_photos(gallery))
    assert [[kept.id for kept in one.faces] for one in found] == [first, second]
    assert [one.paths for one in found] == [("b.jpg",), ("a.jpg",)]
    assert [one.sha256 for one in found] == [sha256("b.jpg"), sha256("a.jpg")]
    assert [one.paths for one in stream_photos(gallery, FaceFilter(min_quality=0.5))] == [("b.jpg",)]
    assert photo_records(gallery, [found[1].photo, 99])[found[1].photo].paths == ("a.jpg",)


@pytest.mark.parametrize("count", [3, 700])
def test_many_photographs_come_each_once(gallery, count):
    if count > 3 and gallery.location.startswith("postgres"):
        count = 510  # more than are asked for together
    for number in range(count):
        photograph(gallery, f"{number}.jpg", "a")
    assert len({one.photo for one in stream_photos(gallery)}) == count
