"""Addresses: what is fetched, and all that is not. The server here is on this machine, which is refused by default."""

from __future__ import annotations

import contextlib
import http.server
import io
import socket
import threading
import time

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
        elif self.path == "/trickle":
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(200):
                    self.wfile.write(b"a")
                    time.sleep(0.05)
        elif self.path == "/page":
            self.answer(200, b"<html>", kind="text/html; charset=utf-8")
        elif self.path == "/short":
            self.answer(200, png()[:40], length=500)
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
        else:
            self.answer(404, b"not here")

    def answer(self, code, body, length=None, kind="image/png"):
        self.send_response(code)
        self.send_header("Content-Type", kind)
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
    with pytest.raises(UnreadablePhotoError, match="only if they are allowed"):
        photos.read(server + "/a.png")


def test_addresses_may_be_written_in_any_script(server, open_house):
    assert photos.load(server + "/顔.png?q=1#part", allow_urls=True).data == png()


def test_a_redirect_is_followed(server, open_house):
    assert photos.load(server + "/to//a.png", allow_urls=True).kind == "PNG"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing.png", "responds 404"),
        ("/short", "broke after 40 bytes"),
        ("/to/file:///etc/passwd", "not allowed|neither http"),
        ("/to/ftp://example.com/a.png", "neither http"),
        ("/to//to//to//to//to//to//to//to//a.png", "responds 302"),
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
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("2001:db8::1", False),
        ("ff02::1", False),
        ("192.88.99.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
    ],
)
def test_only_public_addresses_are_asked(address, public):
    assert fetch._is_public(address) is public


@pytest.mark.parametrize("url", ["http://", "http://a:b@example.com/", "http://example.com:99999/", "http://[::1/"])
def test_addresses_that_make_no_sense_are_unreadable(url):
    with pytest.raises(UnreadablePhotoError, match="cannot be fetched"):
        photos.load(url, allow_urls=True)


PUBLIC = "93.184.216.34"  # stands for any; nothing is asked there


class Net:
    """Names and what they stand for; connections go to the server of this machine whatever address was checked."""

    def __init__(self, server, names):
        self.port = int(server.rpartition(":")[2])
        self.names = {name: list(addresses) for name, addresses in names.items()}
        self.asked: list[str] = []

    def resolve(self, host, port):
        addresses = self.names[host].pop(0) if len(self.names[host]) > 1 else self.names[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (one, port)) for one in addresses.split()]

    def connect(self, found, wait):
        self.asked.append(found[4][0])
        return socket.create_connection(("127.0.0.1", self.port), wait)

    def fetch_policy(self, *hosts, **more):
        return fetch.FetchPolicy(frozenset(hosts), resolve=self.resolve, connect=self.connect, **more)


def test_only_named_hosts_are_asked_and_only_at_their_ports(server):
    net = Net(server, {"pictures.test": [PUBLIC], "other.test": [PUBLIC]})
    assert fetch.fetch("http://Pictures.test/a.png", 9999, net.fetch_policy("pictures.test")) == png()
    assert fetch.fetch("http://pictures.test:8080/a.png", 9999, net.fetch_policy("pictures.test:8080")) == png()
    for url in ("http://other.test/a.png", "http://pictures.test:8080/a.png", "http://pictures.test./a.png"):
        with pytest.raises(UnreadablePhotoError, match="not an allowed host"):
            fetch.fetch(url, 9999, net.fetch_policy("pictures.test"))
    assert net.asked == [PUBLIC, PUBLIC]


@pytest.mark.parametrize("inside", ["169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1", f"{PUBLIC} 192.168.1.1"])
def test_a_named_host_that_stands_for_an_inside_address_is_not_asked(server, inside):
    net = Net(server, {"pictures.test": [inside]})
    with pytest.raises(UnreadablePhotoError, match="inside this machine or its network"):
        fetch.fetch("http://pictures.test/a.png", 9999, net.fetch_policy("pictures.test"))
    assert net.asked == []


def test_a_name_that_changes_its_address_is_checked_at_each_step_and_asked_where_it_was_checked(server):
    net = Net(server, {"pictures.test": [PUBLIC, "169.254.169.254"]})
    with pytest.raises(UnreadablePhotoError, match=r"inside this machine or its network \(169.254.169.254\)"):
        fetch.fetch("http://pictures.test/to//a.png", 9999, net.fetch_policy("pictures.test"))
    assert net.asked == [PUBLIC]


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0251.0376.0251.0376/"]
)
def test_a_redirect_to_where_clouds_keep_their_secrets_is_not_followed(server, url):
    net = Net(server, {"pictures.test": [PUBLIC]})
    real = fetch.FetchPolicy(
        None, resolve=lambda host, port: (net.resolve if host in net.names else fetch.resolve_host)(host, port)
    )
    fetch_policy = fetch.FetchPolicy(None, resolve=real.resolve, connect=net.connect)
    with pytest.raises(UnreadablePhotoError, match=r"inside this machine or its network \(169.254.169.254\)"):
        fetch.fetch(f"http://pictures.test/to/{url}", 9999, fetch_policy)
    with pytest.raises(UnreadablePhotoError, match="not an allowed host"):
        fetch.fetch(f"http://pictures.test/to/{url}", 9999, net.fetch_policy("pictures.test"))


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "017700000001", "[::ffff:127.0.0.1]", "[::1]"])
def test_this_machine_is_known_however_its_address_is_written(host):
    with pytest.raises(UnreadablePhotoError, match="inside this machine or its network"):
        fetch.fetch(f"http://{host}/a.png", 9999)


def test_what_says_that_it_is_a_page_is_not_taken(server):
    net = Net(server, {"pictures.test": [PUBLIC]})
    with pytest.raises(UnreadablePhotoError, match="'text/html; charset=utf-8', which is not a picture"):
        fetch.fetch("http://pictures.test/page", 9999, net.fetch_policy("pictures.test", types=("image/",)))


def test_a_trickle_ends_when_its_time_is_over(server):
    net, began = Net(server, {"pictures.test": [PUBLIC]}), time.monotonic()
    with pytest.raises(UnreadablePhotoError, match="not complete after"):
        fetch.fetch("http://pictures.test/trickle", 9999, net.fetch_policy("pictures.test", total_timeout=0.3))
    assert time.monotonic() - began < 3
