"""Background jobs: indexing, clustering and the face map; progress, cancellation and interruption."""

from __future__ import annotations

import json
import threading

import pytest
from tests.server.conftest import ended, picture, running, settings_for

from nitakao.gallery import GalleryStore
from nitakao.gallery import jobs as kept


def test_photographs_that_are_handed_in_are_kept_by_content_and_indexed(api, served, tmp_path):
    parts = [("image", ("../../a.png", picture(60, blue=1))), ("image", ("b", picture(60, blue=2)))]
    job = api.post("/photos", files=parts)
    assert job.status_code == 202
    result = ended(api, job.json())["result"]
    assert (result["photos"], result["faces"]) == (2, 2)
    again = ended(api, api.post("/photos", content=picture(60, blue=1), headers={"content-type": "image/png"}).json())
    assert again["result"]["statuses"] == {"unchanged": 1}
    files = [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in files) == [".png", ".png"]
    assert all(len(path.stem) == 64 for path in files)


def test_what_is_no_picture_is_not_kept(api, tmp_path):
    found = api.post("/photos", files=[("image", picture(60)), ("image", b"<svg onload=alert(1)></svg>")])
    assert (found.status_code, found.json()["code"]) == (422, "unreadable-photo")
    assert not (tmp_path / "uploads").exists()


def test_a_folder_of_the_server_is_indexed_with_progress_as_events(api, tmp_path):
    folder = tmp_path / "album" / "Bob"
    folder.mkdir(parents=True)
    for n in range(3):
        (folder / f"{n}.png").write_bytes(picture(60, blue=n))
    job = api.post("/jobs/index", json={"paths": [str(folder)], "labels_from": "folder"}).json()
    with api.stream("GET", f"/jobs/{job['id']}/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        text = events.read().decode()
    *_, last = text.strip().split("\n\n")
    assert last.startswith("event: done\ndata: ")
    event = json.loads(last.partition("data: ")[2])
    assert (event["state"], event["done"], event["total"]) == ("done", 3, 3)
    assert api.get("/people/2").json()["faces"] == 5
    assert api.get("/jobs").json()["jobs"][0] == event


@pytest.mark.parametrize("path", ["album", "../etc", "/not/there", "/etc/\x00"])
def test_only_absolute_paths_that_are_there_are_indexed(still, path):
    assert still[1].post("/jobs/index", json={"paths": [path]}).status_code == 400


def test_faces_are_grouped_and_doubts_answered(api, people):
    found = ended(api, api.post("/clusters", json={"threshold": 1.0}).json())
    assert found["result"]["faces"] == 7
    reviews = api.get("/reviews").json()
    assert reviews["total"] == len(reviews["reviews"])
    for review in reviews["reviews"]:
        body = {"face": review["face"]["id"], "person": review["person"]["id"], "answer": "no"}
        assert api.post("/reviews", json=body).json() == body
    assert api.get("/reviews").json()["reviews"] == []
    assert api.post("/reviews", json={"face": 1, "person": 1, "answer": "yes"}).status_code == 400


def test_a_map_of_faces_is_made_once_and_told_as_stale_when_faces_come(api, people, tmp_path):
    pytest.importorskip("openTSNE")
    assert api.get("/map").status_code == 404
    ended(api, api.post("/jobs/map").json())
    found = api.get("/map").json()
    assert len(found["points"]["x"]) == len(found["points"]["y"]) == len(found["points"]["person"]) == 6
    assert set(found["points"]["face"]) == set(range(1, 7))  # Eve is hidden
    assert not found["stale"]
    ended(api, api.post("/photos", content=picture(60), headers={"content-type": "image/png"}).json())
    assert api.get("/map").json()["stale"]
    api.post("/forget", json={"face": 1})
    assert api.get("/map").status_code == 404


def test_a_job_stops_on_request_and_one_that_waits_is_over_at_once(api, served, tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def work(watch):
        begun.set()
        go_on.wait(10)
        watch(1, 2)
        raise AssertionError("it went on")

    running_job = served.service.jobs.add("test", work)
    assert begun.wait(10)
    waiting = api.post("/clusters").json()
    assert api.delete(f"/jobs/{waiting['id']}").json()["state"] == "cancelled"
    assert api.delete(f"/jobs/{running_job.id}").status_code == 202
    go_on.set()
    ended(api, {"id": running_job.id}, "cancelled")


def test_a_job_that_fails_says_why_without_words_of_faults(api, served, capsys):
    def refused(watch):
        raise ValueError("a secret name")

    found = ended(api, {"id": served.service.jobs.add("test", refused).id}, "failed")
    assert "ValueError" in found["problem"]
    assert "secret" not in found["problem"]


def test_jobs_that_a_server_left_open_are_told_as_failed_by_the_next(people, tmp_path):
    with GalleryStore(tmp_path / "family.db") as gallery:
        job = kept.add(gallery, "index")
    with running(settings_for(tmp_path)) as served:
        found = served.service.jobs.get(job.id)
        assert (found.state, found.problem) == ("failed", kept.INTERRUPTED)


def test_a_server_that_ends_stops_its_jobs_and_says_so(people, tmp_path):
    with running(settings_for(tmp_path)) as served:
        begun = threading.Event()

        def work(watch):
            while True:
                watch(1, 2)
                begun.set()

        job = served.service.jobs.add("test", work)
        assert begun.wait(10)
    with GalleryStore(tmp_path / "family.db") as gallery:
        found = kept.job(gallery, job.id)
        assert found is not None
        assert found.problem == kept.INTERRUPTED
