from __future__ import annotations

import numpy as np
from tests.gallery.made import person, photograph, vector

from nitakao.gallery import faces, nearest, people
from nitakao.values import FaceFilter


def crowd(gallery, count=40):
    """The numbers of faces of people who are far from each other."""
    return [photograph(gallery, f"{n}.jpg", f"seed{n}")[0] for n in range(count)]


def hidden(gallery, *numbers):
    with people.begin_edit(gallery, "hide") as edit:
        edit.assign(numbers, edit.create("Hidden"), "hand")
        edit.hide(people.find_person(gallery, "Hidden", edit.connection), True)


def test_all_faces_may_answer_until_somebody_is_hidden(gallery):
    numbers = crowd(gallery, 3)
    assert nearest.allowed_ids(gallery, FaceFilter()) is None
    hidden(gallery, numbers[1])
    assert np.array_equal(nearest.allowed_ids(gallery, FaceFilter()), [numbers[0], numbers[2]])  # type: ignore[arg-type]
    assert nearest.allowed_ids(gallery, FaceFilter(hidden=True)) is None
    assert np.array_equal(nearest.allowed_ids(gallery, FaceFilter(min_quality=0.9)), [])  # type: ignore[arg-type]  # not None


def test_faces_come_nearest_first_without_end(gallery):
    numbers = crowd(gallery)
    query = vector("seed7", "elsewhere", 0, 16)
    rows = faces.vectors(gallery, numbers)
    order = [numbers[n] for n in np.argsort(np.linalg.norm(rows - query, axis=1))]
    for first in (1, 7, 40, 1000):
        (way,) = nearest.nearest_first(gallery, query[None], None, first)
        assert [number for number, _ in way] == order
    within = np.array(sorted(order[5:15]))
    (way,) = nearest.nearest_first(gallery, query[None], within, 2)
    assert [number for number, _ in way] == order[5:15]


def test_an_empty_gallery_has_no_faces_to_come(gallery):
    (way,) = nearest.nearest_first(gallery, np.ones((1, 16), np.float32), None, 5)
    assert list(way) == []


def test_many_vectors_have_each_a_way_of_their_own(gallery):
    numbers = crowd(gallery, 20)
    rows = np.tile(faces.vectors(gallery, numbers), (8, 1))
    ways = nearest.nearest_first(gallery, rows, None, 1)
    assert [next(way)[0] for way in ways] == numbers * 8


def test_faces_that_went_meanwhile_are_passed_over(gallery):
    numbers = crowd(gallery, 3)
    near = [(numbers[0], 0.1), (999, 0.2), (numbers[2], 0.3)]
    assert [one.face.id for one in nearest.load_faces(gallery, near)] == [numbers[0], numbers[2]]
    assert [number for _, number, _ in nearest.persons_of(gallery, near)] == []


def test_a_persons_faces_are_the_best_ones(gallery, monkeypatch):
    monkeypatch.setattr(nearest, "MAX_PERSON_FACES", 3)
    numbers = [photograph(gallery, f"{n}.jpg", "ada", quality=n / 10)[0] for n in range(6)]
    ada, bob = person(gallery, "Ada", *numbers), person(gallery, "Bob", *photograph(gallery, "b.jpg", "bob"))
    found = nearest.faces_of(gallery, [ada, bob, 999])
    assert sorted(found) == [ada, bob]
    assert found[ada].ids.tolist() == numbers[3:]
    assert (found[ada].vectors == faces.vectors(gallery, numbers[3:])).all()
    assert len(set(found[ada].photos.tolist())) == 3


def test_people_with_a_name_are_counted(gallery):
    first, second, third, _ = crowd(gallery, 4)
    person(gallery, "Ada", first)
    person(gallery, None, second)
    hidden(gallery, third)
    assert nearest.count_named_people(gallery, FaceFilter(named=True)) == 1
