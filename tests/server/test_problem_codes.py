"""Problem codes: one complete, documented table."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

import nitakao
from nitakao import errors
from nitakao.gallery.jobs import INTERRUPTED_CODE
from nitakao.server.problem_codes import CODES, FAMILIES, status_and_code

SOURCE = Path(nitakao.__file__).parent
RAISED = re.compile(r'\b(?:code=|ProblemError\(\s*\d+,\s*|not_found\(\s*)"([a-z-]+)"')
ROOT = Path(__file__).parents[2]


def test_the_table_has_every_code_that_is_raised_and_no_other():
    raised = {code for file in SOURCE.rglob("*.py") for code in RAISED.findall(file.read_text("utf-8"))}
    elsewhere = {"unknown-route", "method-not-allowed", "invalid-request", INTERRUPTED_CODE}
    assert raised | {code for *_, code in FAMILIES} | elsewhere == set(CODES)


def test_every_family_of_errors_has_a_code_of_its_status():
    for family, status, code in FAMILIES:
        assert status in CODES[code].statuses, family


def test_an_errors_own_code_takes_precedence():
    assert status_and_code(errors.MisuseError("no", code="unknown-face", face=7)) == (400, "unknown-face")
    assert status_and_code(errors.FaceApiError(404, "PersonGroupNotFound", "no"))[1] == "unavailable"


def test_the_openapi_document_lists_all_codes(still):
    shape = httpx.get(f"{still[0].url}api/v1/openapi.json").json()["components"]["schemas"]["Document"]
    assert shape["properties"]["code"]["enum"] == list(CODES)
    for name, code in CODES.items():
        assert (
            f"- `{name}` ({', '.join(map(str, code.statuses))}): {code.meaning}"
            in (shape["properties"]["code"]["description"])
        )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "values"),
    [
        ("GET", "/faces/9999", None, 404, "unknown-face", {"face": 9999}),
        ("GET", "/photos/9999", None, 404, "unknown-photo", {"photo": 9999}),
        ("GET", "/people/9999", None, 404, "unknown-person", {"name": "#9999"}),
        ("GET", "/jobs/9999", None, 404, "unknown-job", {"job": 9999}),
        ("GET", "/models/none", None, 404, "unknown-model", {"model": "none"}),
        ("GET", "/map", None, 404, "no-map", {}),
        ("GET", "/people?after=x", None, 400, "invalid-cursor", {}),
        ("GET", "/people?limit=0", None, 422, "invalid-parameters", {"parameters": "query.limit"}),
        ("POST", "/search", None, 400, "probe-required", {}),
        ("POST", "/search?probe=face:9999", None, 400, "unknown-face", {"face": 9999}),
        ("POST", "/search?probe=person:Zoe", None, 400, "unknown-person", {"name": "Zoe"}),
        ("POST", "/search?probe=who.jpg", None, 400, "invalid-probe", {"probe": "who.jpg"}),
        ("POST", "/verify?b=face:1", None, 400, "side-required", {"side": "a"}),
        ("POST", "/verify?a=face:1&b=face:1", None, 400, "same-face", {}),
        ("POST", "/detect", None, 400, "picture-required", {"pictures": 0}),
        ("PATCH", "/people/1", {"name": "Bob"}, 409, "name-taken", {"name": "Bob", "person": 2}),
        ("PATCH", "/people/1", {"name": "#7"}, 400, "name-is-number", {"name": "#7"}),
        ("PATCH", "/people/1", {"name": " "}, 400, "name-empty", {}),
        ("POST", "/people/1/merge", {"others": [1]}, 400, "merge-same-person", {}),
        ("POST", "/undo", {"entry": 9999}, 400, "unknown-entry", {"entry": 9999}),
        ("POST", "/reviews", {"face": 1, "person": 1, "answer": "yes"}, 400, "review-closed", {"face": 1}),
        ("POST", "/forget", {}, 400, "forget-one", {}),
        ("POST", "/forget", {"person": 1, "confirm": "x"}, 400, "confirmation-mismatch", {"person": 1}),
        ("POST", "/jobs/index", {"paths": ["a"]}, 400, "path-not-absolute", {"path": "a"}),
        ("POST", "/jobs/reindex", {"model": "none"}, 400, "unknown-model", {"model": "none"}),
    ],
)
def test_a_problem_names_its_code_and_values(people, api, method, path, body, status, code, values):
    found = api.request(method, path, json=body)
    assert (found.status_code, found.json()["code"], found.json()["values"]) == (status, code, values)
    assert set(values) == set(CODES[code].values)
