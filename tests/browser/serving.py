"""`nitakao serve` as a process of its own, on a gallery that tests may change."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.shown import SCRIPTS

STARTED = re.compile(r"nitakao is at (http://\S+)")


class Served:
    """A server that runs.  address: without the last slash.  gallery: the file that it serves."""

    def __init__(self, gallery: Path, log: Path) -> None:
        self.gallery = gallery
        self.log = log
        command = [str(SCRIPTS / "nitakao"), "serve", "--gallery", str(gallery), "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.address = self._address()
        self.listener = threading.Thread(target=self._keep, daemon=True)
        self.listener.start()

    def _address(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = STARTED.search(line)
            if found:
                return found[1].rstrip("/")
        raise AssertionError(f"nitakao serve ended with {self.process.wait()}")

    def _keep(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr, self.log.open("w") as kept:
            for line in self.process.stderr:
                kept.write(line)

    def stop(self) -> None:
        self.process.terminate()
        self.listener.join(30)
        assert self.process.wait(30) in (0, -15, 143)


def serving(gallery: Path, folder: Path) -> Iterator[Served]:
    copy = folder / "family.db"
    shutil.copy(gallery, copy)
    served = Served(copy, folder / "serve.log")
    try:
        yield served
    finally:
        served.stop()
