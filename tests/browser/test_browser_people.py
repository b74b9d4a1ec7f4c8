"""People: named, merged, split, undone, hidden and answered, with the mouse and with keys."""

from __future__ import annotations

import pytest


@pytest.fixture
def at(drive, changed):
    at = drive(changed, "/#/people")
    at.wait(".person")
    return at


def undo(at) -> None:
    at.button("Undo").last.click()
    at.says("Undone.")


def tile(at, name: str):
    return at.find(".person").filter(has_text=name)


def named(at, nth: int, name: str) -> None:
    at.find(".person .name").nth(nth).click()
    field = at.page.get_by_role("combobox", name="Name", exact=True)
    field.fill(name)
    field.press("Enter")
    at.says(f"Named {name}.")
    tile(at, name).first.wait_for()


def test_a_name_is_written_in_place_and_undone(at):
    named(at, 0, "Eileen Collins")
    at.settled()
    at.shot("people-named")
    undo(at)
    tile(at, "Eileen Collins").wait_for(state="detached")


def test_markup_in_a_name_stays_text(at):
    wicked = "<img src=x onerror=alert(1)>"
    named(at, 0, wicked)
    assert at.find("img[src=x]").count() == 0
    at.go("/#/people/1")
    assert at.wait(".name-large").inner_text() == wicked
    at.find(".bare-tile .tile-face").first.click()
    at.wait(".photo-window")
    at.says(wicked)
    at.press("Escape")
    undo(at)


def test_a_name_that_is_there_is_proposed_and_merges(at):
    named(at, 0, "Ada")
    at.find(".person .name").filter(has_text="Add a name").click()
    field = at.page.get_by_role("combobox", name="Name", exact=True)
    field.fill("A")
    at.page.get_by_role("option").filter(has_text="Ada").wait_for()
    field.press("ArrowDown")
    at.shot("proposed")
    assert at.faults() == []
    field.press("Enter")
    at.says("Merged 2 groups into Ada.")
    at.counts(".person", 1)
    undo(at)
    at.find(".person").nth(1).wait_for()
    at.view("settings")
    at.find(".journal button[aria-label]").first.wait_for()
    at.settled()
    at.find(".journal li").filter(has_text="Named").locator("button").first.click()  # the name is undone, too
    at.says("Undone.")


def test_people_are_merged_by_choosing_them(at):
    for person in at.find(".person").all():
        person.hover()
        person.get_by_role("checkbox").check(force=True)
    at.page.get_by_role("region", name="2 selected").wait_for()
    at.shot("people-chosen")
    assert at.faults() == []
    at.page.get_by_role("button", name="Merge into").click()
    at.says("Merged 2 groups into")
    at.find(".person").nth(1).wait_for(state="detached")
    undo(at)
    at.find(".person").nth(1).wait_for()


def test_people_are_merged_by_dragging_one_onto_another(at):
    at.find(".person").nth(1).drag_to(at.find(".person").nth(0))
    at.says("Merged 2 groups into")
    at.find(".person").nth(1).wait_for(state="detached")
    undo(at)
    at.find(".person").nth(1).wait_for()


def test_faces_are_split_off_and_given_to_nobody(at):
    at.find(".person .tile-face").first.click()
    at.wait(".bare-tile")
    many = at.find(".bare-tile").count()
    for n in (0, 1):
        at.find(".bare-tile").nth(n).hover()
        at.find(".bare-tile").nth(n).get_by_role("checkbox").check(force=True)
    at.button("Create new person").click()
    at.says("Created #")
    at.find(".bare-tile").nth(many - 2).wait_for(state="detached")
    undo(at)
    at.find(".bare-tile").nth(many - 1).wait_for()
    at.find(".bare-tile").nth(0).hover()
    at.find(".bare-tile").nth(0).get_by_role("checkbox").check(force=True)
    at.button("Unassign").click()
    at.says("Unassigned 1 face.")
    undo(at)
    at.find(".bare-tile").nth(many - 1).wait_for()


def test_a_hidden_person_is_found_among_the_hidden_and_shown_again(at):
    at.find(".person .tile-face").first.click()
    at.button("Hide").click()
    at.says("is hidden.")
    at.view("people")
    at.counts(".person", 1)
    other = at.find(".person .tile-face").get_attribute("aria-label")
    at.link("Hidden").click()
    at.page.wait_for_function(
        "(other) => ![other, undefined].includes(document.querySelector('.person .tile-face')?.ariaLabel)", arg=other
    )
    at.counts(".person", 1)
    at.find(".person .tile-face").first.click()
    at.button("Unhide").click()
    at.says("is visible again.")


def test_doubts_are_answered_with_one_key_each(at):
    at.find("a.banner").click()
    at.wait(".review")
    at.settled()
    at.shot("review")
    at.press("s")
    at.says("Skipped.")
    at.press("n")
    at.says("Not #1.")
    at.press("y")
    at.says("Yes, #1.")
    at.page.get_by_text("All done:").or_(at.find(".review")).first.wait_for()


def test_people_are_named_and_merged_with_the_keyboard_alone(at):
    at.tab_to(at.find(".person .tile-face").first.get_attribute("aria-label"))
    at.press("ArrowRight", "Space")
    at.page.get_by_role("region", name="1 selected").wait_for()
    at.press("ArrowLeft", "Space")
    at.tab_to(at.page.get_by_role("button", name="Merge into").inner_text())
    at.press("Enter")
    at.says("Merged 2 groups into")
    undo(at)
    at.find(".person").nth(1).wait_for()
    at.page.reload()
    at.wait(".person")
    at.tab_to("Add a name")
    at.press("Enter")
    at.wait("input[role=combobox]:focus")
    at.page.keyboard.type("Grace")
    at.press("Enter")
    at.says("Named Grace.")
    undo(at)


def test_an_empty_kind_says_what_to_do(at):
    at.link("Named").click()
    at.says("No named people yet.")
    at.shot("people-empty")
