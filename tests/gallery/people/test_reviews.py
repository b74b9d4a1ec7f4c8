"""Doubtful faces and the answers."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests.gallery import made

from nitakao.errors import MisuseError
from nitakao.gallery import people, schema
from nitakao.gallery.people import corrections, reviews
from nitakao.gallery.people.undo import undo


@pytest.fixture
def doubt(gallery):
    """A face in doubt for Ada (near) and a group (far): face, Ada's number, the group's."""
    mine, other, face = (made.photograph(gallery, f"{n}.jpg", "ada")[0] for n in range(3))
    ada, group = made.person(gallery, "Ada", mine), made.person(gallery, None, other)
    with gallery.write("cluster") as connection:
        assert reviews.replace_suggestions(connection, [(face, group, 0.9), (face, ada, 0.8)]) == 2
    return face, ada, group


def waiting(gallery, person=None):
    return [(doubt.face.id, doubt.person, doubt.name, doubt.distance) for doubt in reviews.pending(gallery, person)]


def suggest(gallery, *rows):
    with gallery.write("cluster") as connection:
        return reviews.replace_suggestions(connection, rows)


def test_doubts_are_listed_the_likeliest_first(gallery, doubt):
    face, ada, group = doubt
    assert waiting(gallery) == [(face, ada, "Ada", 0.8), (face, group, "", 0.9)]
    assert waiting(gallery, group) == [(face, group, "", 0.9)]


def test_yes_gives_the_face_away_and_settles_all_its_doubts(gallery, doubt):
    face, ada, _ = doubt
    assert reviews.answer(gallery, face, "Ada", "yes") == ada
    assert waiting(gallery) == []
    assert next(p for p in people.people(gallery) if p.id == ada).faces == 2


def test_no_is_never_suggested_again(gallery, doubt):
    face, ada, group = doubt
    reviews.answer(gallery, face, ada, "no")
    assert waiting(gallery) == [(face, group, "", 0.9)]
    assert suggest(gallery, (face, ada, 0.7), (face, group, 0.9)) == 1
    assert waiting(gallery) == [(face, group, "", 0.9)]


def test_skip_leaves_it_out_until_it_is_suggested_again(gallery, doubt):
    face, ada, group = doubt
    reviews.answer(gallery, face, group, "skip")
    assert waiting(gallery) == [(face, ada, "Ada", 0.8)]
    assert reviews.answer(gallery, face, None, "skip") == ada
    assert suggest(gallery, (face, ada, 0.8)) == 1


@pytest.mark.parametrize("said", ["yes", "no", "skip"])
def test_an_answer_can_be_taken_back(gallery, doubt, said):
    before = waiting(gallery)
    reviews.answer(gallery, doubt[0], "Ada", said)
    undo(gallery)
    assert waiting(gallery) == before
    with gallery.read() as connection:
        assert connection.execute(select(schema.never)).all() == []


def test_an_answer_that_could_mean_several_asks_which(gallery, doubt):
    with pytest.raises(MisuseError, match="to review for several persons"):
        reviews.answer(gallery, doubt[0], None, "yes")


def test_what_is_not_in_doubt_is_a_misuse(gallery, doubt):
    with pytest.raises(MisuseError, match="face 99 is not to review"):
        reviews.answer(gallery, 99, None, "yes")
    bob = made.person(gallery, "Bob")
    with pytest.raises(MisuseError, match="not to review for 'Bob'"):
        reviews.answer(gallery, doubt[0], "Bob", "yes")
    assert bob


def test_a_face_that_is_theirs_already_is_not_suggested(gallery, doubt):
    face, ada, _ = doubt
    corrections.move(gallery, [face], ada)
    assert suggest(gallery, (face, ada, 0.5)) == 0


def test_yes_lets_a_group_go_that_has_no_face_left(gallery, doubt):
    face, ada, group = doubt
    corrections.merge(gallery, ada, [group])
    alone = made.person(gallery, None, face)
    suggest(gallery, (face, ada, 0.5))
    reviews.answer(gallery, face, ada, "yes")
    assert alone not in {person.id for person in people.people(gallery)}
