"""Photographs, faces, people and corrections over REST."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from tests.gallery.made import photograph
from tests.server.conftest import ended, picture

from nitakao.gallery import GalleryStore


def test_the_gallery_is_counted(api, people):
    found = api.get("/gallery").json()
    assert {name: found[name] for name in ("faces", "photos", "people", "named", "unassigned")} == {
        "faces": 7,
        "photos": 3,
        "people": 3,
        "named": 3,
        "unassigned": 1,
    }


def test_a_face_and_its_chip_are_served_and_the_chip_is_kept_by_browsers(api, people):
    number = people["ada"][0]
    assert api.get(f"/faces/{number}").json()["name"] == "Ada"
    chip = api.get(f"/faces/{number}/chip?side=24")
    assert max(Image.open(io.BytesIO(chip.content)).size) == 24
    assert "immutable" in chip.headers["cache-control"]
    again = api.get(f"/faces/{number}/chip?side=24", headers={"if-none-match": chip.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get("/faces/9999").status_code == api.get("/faces/9999/chip").status_code == 404


def test_photographs_are_listed_latest_first_and_page_by_page(api, people):
    whole = api.get("/photos").json()
    assert [one["taken"] for one in whole["photos"]] == [1_630_000_000, 1_620_000_000, 1_560_000_000]
    assert whole["next"] is None
    listed, after = [], None
    while True:
        page = api.get("/photos", params={"limit": 2} | ({"after": after} if after else {})).json()
        listed += page["photos"]
        if (after := page["next"]) is None:
            break
    assert listed == whole["photos"]
    assert [face["name"] for face in listed[0]["faces"]] == ["Ada", "Bob", "Eve"]


def test_photographs_without_a_time_come_last_on_pages_of_their_own(api, served, people, tmp_path):
    for name in ("x.jpg", "y.jpg", "z.jpg"):
        photograph(served.service.gallery, name, "ada.jpg0")
    seen, after = [], None
    for _ in range(10):
        page = api.get("/photos", params={"limit": 2} | ({"after": after} if after else {})).json()
        seen += [one["taken"] for one in page["photos"]]
        if (after := page["next"]) is None:
            break
    assert seen == [1_630_000_000, 1_620_000_000, 1_560_000_000, None, None, None]
    by_index = [one["id"] for one in api.get("/photos?order=indexed&limit=1").json()["photos"]]
    assert by_index == [6]


def test_photographs_with_several_people_together_are_found(api, people):
    def together(*numbers):
        return [p["taken"] for p in api.get("/photos", params={"person": numbers}).json()["photos"]]

    assert together(1) == [1_630_000_000, 1_620_000_000, 1_560_000_000]
    assert together(1, 2) == [1_630_000_000, 1_560_000_000]
    assert together(1, 2, 3) == [1_630_000_000]
    assert together(1, 999) == []


def test_a_photograph_is_served_upright_without_its_metadata_and_only_where_it_is_what_it_was(api, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a secret place"
    path = tmp_path / "sideways.jpg"
    Image.new("RGB", (200, 100), (10, 100, 0)).save(path, exif=exif)
    api.post("/jobs/index", json={"paths": [str(path)]})
    job = api.get("/jobs").json()["jobs"][0]
    ended(api, job)
    number = api.get("/photos?order=indexed&limit=1").json()["photos"][0]["id"]
    found = api.get(f"/photos/{number}/image?side=64")
    shown = Image.open(io.BytesIO(found.content))
    assert shown.size == (32, 64)
    assert not shown.getexif()
    assert b"secret" not in found.content
    path.write_bytes(picture(60))
    gone = api.get(f"/photos/{number}/image")
    assert (gone.status_code, gone.json()["code"]) == (404, "photo-file-missing")


def test_people_are_listed_by_faces_by_name_and_by_part_of_a_name(api, people):
    def names(**query):
        return [one["name"] for one in api.get("/people", params=query).json()["people"]]

    assert names() == ["Ada", "Bob"]
    assert names(hidden="true", order="name") == ["Ada", "Bob", "Eve"]
    assert names(q="AD") == ["Ada"]
    assert names(q="%") == names(q="_") == []
    assert names(named="false") == []
    ada = api.get("/people/1").json()
    assert (ada["faces"], ada["photos"], ada["cover"]) == (3, 3, people["ada"][0])


def test_a_persons_faces_come_best_first_and_page_by_page(api, people):
    first = api.get("/people/1/faces?limit=2").json()
    rest = api.get("/people/1/faces", params={"after": first["next"]}).json()
    scores = [face["quality"]["score"] for face in first["faces"] + rest["faces"]]
    assert scores == sorted(scores, reverse=True)
    assert first["total"] == 3
    assert api.get("/people/999/faces").status_code == 404


def test_people_are_named_hidden_merged_split_and_all_of_it_taken_back(api, people):
    def names():
        return {one["id"]: one["name"] for one in api.get("/people?hidden=true").json()["people"]}

    before = names()
    changed = api.patch("/people/1", json={"name": "Ada Lovelace", "hidden": True}).json()
    assert changed["person"]["name"] == "Ada Lovelace"
    assert changed["person"]["hidden"]
    api.patch("/people/1", json={"hidden": False})
    merged = api.post("/people/1/merge", json={"others": [2]}).json()
    assert merged["person"]["faces"] == 5
    split = api.post("/faces/split", json={"faces": people["bob"], "name": "Robert"}).json()
    assert split["person"]["name"] == "Robert"
    moved = api.post("/faces/move", json={"faces": people["loner"], "person": 1}).json()
    assert moved["person"]["faces"] == 4
    assert api.post("/faces/move", json={"faces": people["loner"], "person": None}).json()["person"] is None
    entries = api.get("/journal").json()["entries"]
    assert entries[0]["verb"] == "move"
    while True:
        done = api.post("/undo")
        if done.status_code != 200 or done.json()["verb"] == "hide":
            break
    assert names()[1] in (before[1], "Ada Lovelace")
    assert names()[2] == "Bob"


def test_undo_refuses_what_later_changes_rest_on(api):
    entry = api.patch("/people/1", json={"name": "One"}).json()["entry"]
    api.patch("/people/1", json={"name": "Two"})
    found = api.post("/undo", json={"entry": entry})
    assert (found.status_code, found.json()["code"]) == (409, "undo-blocked")
    assert api.post("/undo", json={"entry": 9999}).status_code == 400


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "'; DROP TABLE people; --", "名前 \u202e evil", "a" * 500]
)
def test_any_text_is_a_name_and_comes_back_as_text(api, name):
    assert api.patch("/people/1", json={"name": name}).json()["person"]["name"] == name
    found = api.get("/people", params={"q": name})
    assert found.headers["content-type"] == "application/json"
    assert [one["name"] for one in found.json()["people"]] == [name]


def test_a_name_that_somebody_has_is_refused(api):
    found = api.patch("/people/1", json={"name": "Bob"})
    assert (found.status_code, found.json()["code"]) == (409, "name-taken")
    for name in ("", "   ", "#12", "a" * 501, "nul\x00"):
        assert api.patch("/people/1", json={"name": name}).status_code in (400, 422)


def test_the_journal_is_read_page_by_page(api):
    for n in range(5):
        api.patch("/people/1", json={"name": f"Name {n}"})
    first = api.get("/journal?limit=2").json()
    second = api.get("/journal", params={"limit": 2, "after": first["next"]}).json()
    numbers = [entry["id"] for entry in first["entries"] + second["entries"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 4


def test_a_path_that_is_no_text_is_shown_with_escapes(api, served, tmp_path):
    with GalleryStore(tmp_path / "family.db") as gallery:
        photograph(gallery, "album/\udcff.jpg", "ada.jpg0", taken=2e9)
    assert api.get("/photos?limit=1").json()["photos"][0]["paths"] == ["album/\\xff.jpg"]


ROUTES = ("/faces/{}", "/faces/{}/chip", "/photos/{}", "/photos/{}/image", "/people/{}", "/jobs/{}", "/models/{}")
ELSEWHERE = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "1%27--", "1.5", "-1", "0", "9" * 30)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_id_leads_anywhere_else(still, path):
    for route in ROUTES:
        found = still[1].get(route.format(path))
        assert found.status_code in (404, 422), route
        assert found.headers["content-type"] == "application/problem+json"


def test_a_cursor_is_one_of_ours_or_refused(still):
    foreign = ("x", "W10", "bnVsbA", "W3RydWUsIDFlOTk5LCAxXQ", "e" * 1999, "W3RydWUsMSw5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ")
    for after in foreign:
        for path in ("/photos", "/people", "/people?order=name", "/journal", "/reviews", "/people/1/faces"):
            found = still[1].get(path, params={"after": after})
            assert (found.status_code, found.json()["code"]) == (400, "invalid-cursor"), (path, after)
