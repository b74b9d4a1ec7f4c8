"""What people put right by hand."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests.gallery import made

from nitakao.errors import GalleryError, MisuseError
from nitakao.gallery import faces, people, schema
from nitakao.gallery.people import corrections


def owner(gallery, face):
    """Whose the face is, and how that was found."""
    with gallery.read() as connection:
        asked = select(schema.faces.c.person, schema.faces.c.assigned).where(schema.faces.c.id == face)
        return tuple(connection.execute(asked).one())


def never(gallery):
    with gallery.read() as connection:
        return {tuple(row) for row in connection.execute(select(schema.never.c.face, schema.never.c.person))}


def names(gallery):
    return {person.id: person.name for person in people.people(gallery)}


@pytest.fixture
def three(gallery):
    """Three faces in three photographs."""
    return [made.photograph(gallery, f"{n}.jpg", "ada")[0] for n in range(3)]


def test_naming_a_face_of_nobody_makes_a_person(gallery, three):
    done = corrections.name_face(gallery, three[0], " Ada ")
    assert (owner(gallery, three[0]), done.name, done.faces) == ((done.person, "hand"), "Ada", 1)


def test_naming_a_face_of_a_group_names_the_group(gallery, three):
    group = made.person(gallery, None, *three, how="group")
    done = corrections.name_face(gallery, three[1], "Ada")
    assert (done.person, done.name, names(gallery)) == (group, "Ada", {group: "Ada"})


def test_naming_never_merges_by_itself(gallery, three):
    made.person(gallery, "Ada", three[0])
    group = made.person(gallery, None, three[1])
    with pytest.raises(GalleryError, match="merge"):
        corrections.name_person(gallery, group, "Ada")
    assert names(gallery)[group] == ""


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_merge_keeps_the_one_name_there_is_whichever_comes_first(gallery, three, order):
    both = made.person(gallery, "Ada", three[0]), made.person(gallery, None, three[1], how="group")
    done = corrections.merge(gallery, both[order[0]], [both[order[1]]])
    assert names(gallery) == {both[order[0]]: "Ada"}
    assert (done.faces, done.warnings) == (1, ())
    assert owner(gallery, three[1]) == (both[order[0]], "hand")


def test_a_merge_of_two_names_says_which_is_gone(gallery, three):
    ada, eda = made.person(gallery, "Ada", three[0]), made.person(gallery, "Eda", three[1])
    assert "'Eda' is now 'Ada'" in corrections.merge(gallery, ada, [eda]).warnings[0]
    assert names(gallery) == {ada: "Ada"}


def test_a_merge_that_leaves_the_name_open_is_refused(gallery, three):
    group, *named = made.person(gallery, None), made.person(gallery, "Ada"), made.person(gallery, "Eda")
    with pytest.raises(MisuseError, match=f"#{group} cannot take both names 'Ada' and 'Eda'"):
        corrections.merge(gallery, group, named)
    assert len(names(gallery)) == 3


def test_a_merge_needs_two_persons(gallery):
    ada = made.person(gallery, "Ada")
    for others in ([], ["Ada"], [f"#{ada}"]):
        with pytest.raises(MisuseError, match="two different persons"):
            corrections.merge(gallery, ada, others)


def test_a_merge_carries_over_what_was_refused_and_what_is_in_doubt(gallery, three):
    ada, group = made.person(gallery, "Ada", three[0]), made.person(gallery, None, three[1])
    other = made.photograph(gallery, "other.jpg", "bob", "cleo")
    with people.begin_edit(gallery, "made") as edit:
        edit.set_marks("never", {(other[0], group): "yes"})
        edit.set_marks("review", {(other[0], ada): "0.9", (other[1], group): "0.7", (other[1], ada): "0.8"})
    corrections.merge(gallery, ada, [group])
    assert never(gallery) == {(other[0], ada)}
    with gallery.read() as connection:
        rows = {tuple(row) for row in connection.execute(select(schema.reviews))}
    assert (other[1], ada, 0.7) in rows
    assert {row[1] for row in rows} == {ada}


def test_a_split_gives_faces_to_a_new_person_and_keeps_them_from_going_back(gallery, three):
    ada = made.person(gallery, "Ada", *three)
    done = corrections.split(gallery, three[1:], "Bea")
    assert names(gallery) == {ada: "Ada", done.person: "Bea"}
    assert {owner(gallery, face) for face in three[1:]} == {(done.person, "hand")}
    assert never(gallery) == {(face, ada) for face in three[1:]}


def test_a_face_that_is_taken_from_somebody_is_never_given_back_by_itself(gallery, three):
    ada = made.person(gallery, "Ada", *three, how="group")
    corrections.move(gallery, [three[0]], None)
    assert owner(gallery, three[0]) == (None, None)
    assert never(gallery) == {(three[0], ada)}
    corrections.move(gallery, [three[0]], "Ada")
    assert (owner(gallery, three[0]), never(gallery)) == ((ada, "hand"), set())


def test_a_group_without_a_name_goes_with_its_last_face_and_a_named_person_stays(gallery, three):
    ada = made.person(gallery, "Ada", three[0])
    group = made.person(gallery, None, three[1])
    corrections.move(gallery, three[:2], None)
    assert names(gallery) == {ada: "Ada"}
    assert group != ada


def test_two_faces_of_one_photograph_may_be_one_person_with_a_warning(gallery):
    mirror = made.photograph(gallery, "mirror.jpg", "ada", "ada")
    ada = made.person(gallery, "Ada", mirror[0])
    assert "several faces in one photograph" in corrections.move(gallery, mirror[1:], ada).warnings[0]


def test_two_moments_of_one_video_are_no_reason_for_a_warning(gallery):
    track = made.photograph(gallery, "film.mp4", "ada", "ada", video=True)
    with gallery.write("made") as connection:
        connection.execute(schema.faces.update().values(time=schema.faces.c.id * 1.5))
    assert corrections.split(gallery, track).warnings == ()


def test_moving_a_face_where_it_is_changes_no_owner_and_confirms_it(gallery, three):
    ada = made.person(gallery, "Ada", *three, how="group")
    assert corrections.move(gallery, three[:1], ada).faces == 0
    assert owner(gallery, three[0]) == (ada, "hand")
    assert corrections.move(gallery, three[:1], ada).entry == 0


@pytest.mark.parametrize("step", [corrections.split, lambda g, f: corrections.move(g, f, None)])
def test_faces_that_are_not_there_are_refused(gallery, three, step):
    with pytest.raises(MisuseError, match="no face 99"):
        step(gallery, [three[0], 99])
    with pytest.raises(MisuseError, match="at least one face"):
        step(gallery, [])


def test_hidden_persons_do_not_take_part_in_answers(gallery, three):
    ada = made.person(gallery, "Ada", three[0])
    corrections.hide(gallery, ["Ada"])
    assert faces.count(gallery) == 2
    corrections.hide(gallery, [ada], hidden=False)
    assert faces.count(gallery) == 3
