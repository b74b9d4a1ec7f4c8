"""Search: from a picture to faces, and from there on."""

from __future__ import annotations

import re

import pytest

CHOSEN = ".outline[data-selected=true]"


@pytest.fixture
def at(drive, served, pictures):
    """A search with a portrait, answered."""
    at = drive(served)
    at.wait(".drop")
    at.choose(pictures / "hopper-tilted.jpg")
    at.wait(".hit")
    return at


def distances(at) -> list[float]:
    return [float(text) for text in at.find(".hit .tile-numbers span:first-child").all_inner_texts()]


def slide(at, value: float) -> None:
    at.find("#limit").fill(str(value))


def test_a_chosen_picture_shows_its_face_outlined_and_those_that_are_alike(at):
    assert at.find(CHOSEN).count() == 1
    assert distances(at) == sorted(distances(at))
    assert at.find(".results-head .count").inner_text() == "7 faces below 0.62"
    assert at.find(".hit").count() == 7
    at.settled()
    at.shot("searched")
    assert at.faults() == []


def test_the_slider_filters_at_once_without_asking_again(at):
    at.settled()
    before = [one for one in at.asked if one.startswith("POST")]
    near = sum(distance <= 0.12 for distance in distances(at))
    slide(at, 0.125)
    at.counts(".hit", near)
    slide(at, 1.4)
    at.counts(".hit", 15)
    slide(at, 0)
    at.says("No face below 0.00")
    at.button("Show the nearest faces").click()
    at.counts(".hit", 15)
    at.button("Reset").click()
    at.counts(".hit", 7)
    assert [one for one in at.asked if one.startswith("POST")] == before


def test_a_hit_opens_the_photograph_and_its_other_face_is_searched_from_there(at):
    hits = at.find(
        ".hit",
    ).filter(has_text="together.jpg")
    hits.locator(".tile-face").click()
    at.wait(".photo-window .outline")
    assert at.find(".photo-window .outline").count() == 2
    assert at.find(f".photo-window {CHOSEN}").count() == 1
    at.settled()
    at.shot("photo-opened")
    assert at.faults() == []
    at.find(".photo-window .outline[data-selected=false]").click()
    face = re.search(r"face=(\d+)", at.page.url)
    at.link("Search for this face").click()
    at.wait(".gallery-probe")
    at.wait(".hit")
    assert face is not None
    assert at.page.url.endswith(f"probe=face:{face[1]}")
    assert "astronaut" in at.find(".hit").first.inner_text()


def test_closing_a_photograph_leads_back_to_the_hits(at):
    at.find(".hit .tile-face").nth(1).click()
    at.wait(".photo-window")
    at.press("Escape")
    at.find(".photo-window").wait_for(state="detached")
    at.counts(".hit", 7)
    assert "photo=" not in at.page.url


def test_of_two_faces_the_one_that_is_pressed_is_asked_about(drive, served, pictures):
    at = drive(served)
    at.wait(".drop")
    at.drop(pictures / "together.jpg")
    at.wait(".hit")
    assert at.find(".picture-probe .outline").count() == 2
    known = at.find(".hit").filter(has_text="hopper").count()
    at.find(".picture-probe .outline[data-selected=false]").click()
    at.find(".hit").filter(has_text="astronaut" if known else "hopper").first.wait_for()
    at.settled()
    at.shot("two-faces")
    at.button("Face 1").click()
    at.find(".hit").filter(has_text="hopper" if known else "astronaut").first.wait_for()


def test_a_picture_can_be_pasted(drive, served, pictures):
    at = drive(served)
    at.wait(".drop")
    at.paste(pictures / "astronaut-half.jpg")
    at.wait(".hit")
    assert "astronaut" in at.find(".hit").nth(0).inner_text()


def test_several_pictures_are_one_person(drive, served, pictures):
    at = drive(served)
    at.wait(".drop")
    at.choose(pictures / "hopper.jpg", pictures / "hopper-grey.jpg")
    at.wait(".hit")
    assert at.find(".several img").count() == 2


def test_the_camera_takes_a_picture_and_one_without_a_face_is_told(drive, served):
    at = drive(served, expected=("422", "400"))
    at.wait(".drop")
    at.button("Camera").click()
    at.button("Take photo").click()
    assert "face" in at.wait(".results [role=alert]").inner_text()
    at.shot("no-face")


def test_what_is_no_picture_is_told_in_one_sentence(drive, served, tmp_path):
    at = drive(served, expected=("415", "422", "400"))
    at.wait(".drop")
    wrong = tmp_path / "page.jpg"
    wrong.write_text("<script>alert(1)</script>")
    at.choose(wrong)
    assert at.wait(".results [role=alert]").inner_text().strip()
    at.button("Clear").click()
    at.wait(".drop")


def test_look_alikes_are_other_people(at):
    at.page.get_by_role("switch").check()
    at.find(".hit").filter(has_text="astronaut").first.wait_for()
    assert not at.find(".hit").filter(has_text="hopper").count()


def test_not_this_one_asks_away_from_it_and_can_be_taken_back(at):
    at.settled()
    before = distances(at)
    tile = at.find(".hit").nth(1)
    tile.hover()
    tile.get_by_role("button", name="Exclude").click()
    at.wait(".filters .token")
    at.says("no probabilities while faces are excluded")
    assert distances(at) != before
    at.find(".filters .token").click()
    at.find(".filters .token").wait_for(state="detached")
    at.says("probabilities with prior 0.5")
    at.wait(".results [data-busy=false]")
    assert distances(at) == before


def test_everything_is_done_with_the_keyboard_alone(drive, served, pictures):
    at = drive(served)
    at.wait(".suggested-people a")
    at.press("Tab")
    assert at.focused() == "Skip to content"
    at.press("Enter", "Tab")
    assert at.focused() == "Choose a photo"
    at.tab_to("#1")
    at.press("Enter")
    at.wait(".hit")
    at.page.wait_for_function("() => document.querySelector('.hit [tabindex=\"0\"]')")
    first = at.find(".hit .tile-face").first.get_attribute("aria-label")
    at.tab_to(first)
    at.press("ArrowRight", "ArrowDown", "Home", "End")
    at.focuses(at.find(".hit .tile-face").last.get_attribute("aria-label"))
    at.press("Home", "ArrowRight")
    chosen = at.find(".hit .tile-face").nth(1).get_attribute("aria-label")
    at.focuses(chosen)
    at.press("Enter")
    at.wait(".photo-window .outline")
    at.press("Escape")
    at.find(".photo-window").wait_for(state="detached")
    at.focuses(chosen)
    at.press("Tab")
    assert at.focused() == "Search for this face"
    at.press("Enter")
    at.wait(".gallery-probe")
    assert "probe=face" in at.page.url
