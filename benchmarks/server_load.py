"""The server under load: latency compared with a search in Python, throughput, and memory.

python benchmarks/fill_gallery.py big.db lfw.npz --faces 100000
python benchmarks/server_load.py big.db speed                 # p50 of a search, throughput with 1 and 32 clients
python benchmarks/server_load.py big.db soak --requests 20000 # mixed requests: memory and errors

Pictures are photos of NITAKAO_SHARED at about 1 megapixel, all different in their bytes. Results go to
results/serving-NAME.json and are described in SERVING.md.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cpu_load
import numpy as np
import psutil
from PIL import Image, ImageOps

MEGAPIXEL = 1_000_000
CLIENTS = 32
PATIENCE = 3000  # seconds: other benchmarks on the machine may pause a soak for minutes
HERE = Path(__file__).parent
BASE = "/api/v1"


def photographs(count: int) -> list[bytes]:
    """JPEGs of about a megapixel."""
    folder = Path(os.environ["NITAKAO_SHARED"]) / "data" / "photos"
    found = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        if image.width * image.height < MEGAPIXEL // 2:
            continue
        scale = (MEGAPIXEL / (image.width * image.height)) ** 0.5
        written = io.BytesIO()
        image.resize((round(image.width * scale), round(image.height * scale))).save(written, "JPEG", quality=90)
        found.append(written.getvalue())
    return found[:count]


def different(pictures: list[bytes]) -> Iterator[bytes]:
    """The same pictures repeatedly, each time with another comment in the file."""
    for number, data in enumerate(itertools.cycle(pictures)):
        comment = f"number {number}".encode()
        yield data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


@contextmanager
def server(gallery: str, *more: str) -> Iterator[tuple[int, psutil.Process]]:
    """The port and the process of `nitakao serve`."""
    command = [str(Path(sys.executable).with_name("nitakao")), "serve", "--gallery", gallery, "--port", "0", *more]
    with open(HERE / ".cache" / "serving.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield _port(Path(log.name)), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(90)


def _port(log: Path) -> int:
    for _ in range(600):
        if found := re.search(r"nitakao is at http://127.0.0.1:(\d+)", log.read_text("utf-8")):
            return int(found[1])
        time.sleep(0.1)
    raise SystemExit(f"the server does not start: {log}")


class Client:
    """One persistent connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.again = 0  # times that the server closed the idle connection

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "image/jpeg") -> tuple[int, bytes]:
        headers = {} if body is None else {"Content-Type": kind}
        try:
            self.connection.request(method, BASE + path, body, headers)
            answer = self.connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            if self.again > 50:
                raise
            self.again += 1
            self.connection.close()
            self.connection.request(method, BASE + path, body, headers)
            answer = self.connection.getresponse()
        return answer.status, answer.read()


def one_by_one(port: int, pictures: Iterator[bytes], count: int) -> list[float]:
    """Seconds of each of `count` searches in sequence."""
    client, took = Client(port), []
    for _ in range(count):
        data, start = next(pictures), time.perf_counter()
        status, _ = client.ask("POST", "/search?k=10", data)
        took.append(time.perf_counter() - start)
        assert status == 200, status
    return took


def at_once(port: int, pictures: Iterator[bytes], count: int, clients: int) -> tuple[float, list[float], Counter[int]]:
    """Searches per second, seconds of each, and responses, with this many clients."""
    lock, took, answered = threading.Lock(), [], Counter[int]()
    waiting = iter([next(pictures) for _ in range(count)])

    def work() -> None:
        client = Client(port)
        while True:
            with lock:
                data = next(waiting, None)
            if data is None:
                return
            start = time.perf_counter()
            status, _ = client.ask("POST", "/search?k=10", data)
            with lock:
                took.append(time.perf_counter() - start)
                answered[status] += 1

    start = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - start), took, answered


def in_python(gallery: str, pictures: Iterator[bytes], count: int) -> tuple[list[float], float]:
    """Seconds of the same searches in Python with loaded networks, and photos per second of the pipeline alone."""
    import nitakao
    from nitakao import photos
    from nitakao.pipeline import Pipeline
    from nitakao.tasks.probes import SearchOptions

    took = []
    with Pipeline() as eyes, nitakao.Gallery(gallery) as opened:
        card = nitakao.models.card(opened.model)
        options = SearchOptions(pipeline=eyes)
        for number in range(count + 3):
            data, start = next(pictures), time.perf_counter()
            opened.search(data, k=10, options=options)
            if number >= 3:
                took.append(time.perf_counter() - start)
        given = [photos.parse("image", next(pictures)) for _ in range(2 * count)]
        start = time.perf_counter()
        for _ in eyes.run(given, card=card):
            pass
        return took, len(given) / (time.perf_counter() - start)


def speed(gallery: str, rounds: int, count: int) -> dict[str, object]:
    """Sides in turn, medians of rounds."""
    shown = photographs(24)
    pictures = different(shown)
    told: dict[str, list[float]] = {}
    answered: Counter[int] = Counter()
    with server(gallery) as (port, process):
        one_by_one(port, pictures, 5)
        at_once(port, pictures, CLIENTS, CLIENTS)
        for _ in range(rounds):
            before, spent = cpu_load.reading(), sum(process.cpu_times()[:2]) + time.process_time()
            took, offline = in_python(gallery, pictures, count)
            alone = one_by_one(port, pictures, count)
            many, each, statuses = at_once(port, pictures, 3 * count, CLIENTS)
            spent = sum(process.cpu_times()[:2]) + time.process_time() - spent
            answered += statuses
            round_ = {
                "python p50 ms": 1000 * float(np.median(took)),
                "server p50 ms": 1000 * float(np.median(alone)),
                "server p99 ms": 1000 * float(np.quantile(alone, 0.99)),
                "one at a time, a second": count / sum(alone),
                "32 clients, a second": many,
                "32 clients p50 ms": 1000 * float(np.median(each)),
                "32 clients p99 ms": 1000 * float(np.quantile(each, 0.99)),
                "offline pipeline, a second": offline,
                "taken by others": cpu_load.others(before, cpu_load.reading(), spent),
            }
            print(json.dumps(round_), file=sys.stderr)
            for name, value in round_.items():
                told.setdefault(name, []).append(value)
    medians = {name: float(np.median(values)) for name, values in told.items()}
    medians["server p50 / python p50"] = medians["server p50 ms"] / medians["python p50 ms"]
    medians["32 clients / offline"] = medians["32 clients, a second"] / medians["offline pipeline, a second"]
    sizes = [len(one) for one in shown]
    return {"medians": medians, "rounds": told, "answers": dict(answered), "picture bytes": int(np.median(sizes))}


def soak(gallery: str, requests: int, clients: int) -> dict[str, object]:
    """Mixed requests, two in five with a picture, with resident memory over time."""
    pictures, answered, lock = different(photographs(24)), Counter[str](), threading.Lock()
    numbers, begun = iter(range(requests)), time.time()
    memory: list[tuple[int, float]] = []
    with server(gallery, "--max-seconds", str(PATIENCE)) as (port, process):

        def work(seed: int) -> None:
            chance, client = np.random.default_rng(seed), Client(port)
            while True:
                with lock:
                    number = next(numbers, None)
                    if number is None:
                        return
                    if number % 200 == 0:
                        memory.append((number, process.memory_info().rss / 1e6))
                        if number % 1000 == 0:
                            so_far = summary(number, time.time() - begun, answered, memory)
                            (HERE / ".cache" / "soak-so-far.json").write_text(json.dumps(so_far), "utf-8")
                            print(number, round(memory[-1][1]), round(time.time() - begun), file=sys.stderr, flush=True)
                    picture = next(pictures) if number % 5 < 2 else None
                method, path, body, kind = request(number, chance, picture)
                status, _ = client.ask(method, path, body, kind)
                with lock:
                    answered[f"{method} {re.sub('[0-9]+', 'N', path.partition('?')[0])} {status}"] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memory.append((requests, process.memory_info().rss / 1e6))
    return summary(requests, time.time() - begun, answered, memory)


def summary(
    requests: int, seconds: float, answered: Counter[str], memory: list[tuple[int, float]]
) -> dict[str, object]:
    """The result of a soak test of this many requests."""
    settled = [mb for number, mb in memory if number >= requests * 0.1] or [mb for _, mb in memory]
    half = len(settled) // 2
    first, last = float(np.median(settled[: max(1, half)])), float(np.median(settled[half:]))
    return {
        "requests": requests,
        "seconds": seconds,
        "answers": dict(sorted(answered.items())),
        "5xx": sum(count for told, count in answered.items() if told.rpartition(" ")[2].startswith("5")),
        "MB": [(number, round(mb, 1)) for number, mb in memory],
        "median MB of the first and second half, after a tenth": [first, last],
        "growth": last / first - 1,
    }


def request(number: int, chance: np.random.Generator, picture: bytes | None) -> tuple[str, str, bytes | None, str]:
    """One request as a page or program sends it."""
    jpeg, plain = "image/jpeg", "application/json"
    face, person, photo = (int(chance.integers(1, most)) for most in (100_000, 12_000, 40_000))
    if picture is not None:
        asked = ("/search?k=10", "/detect", "/identify", "/embed", "/search?k=50&different_people=true")
        return "POST", asked[number // 5 % len(asked)], picture, jpeg
    gets: list[Callable[[], tuple[str, str, bytes | None, str]]] = [
        lambda: ("GET", f"/faces/{face}/chip?side={int(chance.integers(40, 256))}", None, jpeg),
        lambda: ("GET", f"/faces/{face}", None, jpeg),
        lambda: ("GET", f"/photos/{photo}", None, jpeg),
        lambda: ("GET", f"/photos?person={person}", None, jpeg),
        lambda: ("GET", "/people?limit=50", None, jpeg),
        lambda: ("GET", f"/people/{person}/faces", None, jpeg),
        lambda: ("POST", f"/search?probe=face:{face}", None, jpeg),
        lambda: ("PATCH", f"/people/{person}", json.dumps({"name": f"Name {number}"}).encode(), plain),
        lambda: ("POST", "/detect", b"no picture" * 100, jpeg),
        lambda: ("GET", "/faces/999999999", None, jpeg),
    ]
    return gets[number // 5 % len(gets)]()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("gallery")
    arguments.add_argument("what", choices=("speed", "soak"))
    arguments.add_argument("--requests", type=int, default=20_000)
    arguments.add_argument("--clients", type=int, default=8)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--count", type=int, default=40)
    given = arguments.parse_args()
    (HERE / ".cache").mkdir(exist_ok=True)
    if given.what == "speed":
        told = speed(given.gallery, given.rounds, given.count)
    else:
        told = soak(given.gallery, given.requests, given.clients)
    path = HERE / "results" / f"serving-{given.what}.json"
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(json.dumps({k: v for k, v in told.items() if k not in ("MB", "rounds")}, indent=1))


if __name__ == "__main__":
    main()
