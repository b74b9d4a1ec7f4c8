"""Forgetting and exporting over REST."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from tests.server.test_guard import wait_until

from nitakao import vectors


def exports() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("nitakao-export-*"))


@pytest.mark.parametrize("kind", ["parquet", "csv", "npz", "jsonl"])
def test_an_export_is_a_whole_file_of_which_nothing_stays(api, kind, tmp_path):
    before = exports()
    found = api.get(f"/export?format={kind}")
    assert found.status_code == 200
    assert found.headers["content-disposition"] == f'attachment; filename="faces.{kind}"'
    path = tmp_path / f"faces.{kind}"
    path.write_bytes(found.content)
    assert len(vectors.read(path).vectors) == 7
    wait_until(lambda: exports() == before)
    if kind == "csv":
        assert {row["person"] for row in csv.DictReader(io.StringIO(found.text))} >= {"Ada", "Bob"}


def test_an_export_that_nobody_waits_for_leaves_nothing(api):
    before = exports()
    with api.stream("GET", "/export?format=csv") as answer:
        assert answer.status_code == 200
    wait_until(lambda: exports() == before)


def test_a_person_is_forgotten_only_where_the_name_is_repeated(api, people):
    for confirm in ("", "ada", "Bob", "#2"):
        found = api.post("/forget", json={"person": 1, "confirm": confirm})
        assert (found.status_code, found.json()["code"]) == (400, "confirmation-mismatch")
    receipt = api.post("/forget", json={"person": 1, "confirm": "Ada"}).json()
    assert (receipt["persons"], receipt["faces"], receipt["complete"]) == (1, 3, True)
    assert "Ada" not in str(receipt)
    assert api.get("/people/1").status_code == api.get(f"/faces/{people['ada'][0]}").status_code == 404
    assert api.post("/forget", json={"person": 2, "confirm": "#2"}).status_code == 200


def test_a_photograph_or_a_face_is_forgotten_and_nothing_else(api, people):
    assert api.post("/forget", json={"photo": 1}).json()["photos"] == 1
    assert api.post("/forget", json={"face": people["loner"][0]}).json()["faces"] == 1
    assert api.get("/gallery").json()["faces"] == 4
    for body in ({}, {"photo": 2, "face": 3}, {"face": 999}, {"photo": 999}):
        assert api.post("/forget", json=body).status_code == 400
    assert api.post("/forget", json={"person": 999, "confirm": "#999"}).status_code == 404
