"""Undo: whatever was done, taken back, leaves the gallery as it was."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import select
from tests.fakes import CARD
from tests.gallery import made

from nitakao.errors import GalleryError, MisuseError, NitakaoError
from nitakao.gallery import GalleryStore, schema
from nitakao.gallery.people import begin_edit, corrections, journal, reviews
from nitakao.gallery.people.undo import undo


def state(gallery):
    """Everything about persons, as it stands."""
    asked = (
        select(schema.people),
        select(schema.faces.c.id, schema.faces.c.person, schema.faces.c.assigned),
        select(schema.reviews),
        select(schema.never),
    )
    with gallery.read() as connection:
        return [sorted(connection.execute(one).all(), key=str) for one in asked]


def test_a_merge_is_taken_back_with_names_numbers_and_marks(gallery):
    first, second, third = (made.photograph(gallery, f"{n}.jpg", "ada")[0] for n in range(3))
    ada = made.person(gallery, "Ada", first, how="label")
    group = made.person(gallery, None, second, how="group")
    corrections.move(gallery, [third], "Ada")
    corrections.move(gallery, [third], None)
    corrections.hide(gallery, [group])
    before = state(gallery)
    corrections.merge(gallery, ada, [group])
    assert state(gallery) != before
    assert undo(gallery).verb == "merge"
    assert state(gallery) == before


def test_undo_goes_back_step_by_step_and_says_when_nothing_is_left(gallery):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    corrections.name_face(gallery, face, "Ada")
    corrections.name_face(gallery, face, "Eda")
    assert [undo(gallery).entry for _ in range(2)] == [2, 1]
    with pytest.raises(MisuseError, match="nothing to undo"):
        undo(gallery)


def test_what_was_undone_can_be_done_again(gallery):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    done = corrections.name_face(gallery, face, "Ada")
    before = state(gallery)
    back = undo(gallery)
    again = undo(gallery, back.by)
    assert (state(gallery), again.verb) == (before, "undo")
    assert undo(gallery).entry == done.entry


def test_an_entry_that_was_built_upon_names_what_to_undo_first(gallery):
    faces = made.photograph(gallery, "a.jpg", "ada", "bob")
    split = corrections.split(gallery, faces)
    moved = corrections.move(gallery, faces[:1], None)
    with pytest.raises(GalleryError, match=rf"entry {split.entry} \(split\).* first undo {moved.entry} \(move\)"):
        undo(gallery, split.entry)
    undo(gallery, moved.entry)
    undo(gallery, split.entry)


def test_a_person_is_not_unmade_while_a_later_entry_needs_them(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    split = corrections.split(gallery, [one])
    moved = corrections.move(gallery, [two], split.person)
    with pytest.raises(GalleryError, match=f"first undo {moved.entry}"):
        undo(gallery, split.entry)


def test_faces_do_not_go_back_to_a_person_who_was_merged_away_since(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    ada, bob = made.person(gallery, "Ada", one), made.person(gallery, "Bob", two)
    moved = corrections.move(gallery, [one], bob)
    merged = corrections.merge(gallery, bob, [ada])
    with pytest.raises(GalleryError, match=f"first undo {merged.entry}"):
        undo(gallery, moved.entry)


def test_later_entries_about_others_do_not_stand_in_the_way(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    before = corrections.name_face(gallery, one, "Ada")
    corrections.name_face(gallery, two, "Bob")
    undo(gallery, before.entry)
    assert [entry.undone is None for entry in journal.entries(gallery)] == [True, True, False]


def test_a_name_that_somebody_else_has_now_is_not_taken_from_them(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    corrections.name_face(gallery, one, "Ada")
    renamed = corrections.name_face(gallery, one, "Eda")
    taken = corrections.name_face(gallery, two, "Ada")
    with pytest.raises(GalleryError, match=rf"first undo {taken.entry} \(name\)"):
        undo(gallery, renamed.entry)


def test_entries_undone_in_another_order_are_refused_rather_than_mixed(gallery):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    first, second = (corrections.name_face(gallery, face, name) for name in ("Ada", "Eda"))
    undone = undo(gallery, second.entry)
    undo(gallery, first.entry)
    with pytest.raises(GalleryError, match="does not match the current state"):
        undo(gallery, undone.by)


@pytest.mark.parametrize(("entry", "said"), [(99, "no entry 99"), (1, "already undone")])
def test_an_entry_that_cannot_be_meant_is_a_misuse(gallery, entry, said):
    (face,) = made.photograph(gallery, "a.jpg", "ada")
    corrections.name_face(gallery, face, "Ada")
    undo(gallery)
    with pytest.raises(MisuseError, match=said):
        undo(gallery, entry)


def test_a_face_that_left_the_gallery_is_passed_over(gallery):
    one, two = made.photograph(gallery, "a.jpg", "ada", "bob")
    split = corrections.split(gallery, [one, two])
    with gallery.write("prune") as connection:
        connection.execute(schema.faces.delete().where(schema.faces.c.id == one))
    undo(gallery, split.entry)
    assert state(gallery)[:2] == [[], [(two, None, None)]]


def test_a_grouping_of_many_is_one_entry_and_goes_back_at_once(gallery):
    faces = made.photograph(gallery, "crowd.jpg", *map(str, range(1200)))
    before = state(gallery)
    with begin_edit(gallery, "cluster") as grouped:
        groups = grouped.create_unnamed(400)
        grouped.assign_each({face: (groups[n // 3], "group") for n, face in enumerate(faces)})
    assert journal.entries(gallery)[0].texts[0] == "1200 faces assigned to 400 people"
    undo(gallery)
    assert state(gallery) == before


class Corrections(RuleBasedStateMachine):
    """Any sequence of edits, some of them undone and done again; in the end everything is taken back."""

    where: str

    @initialize()
    def begin(self):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.gallery = GalleryStore(f"{self.folder.name}/g.db", card=CARD)
        self.faces = [f for n in range(3) for f in made.photograph(self.gallery, f"{n}.jpg", "ada", "bob")]
        self.start = state(self.gallery)

    def teardown(self):
        try:
            while True:
                undo(self.gallery)
        except MisuseError:
            assert state(self.gallery) == self.start
        finally:
            self.gallery.close()
            self.folder.cleanup()

    def persons(self):
        with self.gallery.read() as connection:
            return sorted(connection.execute(select(schema.people.c.id)).scalars())

    def tried(self, step, *arguments):
        """What is refused leaves no trace; anything but a refusal is a failure."""
        before = state(self.gallery)
        try:
            step(self.gallery, *arguments)
        except NitakaoError:
            assert state(self.gallery) == before

    @rule(data=st.data(), name=st.sampled_from(["Ada", "Bob", None]))
    def split(self, data, name):
        self.tried(corrections.split, data.draw(st.lists(st.sampled_from(self.faces), min_size=1)), name)

    @rule(data=st.data())
    def move(self, data):
        faces = data.draw(st.lists(st.sampled_from(self.faces), min_size=1))
        self.tried(corrections.move, faces, data.draw(st.sampled_from([None, *self.persons()])))

    @precondition(lambda self: len(self.persons()) > 1)
    @rule(data=st.data())
    def merge(self, data):
        into, *others = data.draw(st.lists(st.sampled_from(self.persons()), min_size=2, unique=True))
        self.tried(corrections.merge, into, others)

    @precondition(lambda self: self.persons())
    @rule(data=st.data(), name=st.sampled_from(["Ada", "Bob", "Cleo"]))
    def name(self, data, name):
        self.tried(corrections.name_person, data.draw(st.sampled_from(self.persons())), name)

    @precondition(lambda self: self.persons())
    @rule(data=st.data(), hidden=st.booleans())
    def hide(self, data, hidden):
        self.tried(corrections.hide, [data.draw(st.sampled_from(self.persons()))], hidden)

    @precondition(lambda self: self.persons())
    @rule(data=st.data(), answer=st.sampled_from(["yes", "no", "skip"]))
    def review(self, data, answer):
        face, person = data.draw(st.sampled_from(self.faces)), data.draw(st.sampled_from(self.persons()))
        with begin_edit(self.gallery, "doubt") as doubted:
            doubted.set_marks("review", {(face, person): "0.5"})
        self.tried(reviews.answer, face, person, answer)

    @rule(data=st.data())
    def undo_any(self, data):
        entries = [entry.id for entry in journal.entries(self.gallery)]
        if entries:
            self.tried(undo, data.draw(st.sampled_from(entries)))


Corrections.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCorrections = Corrections.TestCase
