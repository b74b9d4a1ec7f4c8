"""A server that makes up a gallery of any size, to see how the page bears it: nothing is stored, all is computed.

    python -m tests.browser.synthetic 100000 10000 --port 8123

Faces of person p are p, p + people, p + 2 * people and so on; each photograph shows one face.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import mimetypes
import random
from dataclasses import dataclass
from functools import lru_cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageDraw

CHIPS = 97  # different pictures


@dataclass(frozen=True)
class Made:
    """A gallery that is made up: face n, 1 to `faces`, is on photograph n and of person (n - 1) % people + 1."""

    faces: int
    people: int

    def face(self, n: int) -> dict[str, Any]:
        person = (n - 1) % self.people + 1
        return {
            "id": n, "photo": n, "number": 0, "box": [60.0, 40.0, 190.0, 200.0], "landmarks": [[90.0, 90.0]] * 5,
            "score": 0.999, "quality": {"score": 0.8, "sharpness": 0.7, "yaw": 3.0, "pitch": 1.0, "roll": 0.0},
            "time": None, "taken": 1.6e9 + n, "person": person, "name": self.name(person),
        }  # fmt: skip

    def name(self, person: int) -> str:
        return f"Person {person}" if person % 3 else ""

    def person(self, n: int) -> dict[str, Any]:
        each = (self.faces - n) // self.people + 1
        return {"id": n, "name": self.name(n), "faces": each, "photos": each, "hidden": False, "cover": n}

    def photo(self, n: int) -> dict[str, Any]:
        return {
            "id": n, "paths": [f"/pictures/{n:06}.jpg"], "width": 250, "height": 250, "video": False,
            "taken": 1.6e9 + n, "indexed": 1.7e9, "problem": "", "problem_code": "", "faces": [self.face(n)],
        }  # fmt: skip

    def gallery(self) -> dict[str, Any]:
        return {
            "where": "made up", "model": "made-up", "dimension": 128, "metric": "euclidean", "threshold": 0.6,
            "faces": self.faces, "photos": self.faces, "people": self.people, "named": self.people * 2 // 3,
            "videos": 0, "unassigned": 0, "reviews": 0, "problems": 0, "version": "0",
        }  # fmt: skip

    def map(self) -> dict[str, Any]:
        points = [self._point(n) for n in range(1, self.faces + 1)]
        columns: dict[str, list[float]] = {"face": [], "x": [], "y": [], "person": []}
        for n, (x, y) in enumerate(points, 1):
            for key, value in zip(columns, (n, x, y, (n - 1) % self.people + 1), strict=True):
                columns[key].append(value)
        return {"points": columns, "method": "made up", "made": 1.7e9, "stale": False}

    def _point(self, n: int) -> tuple[float, float]:
        person, chance = (n - 1) % self.people + 1, random.Random(n)
        turn, far = person * 2.399963, math.sqrt(person)
        return round(far * math.cos(turn) + chance.gauss(0, 0.3), 3), round(
            far * math.sin(turn) + chance.gauss(0, 0.3), 3
        )


@lru_cache(maxsize=CHIPS)
def chip(n: int) -> bytes:
    """A small picture that is not like the next one's."""
    picture = Image.new("RGB", (160, 160), f"hsl({n * 137 % 360}, 30%, 70%)")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((40, 24, 120, 136), fill=f"hsl({n * 61 % 360}, 35%, 45%)")
    pen.text((66, 72), str(n), fill="white")
    kept = io.BytesIO()
    picture.save(kept, "JPEG")
    return kept.getvalue()


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, made: Made, headers: dict[str, str], *rest: Any) -> None:
        self.made = made
        self.page_headers = headers
        super().__init__(*rest)

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if not asked.path.startswith("/api/v1/"):
            return self._file(asked.path)
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        path = asked.path.removeprefix("/api/v1").strip("/").split("/")
        return self._told(path, query)

    def _told(self, path: list[str], query: dict[str, str]) -> None:
        made = self.made
        match path:
            case ["session"]:
                self._json({"role": "admin", "keys": False, "version": "0", "model": "made-up"})
            case ["gallery"]:
                self._json(made.gallery())
            case ["people"]:
                self._json(self._page("people", made.people, made.person, query))
            case ["photos"]:
                self._json(self._page("photos", made.faces, made.photo, query))
            case ["jobs"]:
                self._json({"jobs": []})
            case ["map"]:
                self._json(made.map())
            case ["people", number]:
                self._json(made.person(int(number)))
            case ["people", number, "faces"]:
                first, step = int(number), made.people
                count = made.person(first)["faces"]
                self._json(self._page("faces", count, lambda n: made.face(first + (n - 1) * step), query))
            case ["faces", number]:
                self._json(made.face(int(number)))
            case ["photos", number]:
                self._json(made.photo(int(number)))
            case ["faces", number, "chip"] | ["photos", number, "image"]:
                self._bytes(chip(int(number) % CHIPS), "image/jpeg", {"Cache-Control": "max-age=31536000, immutable"})
            case _:
                self._json({"status": 404, "title": "Not found", "detail": "nothing is here"}, 404)

    def _page(self, key: str, total: int, make: Any, query: dict[str, str]) -> dict[str, Any]:
        first, limit = int(query.get("after", 0)), int(query.get("limit", 100))
        end = min(first + limit, total)
        return {
            key: [make(n) for n in range(first + 1, end + 1)],
            "next": str(end) if end < total else None,
            "total": total,
        }

    def _file(self, path: str) -> None:
        file = files("nitakao.server").joinpath("page", path.strip("/") or "index.html")
        if "/" in path.strip("/") or not file.is_file():
            return self._json({"status": 404, "title": "Not found", "detail": "nothing is here"}, 404)
        kind = mimetypes.guess_type(file.name)[0] or "text/plain"
        return self._bytes(file.read_bytes(), kind, self.page_headers)

    def _json(self, value: Any, status: int = 200) -> None:
        self._bytes(json.dumps(value).encode(), "application/json", {}, status)

    def _bytes(self, body: bytes, kind: str, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a browser that scrolls asks for many pictures at once


def serving(made: Made, headers: dict[str, str], port: int = 0) -> ThreadingHTTPServer:
    """A server that is ready to `serve_forever`."""
    return Listening(("127.0.0.1", port), partial(Answering, made, headers))


def main() -> None:
    from nitakao.server.static_page import HEADERS

    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    words.add_argument("faces", type=int)
    words.add_argument("people", type=int)
    words.add_argument("--port", type=int, default=8123)
    given = words.parse_args()
    with serving(Made(given.faces, given.people), HEADERS, given.port) as server:
        print(f"http://127.0.0.1:{server.server_port}/")
        server.serve_forever()


if __name__ == "__main__":
    main()
