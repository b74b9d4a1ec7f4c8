"""What the journal says of each change."""

from __future__ import annotations

import pytest
from tests.gallery import made

from nitakao.gallery.people import corrections, journal
from nitakao.gallery.people.undo import undo


@pytest.fixture
def texts(gallery):
    """The texts of the latest entry."""
    return lambda: list(journal.entries(gallery, 1)[0].texts)


def test_each_change_is_described_with_names(gallery, texts):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    ada = corrections.name_face(gallery, one, "Ada").person
    assert texts() == ["1 face assigned to Ada", f"#{ada} created", f"#{ada} named 'Ada'"]
    group = corrections.split(gallery, [two]).person
    assert texts() == [f"1 face assigned to #{group}", f"#{group} created"]
    assert ada is not None
    assert group is not None
    corrections.name_person(gallery, ada, "Eda")
    assert texts() == ["'Ada' renamed to 'Eda'"]
    corrections.hide(gallery, [group])
    assert texts() == [f"#{group} hidden"]
    corrections.move(gallery, [one], None)
    assert texts() == ["1 face unassigned from Eda", "1 face marked as not Eda"]
    undone = undo(gallery)
    assert texts() == ["1 face assigned to Eda", "1 face no longer marked as not Eda", f"entry {undone.entry} undone"]
    undo(gallery, undone.by)
    again = ["1 face unassigned from Eda", "1 face marked as not Eda"]
    assert sorted(texts()) == sorted([*again, f"entry {undone.entry} redone", f"entry {undone.by} undone"])


def test_a_merged_person_keeps_the_name_in_the_journal(gallery, texts):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    made.person(gallery, "Ada", one)
    bob = made.person(gallery, "Bob", two)
    corrections.merge(gallery, "Ada", ["Bob"])
    assert texts()[0] == "1 face moved from Bob to Ada"
    assert f"name 'Bob' removed from #{bob}" in texts()


def test_the_latest_comes_first_and_no_more_than_asked_for(gallery):
    for name in "abc":
        made.person(gallery, name)
    assert [entry.id for entry in journal.entries(gallery)] == [3, 2, 1]
    assert [entry.id for entry in journal.entries(gallery, 2)] == [3, 2]
