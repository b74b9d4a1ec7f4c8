"""Photos, Compare, Map and Settings, as they are used."""

from __future__ import annotations

import csv
import json
import shutil

from tests.browser.driving import PATIENCE


def called(at, name: str) -> None:
    """Write the person's name in place."""
    at.button("Who is this?").click()
    field = at.page.get_by_role("combobox", name="Name", exact=True)
    field.fill(name)
    field.press("Enter")


def test_photographs_are_filtered_by_people_together(drive, changed):
    at = drive(changed, "/#/people/1")
    called(at, "Eileen")
    at.says("Named Eileen.")
    at.go("/#/people/2")
    called(at, "Grace")
    at.says("Named Grace.")
    at.go("/#/photos")
    at.wait(".bare-tile")
    everything = at.find(".bare-tile").count()
    at.page.get_by_role("combobox", name="Filter by person").fill("Eil")
    at.page.get_by_role("option").filter(has_text="Eileen").click()
    at.page.get_by_role("combobox", name="Together with").wait_for()
    at.settled()
    hers = at.find(".bare-tile").count()
    at.page.get_by_role("combobox", name="Together with").fill("Gr")
    at.page.get_by_role("option").filter(has_text="Grace").click()
    at.counts(".bare-tile", 1)
    at.settled()
    at.shot("together")
    assert everything > hers > 1
    assert at.faults() == []
    at.find(".bare-tile .tile-face").click()
    at.wait(".photo-window .outline-name")
    assert sorted(at.find(".outline-name").all_inner_texts()) == ["Eileen", "Grace"]


def test_a_folder_and_dropped_pictures_are_indexed_as_one_watches(drive, changed, pictures, tmp_path):
    for n, name in enumerate(("hopper-grey.jpg", "rocket.jpg")):
        (tmp_path / name).write_bytes((pictures / name).read_bytes() + bytes([n]))  # other bytes, other photographs
    at = drive(changed, "/#/photos")
    at.wait(".bare-tile")
    before = at.find(".bare-tile").count()
    at.button("Add").click()
    at.shot("photos-add")
    assert at.faults() == []
    at.page.get_by_label("Or enter a folder").fill(str(tmp_path))
    at.button("Scan").click()
    at.wait(".job")
    at.find(".job[data-state=done]").wait_for()
    at.counts(".bare-tile", before + 2)
    dropped = tmp_path / "dropped.jpg"
    dropped.write_bytes((pictures / "astronaut-grey.jpg").read_bytes() + b"x")
    at.drop(dropped)
    at.counts(".bare-tile", before + 3)
    at.shot("photos-added")


def test_a_folder_that_is_not_there_is_told(drive, changed):
    at = drive(changed, "/#/photos", expected=("400", "404", "422"))
    at.button("Add").click()
    at.page.get_by_label("Or enter a folder").fill("/nowhere/at/all")
    at.button("Scan").click()
    told = at.page.locator(".notice[data-bad=true], .job[data-state=failed]").first
    told.wait_for()
    assert "does not exist" in told.inner_text()


def test_two_pictures_are_compared(drive, served, pictures):
    at = drive(served, "/#/compare")
    at.drop(pictures / "hopper.jpg")
    at.drop(pictures / "hopper-mirrored.jpg")
    at.says("Same person")
    at.find(".half .outline").nth(1).wait_for()
    at.settled()
    at.shot("compared-same")
    assert at.faults() == []
    at.find("input[type=file]").nth(1).set_input_files(str(pictures / "astronaut.jpg"))
    at.says("Different people")
    at.shot("compared-different")
    assert "%" in at.find(".verdict-probability").inner_text()


def test_of_several_faces_another_is_compared_by_choosing_it(drive, served, pictures):
    at = drive(served, "/#/compare")
    at.drop(pictures / "hopper.jpg")
    at.drop(pictures / "together.jpg")
    outlines = at.find(".half").nth(1).locator("button.outline")
    at.wait(".verdict")
    outlines.nth(1).wait_for()
    assert outlines.count() == 2
    chosen = [outlines.nth(n).get_attribute("aria-pressed") for n in (0, 1)]
    assert sorted(chosen) == ["false", "true"]
    first = at.find(".verdict h2").inner_text()
    outlines.nth(chosen.index("false")).focus()
    at.press("Enter")
    at.says("Different people" if first == "Same person" else "Same person")
    assert outlines.nth(chosen.index("false")).get_attribute("aria-pressed") == "true"
    at.settled()
    at.shot("compared-chosen")
    assert at.faults() == []


def test_the_map_is_made_hovered_opened_and_stepped_through(drive, changed):
    at = drive(changed, "/#/map", expected=("404",))
    at.button("Build face map").click()
    at.find("canvas").wait_for(timeout=6000 * PATIENCE)
    at.wait(".legend button")
    at.settled()
    canvas = at.find("canvas")
    canvas.focus()
    at.press("ArrowRight")
    at.wait(".hover-card")
    at.settled()
    at.shot("map-made")
    assert at.faults() == []
    at.press("ArrowLeft", "+", "-", "0", "Enter")
    at.wait(".photo-window")
    at.press("Escape")
    at.find(".photo-window").wait_for(state="detached")
    box = canvas.bounding_box()
    at.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    at.page.mouse.wheel(0, -400)
    at.page.mouse.down()
    at.page.mouse.move(box["x"] + 60, box["y"] + 60, steps=3)
    at.page.mouse.up()
    assert at.find(".photo-window").count() == 0  # a drag is no click
    at.find(".legend button").first.click()
    assert at.find(".legend button").first.get_attribute("aria-pressed") == "true"


def test_settings_show_the_model_keep_a_threshold_and_export(drive, changed, tmp_path):
    at = drive(changed, "/#/settings")
    at.says("CC0")
    at.page.get_by_label("Threshold", exact=True).fill("0.5")
    at.button("Save").click()
    at.says("Threshold set to 0.50.")
    at.button("Use model default").click()
    at.says("Using the model's default threshold.")
    at.page.get_by_label("Format").select_option("csv")
    with at.page.expect_download() as download:
        at.link("Download").click()
    kept = tmp_path / "faces.csv"
    shutil.copy(download.value.path(), kept)
    with kept.open(newline="", encoding="utf-8") as rows:
        assert len(list(csv.DictReader(rows))) > 10


def test_a_person_is_forgotten_only_with_the_name_typed(drive, changed):
    at = drive(changed, "/#/people/2")
    at.wait(".bare-tile")
    called = at.find("h1").inner_text()
    at.link("Delete data…").click()
    at.wait("#forget form")
    at.shot("forget")
    assert at.faults() == []
    assert at.button("Delete for good").is_disabled()
    field = at.page.get_by_label("to confirm", exact=False)
    field.fill(called + "x")
    assert at.button("Delete for good").is_disabled()
    field.fill(called)
    at.button("Delete for good").click()
    at.says("Deleted the data of")
    at.view("people")
    at.wait(".person")
    assert called not in json.dumps(at.find(".person").all_inner_texts())
