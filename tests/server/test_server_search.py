"""Detect, embed, verify, search and identify over REST."""

from __future__ import annotations

import math

import pytest
from tests import fakes
from tests.server.conftest import GROUP, NOBODY, picture

JPEG = {"content-type": "image/jpeg"}


def test_a_picture_as_the_body_gives_its_faces(api):
    found = api.post("/detect", content=picture(GROUP), headers=JPEG).json()
    assert (found["width"], found["height"]) == (200, 100)
    assert [face["number"] for face in found["faces"]] == [0, 1, 2]
    assert found["faces"][0]["box"] == [10.0, 10.0, 42.0, 42.0]
    assert found["faces"][0]["landmarks"][0] == [18.0, 18.0]
    assert "vector" not in found["faces"][0]


def test_a_picture_as_a_part_of_a_form_gives_the_same(api):
    raw = api.post("/embed", content=picture(GROUP), headers=JPEG).json()
    part = api.post("/embed", files={"image": ("c:\\me.jpg", picture(GROUP))}).json()
    assert raw == part
    assert len(raw["faces"][1]["vector"]) == raw["dimension"] == fakes.DIMENSION
    assert math.isclose(sum(v * v for v in raw["faces"][1]["vector"]), 1, rel_tol=1e-5)


def test_a_picture_without_a_face_is_answered_and_says_so(api):
    found = api.post("/detect", content=picture(NOBODY), headers=JPEG)
    assert found.status_code == 200
    assert found.json()["faces"] == []
    assert found.json()["problem"] == "no face found"


def test_a_search_finds_the_nearest_faces_of_the_gallery(api, people):
    found = api.post("/search?k=2", content=picture(10), headers=JPEG).json()
    (answer,) = found["answers"]
    assert [match["face"]["id"] in people["ada"] for match in answer["hits"]] == [True, True]
    assert answer["hits"][0]["face"]["name"] == "Ada"
    assert answer["hits"][0]["path"].endswith(".jpg")
    assert answer["probe"] == {
        "name": "image",
        "number": 0,
        "box": [10.0, 10.0, 42.0, 42.0],
        "landmarks": answer["probe"]["landmarks"],
        "face": None,
        "person": None,
        "size": [200, 100],
    }
    assert found["info"]["faces"] == 7
    assert found["info"]["searched"] == 6  # Eve is hidden


def test_each_face_of_a_picture_is_answered_in_the_order_of_its_number(api):
    answers = api.post("/search?k=1", content=picture(GROUP), headers=JPEG).json()["answers"]
    assert [answer["probe"]["number"] for answer in answers] == [0, 1, 2]
    assert {tuple(answer["probe"]["size"]) for answer in answers} == {(200, 100)}


def test_several_pictures_are_of_one_person_unless_each_is_asked_for(api):
    parts = [("image", ("a", picture(10))), ("image", ("b", picture(10, blue=9)))]
    assert len(api.post("/search", files=parts).json()["answers"]) == 1
    assert len(api.post("/search?each=true", files=parts).json()["answers"]) == 2


def test_somebody_of_the_gallery_is_asked_about_by_name(api, people):
    first = people["ada"][0]
    by_face = api.post("/search", params={"probe": f"face:{first}", "k": 1}).json()["answers"][0]
    assert by_face["probe"]["face"] == first
    assert by_face["hits"][0]["face"]["id"] in people["ada"][1:]
    by_name = api.post("/search", params={"probe": "person:Ada", "k": 1}).json()["answers"][0]
    assert by_name["hits"][0]["face"]["id"] not in people["ada"]


def test_answers_are_filtered_by_person_folder_time_and_threshold(api, people):
    def ids(**query):
        found = api.post("/search", params=query, content=picture(10), headers=JPEG).json()
        return {match["face"]["id"] for match in found["answers"][0]["hits"]}

    assert ids(person="Bob") == set(people["bob"])
    assert ids(since=1_600_000_000, person="Ada") == set(people["ada"][1:])
    assert ids(same_person="true") == set(people["ada"])
    assert ids(hidden="true", k=100) > ids(k=100)
    assert ids(max_distance=0) == set()


def test_it_is_told_who_it_is(api, people):
    (found,) = api.post("/identify", content=picture(10), headers=JPEG).json()["identities"]
    assert found["match"]["name"] == "Ada"
    assert found["match"]["face"]["id"] in people["ada"]
    (nobody,) = api.post("/identify", content=picture(110), headers=JPEG).json()["identities"]
    assert nobody["match"] is None
    assert nobody["unknown"] > 0.5


def test_two_are_compared_by_picture_and_by_name(api, people):
    same = api.post("/verify", files={"a": picture(10), "b": picture(10, blue=7)}).json()
    assert same["same"] is True
    assert same["a"]["size"] == [200, 100]
    other = api.post("/verify", params={"b": "person:Bob"}, files={"a": picture(10)}).json()
    assert other["same"] is False
    assert other["b"]["name"].endswith("Bob")
    kept = api.post("/verify", params={"a": f"face:{people['ada'][0]}", "b": f"face:{people['ada'][1]}"}).json()
    assert kept["same"] is True


def test_of_a_picture_with_several_faces_one_is_chosen_by_its_number(api, people):
    sent = {"a": picture(GROUP), "b": picture(GROUP)}
    boxes = [face["box"] for face in api.post("/detect", content=sent["a"], headers=JPEG).json()["faces"]]
    first, second = (api.post(f"/verify?a_face={n}&b_face=0", files=sent).json() for n in (0, 1))
    assert [first["a"]["number"], second["a"]["number"]] == [0, 1]
    assert [first["a"]["box"], second["a"]["box"], second["b"]["box"]] == [boxes[0], boxes[1], boxes[0]]
    assert first["a"]["name"] == "a"
    assert first["a"]["size"] == [200, 100]
    usual = api.post("/verify", files=sent).json()
    by_number = api.post(
        "/verify", params={side: boxes.index(usual[side[0]]["box"]) for side in ("a_face", "b_face")}, files=sent
    )
    assert by_number.json() | {"a": 0, "b": 0} == usual | {"a": 0, "b": 0}
    mixed = api.post("/verify", params={"a_face": 1, "b": f"face:{people['ada'][0]}"}, files={"a": sent["a"]})
    assert mixed.json()["a"]["number"] == 1
    none = api.post("/verify?a_face=7", files=sent)
    assert none.status_code == 400
    assert none.json()["detail"] == "'a' has no face 7: /detect finds 3 in it"
    kept = api.post("/verify", params={"a": "face:1", "b": "face:2", "a_face": 0})
    assert "needs a picture" in kept.json()["detail"]


def test_the_gallerys_threshold_holds_until_a_question_has_its_own(api):
    assert api.put("/settings", json={"threshold": 0.01}).json() == {"threshold": 0.01}
    sides = {"files": {"a": picture(10), "b": picture(60)}}
    assert api.post("/verify", **sides).json()["threshold"] == 0.01
    assert api.post("/verify?threshold=2", **sides).json()["threshold"] == 2
    assert api.get("/gallery").json()["threshold"] == 0.01
    api.put("/settings", json={"threshold": None})
    assert api.post("/verify", **sides).json()["threshold"] == 1.0


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/search", {}, "a probe is required"),
        ("/search", {"probe": "/etc/passwd"}, "nothing else is read"),
        ("/search", {"probe": "face:9999"}, "no face 9999"),
        ("/search", {"probe": "person:Zed"}, "there is no person"),
        ("/search", {"exclude": "../family.db", "probe": "face:1"}, "nothing else is read"),
        ("/identify", {"probe": "http://169.254.169.254/"}, "nothing else is read"),
        ("/verify", {"a": "face:1"}, "'b' must be exactly one picture"),
        ("/verify", {"a": "face:1", "b": "album/2019/beach.jpg"}, "nothing else is read"),
        ("/detect", {}, "exactly one picture"),
    ],
)
def test_what_means_nothing_is_refused_with_a_sentence(still, path, query, said):
    served, api = still
    before = served.pipeline.pictures_seen
    found = api.post(path, params=query)
    assert found.status_code == 400
    assert found.headers["content-type"] == "application/problem+json"
    assert said in found.json()["detail"]
    assert served.pipeline.pictures_seen == before


@pytest.mark.parametrize(
    "query", [{"k": 0}, {"k": "many"}, {"prior": 1}, {"threshold": "nan"}, {"max_distance": "inf"}, {"since": "1e400"}]
)
def test_what_is_out_of_bounds_is_told_as_invalid(still, query):
    found = still[1].post("/search", params=query | {"probe": "face:1"})
    assert (found.status_code, found.json()["code"]) == (422, "invalid-parameters")
