"""Addresses: what is fetched, and all that is not. The server here is on this machine, which is refused by default."""

from __future__ import annotations

import http.server
import io
import threading

import pytest
from PIL import Image

from nitakao import photos
from nitakao.errors import PhotoTooLargeError, UnreadablePhotoError
from nitakao.photos import fetch


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(out, "PNG")
    return out.getvalue()


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in ("/a.png", "/%E9%A1%94.png?q=1"):
            self.answer(200, png())
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(bytes(1000))
        elif self.path == "/short":
            self.answer(200, png()[:40], length=500)
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
        else:
            self.answer(404, b"not here")

    def answer(self, code, body, length=None):
        self.send_response(code)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://localhost:{running.server_port}"
        running.shutdown()


@pytest.fixture
def open_house(monkeypatch):
    monkeypatch.setattr(fetch, "_is_public", lambda address: True)


def test_an_address_is_fetched_only_where_that_was_asked_for(server, open_house):
    assert photos.read(server + "/a.png", allow_urls=True).size == (4, 3)
    with pytest.raises(UnreadablePhotoError, match="only where URLs are allowed"):
        photos.read(server + "/a.png")


def test_addresses_may_be_written_in_any_script(server, open_house):
    assert photos.load(server + "/顔.png?q=1#part", allow_urls=True).data == png()


def test_a_redirect_is_followed(server, open_house):
    assert photos.load(server + "/to//a.png", allow_urls=True).kind == "PNG"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing.png", "answers 404"),
        ("/short", "broke after 40 bytes"),
        ("/to/file:///etc/passwd", "not allowed|neither http"),
        ("/to/ftp://example.com/a.png", "neither http"),
        ("/to//to//to//to//to//to//to//to//a.png", "answers 302"),
    ],
)
def test_what_does_not_come_is_unreadable(server, open_house, path, message):
    with pytest.raises(UnreadablePhotoError, match=message):
        photos.load(server + path, allow_urls=True)


def test_an_answer_is_cut_off_at_the_limit(server, open_house):
    with pytest.raises(PhotoTooLargeError, match="limit of 5000 bytes"):
        photos.load(server + "/endless", limits=photos.Limits(bytes=5000), allow_urls=True)


def test_a_server_of_this_machine_is_not_asked(server):
    with pytest.raises(UnreadablePhotoError, match="inside this machine or its network"):
        photos.load(server + "/a.png", allow_urls=True)


def test_a_redirect_into_this_machine_is_not_followed(server, monkeypatch):
    asked: list[str] = []

    def first_only(address: str) -> bool:
        asked.append(address)
        return len(asked) == 1

    monkeypatch.setattr(fetch, "_is_public", first_only)
    with pytest.raises(UnreadablePhotoError, match="inside this machine"):
        photos.load(server + f"/to/{server}/a.png", allow_urls=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds keep their secrets
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_public_addresses_are_asked(address, public):
    assert fetch._is_public(address) is public


@pytest.mark.parametrize("url", ["http://", "http://a:b@example.com/", "http://example.com:99999/", "http://[::1/"])
def test_addresses_that_make_no_sense_are_unreadable(url):
    with pytest.raises(UnreadablePhotoError, match="cannot be fetched"):
        photos.load(url, allow_urls=True)
