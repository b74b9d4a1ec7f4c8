"""Fetching from a server on this machine that cuts, lies, redirects and fails as told."""

from __future__ import annotations

import bz2
import errno
import hashlib
import http.client
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from nitakao.errors import MisuseError, WeightsError
from nitakao.models.weights import download
from nitakao.values import WeightsFile

DATA = bytes(range(256)) * 4096  # 1 MiB
SHA = hashlib.sha256(DATA).hexdigest()
FILE = WeightsFile("net.bin", urls=("https://weights.test/net.bin",), sha256=SHA, size=len(DATA))


class Server(ThreadingHTTPServer):
    """Serves DATA at every path; `plan` says per path what goes wrong, in order, and is used up."""

    daemon_threads = True
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.plan: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, str]] = []  # path, Range
        self.etag = '"v1"'


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range", "")))
        plan = self.server.plan.get(self.path, [])
        step = plan.pop(0) if plan else {}
        if "status" in step:
            self.send_response(step["status"])
            if "to" in step:
                self.send_header("Location", step["to"])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if step.get("wait"):
            threading.Event().wait(step["wait"])
        data = step.get("data", DATA)
        start = self._start(len(data))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        if not step.get("no_length"):
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : step.get("cut", len(data))])

    def _start(self, size: int) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.server.etag and self.headers.get("If-Range") == self.server.etag
        return int(asked[1]) if asked and same and int(asked[1]) < size else 0

    def log_message(self, *_: object) -> None:
        pass


class Local(urllib.request.HTTPSHandler):
    """Takes https addresses to the test server without encryption: the only way round https, and it lies in here."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(_: str, *, timeout: float) -> http.client.HTTPConnection:
            return http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)

        return self.do_open(connection, req)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NITAKAO_MIRROR", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def opener(server: Server) -> urllib.request.OpenerDirector:
    return download.https_opener(Local(server.server_address[1]))


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_file_is_fetched_whole_and_nothing_else_is_left(
    tmp_path: Path, opener: urllib.request.OpenerDirector
) -> None:
    told: list[tuple[int, int]] = []
    path = download.fetch(FILE, tmp_path / "new", opener=opener, progress=lambda done, of: told.append((done, of)))
    assert path.read_bytes() == DATA
    assert left_in(path.parent) == ["net.bin"]
    assert told[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_cut_download_goes_on_where_it_broke_off(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.plan["/net.bin"] = [{"cut": 400_000}]
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA
    assert server.asked == [("/net.bin", ""), ("/net.bin", "bytes=400000-")]


def test_a_download_cut_three_times_is_kept_for_the_next_run(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.plan["/net.bin"] = [{"cut": 300_000}, {"cut": 500_000}, {"cut": 700_000}]
    with pytest.raises(WeightsError, match=r"after 700,000 of 1,048,576 bytes: run again to resume"):
        download.fetch(FILE, tmp_path, opener=opener)
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA
    assert server.asked[-1] == ("/net.bin", "bytes=700000-")


def test_another_version_on_the_server_is_not_joined_to_the_old_part(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.plan["/net.bin"] = [{"cut": n, "data": bytes(len(DATA))} for n in (1000, 2000, 3000)]
    with pytest.raises(WeightsError):
        download.fetch(FILE, tmp_path, opener=opener)
    server.etag = '"v2"'
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA


def test_a_part_that_was_joined_wrongly_is_fetched_again_from_its_start(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.plan["/net.bin"] = [{"cut": 1000, "data": bytes(len(DATA))}]  # other bytes under the same mark
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA
    assert [r for _, r in server.asked] == ["", "bytes=1000-", ""]


def test_a_server_without_a_mark_is_asked_for_the_whole_again(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.etag = ""
    server.plan["/net.bin"] = [{"cut": 1000}]
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA
    assert server.asked == [("/net.bin", ""), ("/net.bin", "")]


def test_a_part_longer_than_the_file_is_dropped(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    (tmp_path / "net.bin.part").write_bytes(bytes(5))
    (tmp_path / "net.bin.part.json").write_text('{"url": "https://weights.test/net.bin", "mark": "\\"v1\\""}')
    server.plan["/net.bin"] = [{"status": 416}]
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA


@pytest.mark.parametrize("left", ["", "[]", "{", '{"url": 1}', '{"url": "https://weights.test/net.bin", "mark": 5}'])
def test_a_damaged_note_about_a_part_starts_it_anew(
    tmp_path: Path, opener: urllib.request.OpenerDirector, left: str
) -> None:
    (tmp_path / "net.bin.part").write_bytes(b"rubbish")
    (tmp_path / "net.bin.part.json").write_text(left)
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA


@pytest.mark.parametrize("step", [{"status": 404}, {"status": 503}, {"data": DATA[::-1]}, {"data": DATA + b"more"}])
def test_a_server_that_fails_or_lies_gives_way_to_the_next(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector, step: dict[str, Any]
) -> None:
    server.plan["/bad/net.bin"] = [step] * 3
    file = WeightsFile(
        "net.bin", ("https://first.test/bad/net.bin", "https://second.test/net.bin"), SHA, size=len(DATA)
    )
    assert download.fetch(file, tmp_path, opener=opener).read_bytes() == DATA
    assert left_in(tmp_path) == ["net.bin"]


def test_a_flipped_byte_is_refused_and_leaves_nothing(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.plan["/net.bin"] = [{"data": DATA[:-1] + b"\0"}]
    with pytest.raises(WeightsError, match=r"not be downloaded: weights\.test provides another file: sha256"):
        download.fetch(FILE, tmp_path, opener=opener)
    assert left_in(tmp_path) == []


def test_a_file_without_an_end_is_cut_off_at_the_limit(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 100_000)
    server.plan["/net.bin"] = [{"no_length": True}, {}]
    unsized = WeightsFile("net.bin", FILE.urls, SHA)
    for said in ("sends more than 100,000 bytes", "provides a file of 1,048,576 bytes, more than the limit of 100,000"):
        with pytest.raises(WeightsError, match=said):
            download.fetch(unsized, tmp_path, opener=opener)
        assert left_in(tmp_path) == []


def test_redirects_are_followed_over_https_only(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector
) -> None:
    server.plan["/net.bin"] = [{"status": 302, "to": "https://other.test/there"}]
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA
    server.plan["/net.bin"] = [{"status": 302, "to": f"http://127.0.0.1:{server.server_address[1]}/there"}]
    with pytest.raises(WeightsError, match=r"redirects to http://127\.0\.0\.1.*, which is not https"):
        download.fetch(FILE, tmp_path / "b", opener=opener)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/net.bin", "file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_the_opener_itself_opens_nothing_but_https(server: Server, url: str) -> None:
    with pytest.raises(urllib.error.URLError, match="unknown url type"):
        download.https_opener().open(url.format(server.server_address[1]))
    assert server.asked == []


def test_a_bz2_file_is_unpacked(tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector) -> None:
    server.plan["/net.bin.bz2"] = [{"data": bz2.compress(DATA)}]
    file = WeightsFile("net.bin", ("https://weights.test/net.bin.bz2",))
    assert download.fetch(file, tmp_path, opener=opener).read_bytes() == DATA
    assert left_in(tmp_path) == ["net.bin"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DATA, "provides a damaged .bz2 file"),
        (bz2.compress(DATA)[:-9], "provides a damaged .bz2 file"),
        (bz2.compress(bytes(5_000_000)), "unpacks to more than 2,000,000 bytes"),
    ],
)
def test_a_damaged_or_swelling_bz2_file_is_refused(
    tmp_path: Path,
    server: Server,
    opener: urllib.request.OpenerDirector,
    monkeypatch: pytest.MonkeyPatch,
    data: bytes,
    said: str,
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 2_000_000)
    server.plan["/net.bin.bz2"] = [{"data": data}]
    with pytest.raises(WeightsError, match=said):
        download.fetch(WeightsFile("net.bin", ("https://weights.test/net.bin.bz2",)), tmp_path, opener=opener)
    assert left_in(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_keeps_what_came(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(out: IO[bytes], chunk: bytes) -> None:
        if out.tell() >= 512 * 1024:
            raise OSError(errno.ENOSPC, "No space left on device")
        out.write(chunk)

    with monkeypatch.context() as patched:
        patched.setattr(download, "_write", full)
        with pytest.raises(WeightsError, match=r"could not be downloaded: the disk with .* is full; free some space"):
            download.fetch(FILE, tmp_path, opener=opener)
    assert download.fetch(FILE, tmp_path, opener=opener).read_bytes() == DATA
    assert server.asked[-1] == ("/net.bin", "bytes=524288-")


def test_a_cache_that_is_a_file_is_one_sentence(tmp_path: Path, opener: urllib.request.OpenerDirector) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="set NITAKAO_CACHE to a writable folder"):
        download.fetch(FILE, tmp_path / "file", opener=opener)


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    opener = download.https_opener(Local(1))  # nothing listens on port 1
    with pytest.raises(WeightsError, match=r"weights\.test cannot be reached: "):
        download.fetch(FILE, tmp_path, opener=opener)


def test_a_mirror_comes_first_and_is_https(
    tmp_path: Path, server: Server, opener: urllib.request.OpenerDirector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAKAO_MIRROR", "https://mirror.test/weights/")
    download.fetch(FILE, tmp_path, opener=opener)
    assert server.asked == [("/weights/net.bin", "")]
    monkeypatch.setenv("NITAKAO_MIRROR", "http://mirror.test")
    with pytest.raises(MisuseError, match="NITAKAO_MIRROR must be an https URL"):
        download.download_urls(FILE)


def test_two_processes_fetch_a_file_once(tmp_path: Path, server: Server) -> None:
    server.plan["/net.bin"] = [{"wait": 0.8}]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import test_download as t;"
        "o = t.download.https_opener(t.Local(int(sys.argv[2])));"
        "p = t.download.fetch(t.FILE, Path(sys.argv[3]), opener=o); print(len(p.read_bytes()))"
    )
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-c", script, folder, str(server.server_address[1]), str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [str(len(DATA))] * 2
    assert len(server.asked) == 1
