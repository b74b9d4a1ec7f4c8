"""The page on a gallery of LFW's people: whoever is asked about is found among many, and named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.browser.serving import Served, serving

PEOPLE = 8  # of LFW's people, in the order of the list
EACH = 6  # pictures that are indexed; the next one is asked about


@pytest.fixture(scope="module")
def album(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    lines = (shared / "data" / "lfw" / "people.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split("\t")[0] for line in lines][:PEOPLE]
    folder = shared / "data" / "lfw" / "images"
    return {name: sorted((folder / name).glob("*.jpg"))[: EACH + 1] for name in names}


@pytest.fixture(scope="module")
def lfw(chrome, album, tmp_path_factory):
    import nitakao

    folder = tmp_path_factory.mktemp("lfw")
    for name, pictures in album.items():
        (folder / "album" / name).mkdir(parents=True)
        for picture in pictures[:EACH]:
            shutil.copy(picture, folder / "album" / name)
    with nitakao.Gallery(folder / "lfw.db") as gallery:
        gallery.index(folder / "album", labels_from="folder")
    (folder / "served").mkdir()
    yield from serving(folder / "lfw.db", folder / "served")


def test_new_pictures_of_people_are_found_and_named(drive, lfw: Served, album):
    at = drive(lfw)
    at.wait(".drop")
    right = 0
    for name, pictures in list(album.items())[:4]:
        at.choose(pictures[EACH])
        at.page.wait_for_function("() => document.querySelector('.results [data-busy=false] .basis')")
        who = at.wait(".identity").inner_text()
        right += who.startswith(name) and at.find(".hit").first.inner_text().startswith(name)
        at.button("Clear").click()
        at.wait(".drop")
    assert right >= 3  # the largest face of a picture may be somebody else's


def test_all_of_them_are_listed_by_name_and_found_by_part_of_it(drive, lfw: Served, album):
    at = drive(lfw, "/#/people?kind=named")
    at.wait(".person")
    at.counts(".person", PEOPLE)
    wanted = sorted(album)[0]
    at.page.get_by_role("searchbox", name="Find a name").fill(wanted[1:].upper())
    at.counts(".person", 1)
    assert at.find(".person .name").inner_text() == wanted
