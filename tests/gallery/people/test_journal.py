"""The journal in words."""

from __future__ import annotations

import pytest
from tests.gallery import made

from nitakao.gallery.people import corrections, journal
from nitakao.gallery.people.undo import undo


@pytest.fixture
def said(gallery):
    """What the latest entry says."""
    return lambda: list(journal.entries(gallery, 1)[0].said)


def test_each_step_is_told_with_names(gallery, said):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    ada = corrections.name_face(gallery, one, "Ada").person
    assert said() == ["1 face from nobody to Ada", f"#{ada} made", f"#{ada} called 'Ada'"]
    group = corrections.split(gallery, [two]).person
    assert said() == [f"1 face from nobody to #{group}", f"#{group} made"]
    assert ada is not None
    assert group is not None
    corrections.name_person(gallery, ada, "Eda")
    assert said() == ["'Ada' called 'Eda'"]
    corrections.hide(gallery, [group])
    assert said() == [f"#{group} hidden"]
    corrections.move(gallery, [one], None)
    assert said() == ["1 face from Eda to nobody", "1 face that is not Eda"]
    undone = undo(gallery)
    assert said() == ["1 face from nobody to Eda", "1 face that may again be Eda", f"entry {undone.entry} taken back"]
    undo(gallery, undone.by)
    again = ["1 face from Eda to nobody", "1 face that is not Eda"]
    assert sorted(said()) == sorted([*again, f"entry {undone.entry} done again", f"entry {undone.by} taken back"])


def test_a_merged_person_keeps_the_name_in_the_journal(gallery, said):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    made.person(gallery, "Ada", one)
    bob = made.person(gallery, "Bob", two)
    corrections.merge(gallery, "Ada", ["Bob"])
    assert said()[0] == "1 face from Bob to Ada"
    assert f"#{bob} no longer called 'Bob'" in said()


def test_the_latest_comes_first_and_no_more_than_asked_for(gallery):
    for name in "abc":
        made.person(gallery, name)
    assert [entry.id for entry in journal.entries(gallery)] == [3, 2, 1]
    assert [entry.id for entry in journal.entries(gallery, 2)] == [3, 2]
