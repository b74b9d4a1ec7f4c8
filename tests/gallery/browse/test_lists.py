"""Lists read page by page, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.gallery.made import person, photograph

from nitakao.errors import MisuseError
from nitakao.gallery import GalleryStore
from nitakao.gallery.browse import counts, cursors, lists
from nitakao.gallery.browse.cursors import Page
from nitakao.gallery.browse.lists import PhotoFilter
from nitakao.gallery.people import begin_edit, reviews


def whole(page: Callable[[str | None], Page[Any]]) -> list[Any]:
    """Everything that is listed, read in pages."""
    found, after = [], None
    for _ in range(100):
        one = page(after)
        found += one.items
        if one.next is None:
            assert one.total in (None, len(found))
            return found
        after = one.next
    raise AssertionError("there is no end")


@pytest.fixture
def album(gallery: GalleryStore) -> dict[str, list[int]]:
    """Eight photographs of Ada, some with Bob, some without a time; qualities differ."""
    found: dict[str, list[int]] = {"ada": [], "bob": []}
    for n in range(8):
        seeds = ("ada", "bob") if n % 3 == 0 else ("ada",)
        numbers = photograph(gallery, f"/album/{n}.jpg", *seeds, taken=None if n > 5 else 1e9 + n // 2, quality=n / 10)
        found["ada"].append(numbers[0])
        found["bob"] += numbers[1:]
    person(gallery, "Ada", *found["ada"])
    person(gallery, "bob", *found["bob"])
    person(gallery, None)
    return found


@pytest.mark.parametrize("order", ["taken", "indexed"])
@pytest.mark.parametrize("limit", [1, 3, 8, 100])
def test_pages_of_photographs_hold_each_once_the_latest_first(gallery, album, order, limit):
    found = whole(lambda after: lists.photos(gallery, PhotoFilter(), order=order, after=after, limit=limit))
    assert sorted(one.photo for one in found) == list(range(1, 9))
    times = [one.taken if order == "taken" else one.indexed for one in found]
    known = [at for at in times if at is not None]
    assert known == sorted(known, reverse=True)
    assert times[: len(known)] == known


def test_photographs_are_chosen_by_people_folder_time_and_problem(gallery, album):
    photograph(gallery, "/elsewhere/empty.jpg")

    def photos(**shown):
        return sorted(one.photo for one in lists.photos(gallery, PhotoFilter(**shown)).items)

    assert photos(people=(1, 2)) == [1, 4, 7]
    assert photos(people=(1, 2, 3)) == []
    assert photos(folder="/album") == list(range(1, 9))
    assert photos(folder="/alb") == []
    assert photos(since=1e9 + 1, until=1e9 + 2) == [3, 4]
    assert photos(problem=True) == [9]
    assert 9 not in photos(problem=False)


@pytest.mark.parametrize("order", ["faces", "name"])
def test_pages_of_people_hold_each_once(gallery, album, order):
    found = whole(lambda after: lists.people(gallery, order=order, after=after, limit=1))
    assert [one.name for one in found] == ["Ada", "bob", ""]
    ada = found[0]
    assert (ada.faces, ada.photos, ada.cover) == (8, 8, album["ada"][-1])
    assert [one.name for one in lists.people(gallery, like="B").items] == ["bob"]
    assert [one.id for one in lists.people(gallery, named=False).items] == [3]


def test_hidden_people_are_listed_only_where_they_are_asked_for(gallery, album):
    with begin_edit(gallery, "hide") as made:
        made.hide(1, True)
    assert [one.id for one in lists.people(gallery).items] == [2, 3]
    assert [one.id for one in lists.people(gallery, hidden=True).items] == [1, 2, 3]


def test_a_persons_faces_come_best_first(gallery, album):
    found = whole(lambda after: lists.faces_of(gallery, 1, after=after, limit=3))
    assert [one.id for one in found] == album["ada"][::-1]


def test_doubts_come_likeliest_first(gallery, album):
    with gallery.write("test") as connection:
        rows = [(face, 2, 0.5 + (face % 3) / 10) for face in album["ada"]]
        reviews.replace_suggestions(connection, rows)
    found = whole(lambda after: lists.reviews(gallery, after=after, limit=3))
    assert len(found) == len(album["ada"])
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    assert found[0].person.name == "bob"
    assert lists.reviews(gallery, 1).items == []


def test_the_counts_are_those_of_the_lists(gallery, album):
    found = counts.counts(gallery)
    assert found["photos"] == lists.photos(gallery, PhotoFilter()).total == 8
    assert found["people"] == 3
    assert found["named"] == 2
    assert found["faces"] == 11


@pytest.mark.parametrize(
    "text", ["", "x", "W10", "e30", "bnVsbA", "WzFlOTk5XQ", "W3RydWVd", "WyIxIl0", "a" * 500, "😀"]
)
def test_a_cursor_that_is_none_of_ours_is_refused(text):
    with pytest.raises(MisuseError, match="after"):
        cursors.decode_cursor(text, int)


def test_a_cursor_gives_back_what_was_written():
    assert cursors.decode_cursor(cursors.encode_cursor(True, 0.1 + 0.2, 2**53), bool, float, int) == (
        True,
        0.1 + 0.2,
        2**53,
    )
    assert cursors.decode_cursor(None, int) is None
