"""The functions that jobs run: tasks that report their progress."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nitakao.server.jobs import JobFunction, Watch
from nitakao.server.service import Service
from nitakao.system import atomic_write

if TYPE_CHECKING:
    from nitakao.clustering import Method
    from nitakao.tasks.gallery.index_options import Rescan


def index(
    service: Service,
    paths: list[str],
    *,
    prune: bool = False,
    labels_from: Literal["folder"] | None = None,
    rescan: Rescan | None = None,
) -> JobFunction:
    """Index these files and folders."""

    def run(watch: Watch) -> dict[str, Any]:
        from nitakao.pipeline import PipelineOptions
        from nitakao.tasks.gallery.index import IndexCounts
        from nitakao.tasks.gallery.index import index as task
        from nitakao.tasks.gallery.index_options import IndexOptions

        watch(0, None)
        total, tally = _counted(paths), IndexCounts()
        done = task(
            service.gallery,
            paths,
            model=service.card,
            options=PipelineOptions(service.settings.detector, limits=service.limits),
            indexing=IndexOptions(rescan, prune, labels_from=labels_from),
            pipeline=service.pipeline,
        )
        with closing(done):
            for file in done:
                tally.add(file)
                watch(tally.photos, total, f"{tally.faces} faces")
        result = {"photos": tally.photos, "faces": tally.faces, "without_face": tally.without_face}
        return result | {"unreadable": tally.unreadable, "statuses": dict(tally.statuses)}

    return run


def _counted(paths: list[str]) -> int:
    from nitakao import photos

    return sum(1 for _ in photos.find(paths, videos=True))


def cluster(service: Service, method: Method | None, threshold: float | None, min_faces: int) -> JobFunction:
    """Group all faces by person."""

    def run(watch: Watch) -> dict[str, Any]:
        from nitakao.tasks.gallery.cluster import cluster as task

        watch(0, None)
        result = task(
            service.gallery,
            model=service.card,
            method=method,
            threshold=threshold,
            min_faces=min_faces,
            watch=lambda done, faces: watch(done, faces),
        )
        return asdict(result)

    return run


def reindex(service: Service, model: str, from_photographs: bool) -> JobFunction:
    """Recompute the gallery's vectors with another model."""

    def run(watch: Watch) -> dict[str, Any]:
        from nitakao.tasks.gallery.reindex import reindex as task

        watch(0, None)
        result = task(
            service.gallery,
            model,
            from_photographs=from_photographs,
            watch=lambda progress: watch(progress.done, progress.faces),
        )
        service.gallery.reload()
        return asdict(result)

    return run


def make_map(service: Service) -> JobFunction:
    """Compute the face map."""

    def run(watch: Watch) -> dict[str, Any]:
        from nitakao.tasks.gallery.face_map import make

        layout = make(service.gallery, watch=lambda done, total: watch(done, total))
        return {"faces": len(layout.faces), "method": layout.method}

    return run


def store_upload(folder: Path, data: bytes, name: str) -> str:
    """Store an uploaded photograph and return its path; equal content is stored once."""
    path = folder / name[:2] / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write_atomic(path, data)
    return str(path)
