"""What every benchmark gets: paths, number of rounds, and worker processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import environments
from worker import Worker


@dataclass
class Session:
    rounds: int = 3
    quick: bool = False  # few pictures, to check that everything runs
    fresh: bool = False  # reuse nothing from an earlier run
    ours_only: bool = False  # skip the side that takes ten minutes and is not timed
    _open: list[Worker] = field(default_factory=list)

    @property
    def shared(self) -> Path:
        return Path(os.environ["NITAKAO_SHARED"])

    @property
    def cache(self) -> Path:
        """Files passed between workers, and logs; ignored by git."""
        folder = environments.HERE / ".cache"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def weights(self) -> Path:
        return self.shared / "models" / "20180402-114759-vggface2.pt"

    def photos(self) -> list[str]:
        paths = sorted(str(p) for p in (self.shared / "data" / "photos").iterdir() if p.is_file())
        small = [p for p in paths if Path(p).stat().st_size < 200_000]
        return small[:5] if self.quick else paths

    def lfw(self, count: int) -> list[str]:
        paths = sorted(str(p) for p in (self.shared / "data" / "lfw" / "images").glob("*/*.jpg"))
        return paths[: 8 if self.quick else count]

    def worker(self, environment: str, script: str) -> Worker:
        worker = Worker(environment, script, self.cache / "logs")
        self._open.append(worker)
        return worker

    def ours(self) -> Worker:
        worker = self.worker("nitakao", "nitakao_worker")
        worker.ask("ready", models=[str(self.shared / "models")])
        return worker

    def facenet_pytorch(self, *, network: bool) -> Worker:
        worker = self.worker("facenet-pytorch", "facenet_pytorch_worker")
        worker.ask("load", weights=str(self.weights) if network else "")
        return worker

    def face_recognition(self) -> Worker:
        worker = self.worker("face_recognition", "face_recognition_worker")
        worker.ask("load")
        return worker

    def close(self) -> None:
        while self._open:
            self._open.pop().close()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
