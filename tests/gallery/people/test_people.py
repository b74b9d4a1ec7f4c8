"""Persons: listed, found by name and number, and what an edit keeps in the journal."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select
from tests.gallery import made

from nitakao.errors import GalleryError, MisuseError
from nitakao.gallery import people, schema

NAMES = [
    'O\'Brien "Bob"',
    "Robert'); DROP TABLE people;--",
    "山田 太郎",
    "محمد بن موسى",
    "שרה\u202eabc",
    "first\nsecond\ttab",
    "👩‍👩‍👧‍👦 family",
    "Ñandú",
    "x" * 500,
    "%",
    "007",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_kept_and_found_again(gallery, name):
    number = made.person(gallery, name)
    assert [(person.id, person.name) for person in people.people(gallery)] == [(number, name)]
    assert people.find_person(gallery, name) == people.find_person(gallery, f"#{number}") == number


def test_names_are_the_same_however_their_accents_are_written(gallery):
    number = made.person(gallery, " Jose\u0301 ")
    assert people.find_person(gallery, "José") == number


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "cannot be empty"),
        (" \n", "cannot be empty"),
        ("x" * 501, "at most 500 characters, not 501"),
        ("#12", "looks like a person's id"),
        ("a\x00b", "contain NUL"),
        ("a\ud800", "lone surrogates"),
    ],
)
def test_what_cannot_be_a_name_is_refused(gallery, name, said):
    with pytest.raises(MisuseError, match=said):
        made.person(gallery, name)
    assert people.people(gallery) == []


def test_a_name_that_is_taken_is_refused_with_whom_to_merge(gallery):
    number = made.person(gallery, "Ada")
    with pytest.raises(GalleryError, match=f"#{number} is already called 'Ada': merge"):
        made.person(gallery, "Ada")


@pytest.mark.parametrize("named", ["Ada", "#7", 7, "#99999999999999999999999", "#" + "9" * 5000])
def test_somebody_unknown_is_a_misuse(gallery, named):
    with pytest.raises(MisuseError, match="there is no person"):
        people.find_person(gallery, named)


@pytest.mark.parametrize("named", ["Tony Blair", "tony_blair", "Tony Blayr"])
def test_a_name_that_is_mistaken_is_told_with_the_one_that_may_be_meant(gallery, named):
    made.person(gallery, "Tony_Blair")
    made.person(gallery, "Colin_Powell")
    made.person(gallery, None)
    with pytest.raises(MisuseError, match="did you mean 'Tony_Blair'"):
        people.find_person(gallery, named)
    with pytest.raises(MisuseError) as caught:
        people.find_person(gallery, "Ada")
    assert "did you mean" not in str(caught.value)


def test_persons_are_listed_by_their_faces_with_the_best_as_cover(gallery):
    dull = made.photograph(gallery, "a.jpg", "ada", "ada", quality=0.2)
    (clear,) = made.photograph(gallery, "b.jpg", "ada", quality=0.9)
    (bob,) = made.photograph(gallery, "c.jpg", "bob")
    group, ada = made.person(gallery, None, bob), made.person(gallery, "Ada", *dull, clear)
    first, second = people.people(gallery)
    assert (first.id, first.display_name, first.faces, first.photos, first.cover) == (ada, "Ada", 3, 2, clear)
    assert (second.id, second.display_name, second.faces, second.photos, second.cover) == (
        group,
        f"#{group}",
        1,
        1,
        bob,
    )
    assert [person.id for person in people.people(gallery, named=True)] == [ada]


def test_hidden_persons_are_listed_only_where_asked_for(gallery):
    number = made.person(gallery, "Ada")
    with people.begin_edit(gallery, "hide") as edit:
        edit.hide(number, True)
    assert people.people(gallery, hidden=False) == []
    assert [person.hidden for person in people.people(gallery)] == [True]


def count(gallery, table):
    with gallery.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_edit_that_changes_nothing_leaves_no_entry(gallery):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    ada = made.person(gallery, "Ada", face)
    before = count(gallery, schema.journal)
    with people.begin_edit(gallery, "name") as edit:
        edit.rename(ada, "Ada")
        edit.hide(ada, False)
        edit.assign([face], ada, "hand")
    assert count(gallery, schema.journal) == before


def test_an_edit_that_fails_leaves_nothing(gallery):
    def twice():
        with people.begin_edit(gallery, "made") as edit:
            edit.create("Ada")
            edit.create("Ada")

    with pytest.raises(GalleryError, match="already"):
        twice()
    assert (count(gallery, schema.people), count(gallery, schema.journal), count(gallery, schema.changes)) == (0, 0, 0)


def test_the_journal_says_who_did_it(gallery, monkeypatch):
    monkeypatch.setenv("NITAKAO_USER", "Grace 👩‍💻")
    made.person(gallery, "Ada")
    with gallery.read() as connection:
        row = connection.execute(select(schema.journal)).one()
    assert (row.who, row.undone) == ("Grace 👩‍💻", None)
    assert abs(row.at - time.time()) < 60


def test_numbers_are_never_given_twice(gallery):
    first = made.person(gallery, "Ada")
    with people.begin_edit(gallery, "drop") as edit:
        edit.drop(first)
    assert made.person(gallery, "Bob") > first


def test_groups_are_made_in_one_go_with_numbers_in_order(gallery):
    with people.begin_edit(gallery, "cluster") as edit:
        groups = edit.create_unnamed(2500)
        assert edit.create_unnamed(0) == []
    assert groups == sorted(set(groups))
    assert len(groups) == count(gallery, schema.people) == count(gallery, schema.changes) == 2500


def test_dropping_a_person_frees_the_faces_and_the_name(gallery):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    ada = made.person(gallery, "Ada", face)
    with people.begin_edit(gallery, "drop") as edit:
        edit.drop(ada)
    with gallery.read() as connection:
        assert connection.execute(select(schema.faces.c.person, schema.faces.c.assigned)).one() == (None, None)
    assert made.person(gallery, "Ada") != ada
