"""Pictures sent to the Face API: formats, sizes, URLs, options and targetFace."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from tests.server.face_api.album import Album, encoded
from tests.server.face_api.conftest import HOST, Live
from tests.server.face_api.wire import BYTES, NOBODY, added_to_list, detected, said

from nitakao.errors import MisuseError
from nitakao.server.face_api.context import fetch_policy_for


@pytest.mark.parametrize("ending", ["JPEG", "PNG", "GIF", "BMP"])
def test_the_four_kinds_of_pictures_are_taken(api: httpx.Client, portraits: Album, ending: str) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(portraits.stranger)).save(out, ending)
    (face,) = detected(api, out.getvalue())
    assert set(face) == {"faceId", "faceRectangle"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "InvalidImageSize"),
        (b"\xff\xd8\xff" + bytes(1020), "InvalidImageSize"),
        (b"\xff\xd8\xff" + bytes(6 * 1024 * 1024 - 2), "InvalidImageSize"),
        (os.urandom(2048), "InvalidImage"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>" + b" " * 2000, "InvalidImage"),
        (b"<html><script>alert(1)</script>" + b" " * 2000, "InvalidImage"),
        (b"GIF89a<script>alert(1)</script>" + bytes(2000), "InvalidImage"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "InvalidImage"),
    ],
)
def test_what_is_no_picture_or_too_large_or_small_is_refused(api: httpx.Client, content: bytes, code: str) -> None:
    assert said(api.post("detect", content=content, headers=BYTES)) == (400, code)


def test_a_picture_that_breaks_off_is_refused(api: httpx.Client, portraits: Album) -> None:
    half = portraits.stranger[: len(portraits.stranger) // 2]
    assert said(api.post("detect", content=half, headers=BYTES)) == (400, "InvalidImage")


def test_a_picture_of_another_kind_is_refused(api: httpx.Client, portraits: Album) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(portraits.stranger)).save(out, "TIFF")
    assert said(api.post("detect", content=out.getvalue(), headers=BYTES)) == (400, "InvalidImage")


def test_a_body_may_come_in_pieces_without_a_length_and_is_held_to_the_limit(
    api: httpx.Client, portraits: Album
) -> None:
    def pieces(data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), 10_000):
            yield data[start : start + 10_000]

    assert len(detected(api, pieces(portraits.stranger))) == 1
    answer = api.post("detect", content=pieces(bytes(7 * 1024 * 1024)), headers=BYTES)
    assert said(answer) == (400, "InvalidImageSize")


def test_other_bodies_than_a_picture_and_its_address_are_refused(api: httpx.Client, portraits: Album) -> None:
    answer = api.post("detect", content=portraits.stranger, headers={"Content-Type": "text/plain"})
    assert said(answer) == (415, "UnsupportedMediaType")
    assert said(api.post("detect", files={"image": portraits.stranger})) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"detectionModel": "detection_04"}, 400, "BadArgument"),
        ({"recognitionModel": "recognition_05"}, 400, "BadArgument"),
        ({"faceIdTimeToLive": "59"}, 400, "BadArgument"),
        ({"faceIdTimeToLive": "86401"}, 400, "BadArgument"),
        ({"returnFaceId": "perhaps"}, 400, "BadArgument"),
        ({"returnFaceAttributes": "wings"}, 400, "BadArgument"),
        ({"returnFaceAttributes": "blur", "detectionModel": "detection_02"}, 400, "BadArgument"),
        ({"returnFaceLandmarks": "true", "detectionModel": "detection_02"}, 400, "BadArgument"),
        ({"returnFaceAttributes": "qualityForRecognition"}, 400, "BadArgument"),
        ({"returnFaceLandmarks": "true"}, 403, "UnsupportedFeature"),
        ({"returnFaceAttributes": "blur,Age"}, 403, "UnsupportedFeature"),
        ({"returnFaceAttributes": "glasses"}, 403, "UnsupportedFeature"),
    ],
)
def test_options_of_detect_are_refused_as_documented(
    api: httpx.Client, portraits: Album, query: dict[str, str], status: int, code: str
) -> None:
    assert said(api.post("detect", params=query, content=portraits.stranger, headers=BYTES)) == (status, code)


def test_faces_smaller_than_the_face_api_tells_are_not_told(api: httpx.Client, portraits: Album) -> None:
    picture = Image.open(io.BytesIO(portraits.stranger))
    (face,) = detected(api, portraits.stranger)
    small = 30 / face["faceRectangle"]["width"]
    canvas = Image.new("RGB", picture.size, "gray")
    canvas.paste(picture.resize((round(picture.width * small), round(picture.height * small))))
    assert detected(api, encoded(canvas)) == []
    api.put("facelists/x", json={"name": "x"})
    assert said(added_to_list(api, encoded(canvas))) == (400, "InvalidImage")


def test_the_face_that_target_face_means_is_added_and_no_other(api: httpx.Client, portraits: Album) -> None:
    api.put("facelists/x", json={"name": "x"})
    for face in detected(api, portraits.together):
        where = face["faceRectangle"]
        target = ",".join(str(where[key]) for key in ("left", "top", "width", "height"))
        added = added_to_list(api, portraits.together, targetFace=target).json()["persistedFaceId"]
        found = api.post("findsimilars", json={"faceId": face["faceId"], "faceListId": "x"}).json()
        assert found[0]["persistedFaceId"] == added
        assert found[0]["confidence"] > 0.99
    for target, code in (
        ("1,2,3", "BadArgument"),
        ("a,b,c,d", "BadArgument"),
        ("-1,0,9,9", "BadArgument"),
        ("0,0,0,0", "BadArgument"),
        ("0,0,99999,9", "BadArgument"),
        ("0,0,5,5", "InvalidImage"),
    ):
        assert said(added_to_list(api, portraits.together, targetFace=target)) == (400, code)
    assert said(added_to_list(api, portraits.nobody)) == (400, "InvalidImage")
    assert said(added_to_list(api, portraits.stranger, userData="x" * 1025)) == (400, "BadArgument")
    assert said(added_to_list(api, portraits.stranger, detectionModel="detection_09")) == (400, "BadArgument")


def test_addresses_that_lead_inside_or_nowhere_are_refused(live: Live, api: httpx.Client) -> None:
    away = live.pictures.put("away", b"http://169.254.169.254/latest/meta-data/")
    elsewhere = live.pictures.put("elsewhere", b"http://example.com/a.jpg")
    live.pictures.put("page.html", b"<html>" + bytes(2000))
    live.pictures.put("large.jpg", bytes(6 * 1024 * 1024 + 1))
    live.pictures.put("small.jpg", bytes(100))
    for url, code in (
        (away, "InvalidURL"),
        (elsewhere, "InvalidURL"),
        ("http://169.254.169.254/", "InvalidURL"),
        ("http://127.0.0.1/a.jpg", "InvalidURL"),
        ("http://2130706433/a.jpg", "InvalidURL"),
        ("http://[::ffff:127.0.0.1]/a.jpg", "InvalidURL"),
        (f"http://{HOST}:22/a.jpg", "InvalidURL"),
        (f"http://user:pass@{HOST}/a.jpg", "InvalidURL"),
        (f"http://{HOST}/gone.jpg", "InvalidURL"),
        ("file:///etc/passwd", "InvalidURL"),
        ("/etc/passwd", "InvalidURL"),
        (f"http://{HOST}/page.html", "InvalidImage"),
        (f"http://{HOST}/large.jpg", "InvalidImageSize"),
        (f"http://{HOST}/small.jpg", "InvalidImageSize"),
        (7, "BadArgument"),
        ("", "BadArgument"),
    ):
        assert said(api.post("detect", json={"url": url})) == (400, code), url
    assert said(api.post("detect", json={"sessionImageId": NOBODY})) == (403, "UnsupportedFeature")


@pytest.mark.parametrize(
    ("given", "host"),
    [("Example.com", "example.com"), ("例え.jp", "xn--r8jz45g.jp"), ("example.com:8080", "example.com:8080")],
)
def test_hosts_are_known_by_the_name_that_is_asked(given: str, host: str) -> None:
    found = fetch_policy_for((given,))
    assert found is not None
    assert found.hosts == frozenset([host])


@pytest.mark.parametrize(
    "host", ["", "https://example.com", "example.com/a", "a b", "example.com:x", "*", "a@b", "a:0"]
)
def test_what_is_no_host_cannot_be_allowed(host: str) -> None:
    with pytest.raises(MisuseError, match="not a host name"):
        fetch_policy_for((host,))


def test_without_hosts_nothing_is_fetched() -> None:
    assert fetch_policy_for(()) is None
