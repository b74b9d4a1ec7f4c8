"""The work of jobs: tasks that report their progress."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nitakao.server.jobs import Watch, Work
from nitakao.server.service import Service
from nitakao.system import atomic_write

if TYPE_CHECKING:
    from nitakao.clustering import Method
    from nitakao.tasks.gallery.index_options import Rescan


def index(
    serving: Service,
    paths: list[str],
    *,
    prune: bool = False,
    labels_from: Literal["folder"] | None = None,
    rescan: Rescan | None = None,
) -> Work:
    """Index these files and folders."""

    def work(watch: Watch) -> dict[str, Any]:
        from nitakao.pipeline import PipelineOptions
        from nitakao.tasks.gallery.index import IndexCounts
        from nitakao.tasks.gallery.index import index as task
        from nitakao.tasks.gallery.index_options import IndexOptions

        watch(0, None)
        total, tally = _counted(paths), IndexCounts()
        done = task(
            serving.gallery,
            paths,
            model=serving.card,
            options=PipelineOptions(serving.settings.detector, limits=serving.limits),
            indexing=IndexOptions(rescan, prune, labels_from=labels_from),
            pipeline=serving.eyes,
        )
        with closing(done):
            for file in done:
                tally.add(file)
                watch(tally.photos, total, f"{tally.faces} faces")
        result = {"photos": tally.photos, "faces": tally.faces, "without_face": tally.without_face}
        return result | {"unreadable": tally.unreadable, "statuses": dict(tally.statuses)}

    return work


def _counted(paths: list[str]) -> int:
    from nitakao import photos

    return sum(1 for _ in photos.find(paths, videos=True))


def cluster(serving: Service, method: Method | None, threshold: float | None, smallest: int) -> Work:
    """Group all faces by person."""

    def work(watch: Watch) -> dict[str, Any]:
        from nitakao.tasks.gallery.cluster import cluster as task

        watch(0, None)
        found = task(
            serving.gallery,
            model=serving.card,
            method=method,
            threshold=threshold,
            smallest=smallest,
            watch=lambda done, faces: watch(done, faces),
        )
        return asdict(found)

    return work


def reindex(serving: Service, model: str, from_photographs: bool) -> Work:
    """Recompute the gallery's vectors with another model."""

    def work(watch: Watch) -> dict[str, Any]:
        from nitakao.tasks.gallery.reindex import reindex as task

        watch(0, None)
        found = task(
            serving.gallery,
            model,
            from_photographs=from_photographs,
            watch=lambda progress: watch(progress.done, progress.faces),
        )
        serving.gallery.reload()
        return asdict(found)

    return work


def make_map(serving: Service) -> Work:
    """Compute the face map."""

    def work(watch: Watch) -> dict[str, Any]:
        from nitakao.tasks.gallery.face_map import make

        made = make(serving.gallery, watch=lambda done, total: watch(done, total))
        return {"faces": len(made.faces), "method": made.method}

    return work


def store_upload(folder: Path, data: bytes, name: str) -> str:
    """Store an uploaded photograph and return its path; equal content is stored once."""
    path = folder / name[:2] / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write_atomic(path, data)
    return str(path)
