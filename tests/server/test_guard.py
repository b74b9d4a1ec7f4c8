"""The checks on every request, tested over sockets with malformed and hostile requests."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from tests.server.conftest import SLOW, anyone, picture, running, settings_for

LIMIT = 200_000  # bytes of a body


@pytest.fixture
def strict(people, tmp_path):
    """A server with low limits."""
    with running(settings_for(tmp_path, body=LIMIT, pixels=100_000, requests=4, seconds=1.0)) as served:
        yield served


def raw(served, data: bytes, *, then: bytes = b"", pause: float = 0.0, half: bool = False) -> bytes:
    """The response to these bytes on a socket."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(data)
        if then:
            time.sleep(pause)
            connection.sendall(then)
        if half:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def wait_until(condition) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def head(path: str, *more: str, method: str = "POST") -> bytes:
    lines = (f"{method} /api/v1{path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: image/jpeg", *more)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def problem(answer: bytes) -> tuple[int, str]:
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in first
    return int(first.split()[1]), json.loads(rest)["code"]


def test_a_body_one_byte_too_large_is_refused_before_it_is_read(strict):
    size = LIMIT + 1
    assert problem(raw(strict, head("/detect", f"Content-Length: {size}", "Expect: 100-continue"))) == (
        413,
        "body-too-large",
    )
    answer = raw(strict, head("/detect", f"Content-Length: {size}") + b"x" * size)
    assert problem(answer) == (413, "body-too-large")
    assert strict.pipeline.pictures_seen == 0


def test_a_body_without_a_length_is_refused_when_it_passes_the_limit(strict):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = raw(strict, head("/detect", "Transfer-Encoding: chunked") + chunk * 4 + b"0\r\n\r\n")
    assert problem(answer) == (413, "body-too-large")
    data = picture(10)
    small = f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    answer = raw(strict, head("/detect", "Transfer-Encoding: chunked", "Connection: close") + small)
    assert b'"faces":[{' in answer


def test_a_body_of_json_without_a_length_is_held_to_the_same_limit(strict):
    request_head = b"POST /api/v1/faces/split HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = raw(strict, request_head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 4 + b"0\r\n\r\n")
    assert problem(answer) == (413, "body-too-large")


def test_a_slow_body_is_given_up_and_a_cut_off_one_ends_cleanly(strict):
    assert problem(raw(strict, head("/detect", "Content-Length: 1000") + b"x")) == (408, "request-timeout")
    raw(strict, head("/detect", "Content-Length: 1000") + b"x", half=True)
    for _ in range(8):  # more than the limit: each must release its slot
        with socket.create_connection(("127.0.0.1", strict.port)) as connection:
            connection.sendall(head("/detect", "Content-Length: 100000") + b"x" * 500)
    wait_until(lambda: anyone.get(f"{strict.url}api/v1/gallery").status_code == 200)
    wait_until(lambda: strict.service.active_requests == strict.service.buffered_bytes == 0)


def test_who_never_asks_is_hung_up_on_also_after_a_first_question(people, tmp_path, monkeypatch):
    from nitakao.server import serve as run

    monkeypatch.setattr(run, "IDLE", 0.3)
    with running(settings_for(tmp_path)) as served:
        begin = b"GET /api/v1/gallery HTTP/1.1\r\nHost: local"
        assert raw(served, b"") == raw(served, begin) == b""
        request_head = head("/gallery", method="GET")
        assert raw(served, request_head, then=begin, pause=0.1).count(b"HTTP/1.1 200") == 1


def test_a_picture_of_too_many_pixels_is_refused_undecoded(strict):
    found = anyone.post(
        f"{strict.url}api/v1/detect", content=picture(10, (1000, 101)), headers={"content-type": "image/png"}
    )
    assert (found.status_code, found.json()["code"]) == (413, "photo-too-large")
    assert strict.pipeline.pictures_seen == 0


def test_more_requests_at_once_than_there_may_be_are_told_to_come_again(strict):
    def ask(_):
        body, kind = picture(SLOW), {"content-type": "image/png"}
        return anyone.post(f"{strict.url}api/v1/detect", content=body, headers=kind, timeout=60)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(12)))
    result = {answer.status_code for answer in answers}
    assert result == {429, 503}  # four timed out
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "too-many-requests"
    assert anyone.get(f"{strict.url}api/v1/gallery").status_code == 429  # their threads are still running
    strict.pipeline.hold.set()
    wait_until(lambda: not strict.service.abandoned_requests)
    assert anyone.get(f"{strict.url}api/v1/gallery").status_code == 200


def test_a_thousand_connections_at_once_are_all_answered(served):
    answers: list[int] = []
    lock = threading.Lock()

    def ask(_):
        with socket.create_connection(("127.0.0.1", served.port), timeout=120) as connection:
            connection.sendall(head("/gallery", "Connection: close", method="GET"))
            found = connection.recv(65536)
            with lock:
                answers.append(int(found.split()[1]))

    with ThreadPoolExecutor(250) as pool:
        list(pool.map(ask, range(1000)))
    assert len(answers) == 1000
    assert set(answers) <= {200, 429}
    assert 200 in answers


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml", 422),
        (b"<html>", "text/html", 415),
        (b"{}", "application/json", 415),
        (b"GIF89a", "image/gif", 422),
        (b"\xff\xd8\xff", "image/jpeg", 422),
        (b"", "image/jpeg", 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 400),
        (b"junk", "multipart/form-data", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\ntext\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
    ],
)
def test_what_is_no_picture_is_refused_by_what_it_is(still, body, kind, status):
    found = still[1].post("/detect", content=body, headers={"content-type": kind})
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"


def test_a_picture_that_is_also_a_page_comes_back_as_a_picture_only(api, served):
    written = io.BytesIO()
    comment = b"<html><script>alert(1)</script>"
    Image.new("RGB", (200, 100), (60, 100, 0)).save(written, "JPEG", comment=comment)
    job = api.post("/photos", content=written.getvalue(), headers={"content-type": "text/html"})
    assert job.status_code == 415
    job = api.post("/photos", content=written.getvalue(), headers={"content-type": "image/jpeg"}).json()
    from tests.server.conftest import ended

    ended(api, job)
    number = api.get("/photos?order=indexed&limit=1").json()["photos"][0]["id"]
    found = api.get(f"/photos/{number}/image")
    assert found.headers["content-type"] == "image/jpeg"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert b"<script>" not in found.content


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "0x7f000001", "169.254.169.254"])
def test_another_name_for_this_machine_is_refused(still, host):
    found = raw(still[0], f"GET /api/v1/gallery HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert problem(found) == (403, "unknown-host")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST."])
def test_this_machines_own_names_are_known(still, host):
    assert still[1].get("/gallery", headers={"host": host}).status_code == 200


def test_another_sites_page_may_change_nothing(still):
    served, api = still
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        found = api.post("/undo", headers=headers)
        assert (found.status_code, found.json()["code"]) == (403, "foreign-origin")
    own = {"origin": served.url.rstrip("/"), "sec-fetch-site": "same-origin"}
    assert api.post("/detect", headers=own).status_code == 400


def test_every_answer_says_what_browsers_may_do_with_it(still):
    for path in ("/gallery", "/nothing", "/faces/1/chip"):
        headers = still[1].get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert still[1].get("/gallery").headers["cache-control"] == "no-store"


def test_the_log_says_nothing_of_what_is_in_a_request(served, api, caplog):
    with caplog.at_level("INFO", "nitakao.server"):
        api.get("/people", params={"q": "Secretname"})
        api.post("/search", params={"probe": "person:Secretname"})
        api.post("/session", json={"key": "nk_secretkey"})
        wait_until(
            lambda: sum(hasattr(record, "fields") for record in caplog.records) == 3
        )  # logged after the response
    result = [record.fields | {"what": record.getMessage()} for record in caplog.records if hasattr(record, "fields")]
    assert {entry["route"] for entry in result} >= {"/api/v1/people", "/api/v1/search", "/api/v1/session"}
    assert "secret" not in json.dumps(result).lower()


def test_health_readiness_and_metrics(served, api):
    api.get("/gallery")
    assert anyone.get(f"{served.url}healthz").json() == {"status": "ok"}
    assert anyone.get(f"{served.url}readyz").json() == {"status": "ok"}
    wait_until(lambda: not served.service.buffered_bytes)
    text = anyone.get(f"{served.url}metrics").text
    assert 'nitakao_requests_total{method="GET",route="/api/v1/gallery",status="200"} 1.0' in text
    served.service.ready = False
    assert anyone.get(f"{served.url}readyz").status_code == 503


def test_a_fault_is_answered_without_its_words(served, api, monkeypatch, caplog):

    def broken(_):
        raise ValueError("a secret")

    from nitakao.gallery.browse import counts

    monkeypatch.setattr(counts, "counts", broken)
    found = api.get("/gallery")
    assert (found.status_code, found.json()["code"]) == (500, "internal-error")
    assert "secret" not in found.text + caplog.text


def test_a_server_that_ends_finishes_what_it_accepted(people, tmp_path):
    with ThreadPoolExecutor(1) as pool, running(settings_for(tmp_path)) as served:
        body, kind = picture(SLOW), {"content-type": "image/png"}
        waiting = pool.submit(anyone.post, f"{served.url}api/v1/detect", content=body, headers=kind, timeout=60)
        while not served.pipeline.pictures_seen:
            time.sleep(0.01)
        threading.Timer(0.5, served.pipeline.hold.set).start()
    assert waiting.result().status_code == 200


def test_nothing_of_a_picture_is_left_on_the_disk(api, tmp_path, monkeypatch):
    before = set(os.listdir("/tmp")) if os.path.isdir("/tmp") else set()
    big = picture(10, (1500, 1500), "BMP")
    assert len(big) > 2 << 20
    assert api.post("/detect", files={"image": big}).status_code == 200
    assert not any(name.startswith("tmp") for name in set(os.listdir("/tmp")) - before if os.path.isdir("/tmp"))
