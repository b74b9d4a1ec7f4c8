"""The Face API answers any input in its own format, without a 500."""

from __future__ import annotations

import uuid

import httpx
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.face_api.conftest import Live

from nitakao.server.face_api.app import ROUTERS

ROUTES = sorted(
    (method, route.path)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "{rest" not in route.path
    for method in route.methods or ()
)
WORDS = """faceId faceIds faceId1 faceId2 name userData recognitionModel personId personIds mode personGroupId
    largePersonGroupId dynamicPersonGroupId faceListId largeFaceListId url maxNumOfCandidatesReturned addPersonIds
    confidenceThreshold removePersonIds sessionImageId"""
ASKED = "start top returnFaceId returnFaceAttributes targetFace userData detectionModel"
IDS = st.sampled_from([str(uuid.uuid4()), "family", "", "..", "a" * 70, "é", "%00", "' OR 1=1", "recognition_04"])
KEYS = st.sampled_from(WORDS.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | IDS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
QUERY = st.dictionaries(st.sampled_from(ASKED.split()), st.text(max_size=8) | IDS, max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    ids=st.lists(IDS, min_size=3, max_size=3),
    body=st.dictionaries(KEYS, VALUES, max_size=4),
    query=QUERY,
)
def test_nothing_that_is_sent_makes_it_fail(live: Live, route, ids, body, query) -> None:
    method, path = route
    for name, value in zip(("{word}", "{person}", "{face}"), ids, strict=True):
        path = path.replace(name, httpx.URL("http://x/").join(value.replace("%", "%25")).raw_path.decode().strip("/"))
    path = path.replace("{model}", ids[0] or "x").replace("{operation}", ids[1] or "x")
    address = f"{live.url}/face/v1.2{path}"
    headers = {"Ocp-Apim-Subscription-Key": live.key}
    answer = httpx.request(method, address, json=_plain(body), params=_plain(query), headers=headers, timeout=30)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"code", "message"}


def _plain(given):
    """Without lone surrogates, which httpx cannot encode."""
    if isinstance(given, str):
        return given.encode("utf-8", "replace").decode()
    if isinstance(given, list):
        return [_plain(one) for one in given]
    if isinstance(given, dict):
        return {_plain(key): _plain(one) for key, one in given.items()}
    return given
