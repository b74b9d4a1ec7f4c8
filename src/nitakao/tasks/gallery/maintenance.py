"""Maintain a gallery: info, check, backup, compact, repair."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao.errors import NitakaoError
from nitakao.tasks.arguments import GalleryLike, gallery_calibration, open_gallery
from nitakao.values import Check

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery.maintenance.backup import Backup
    from nitakao.gallery.maintenance.compact import Compacted
    from nitakao.gallery.maintenance.info import GalleryInfo
    from nitakao.gallery.maintenance.repair import Repaired


def info(gallery: GalleryLike = None) -> tuple[GalleryInfo, str]:
    """Describe the gallery; also returns the source of its calibration, '' if there is none."""
    from nitakao.gallery.maintenance import info

    with open_gallery(gallery) as found:
        about = info.info(found)
        try:
            calibration = gallery_calibration(found)
        except NitakaoError:  # the model is not installed
            calibration = None
        return about, "" if calibration is None else calibration.source


def check(gallery: GalleryLike = None) -> Iterator[Check]:
    """Check the gallery without changing it; yields one check after the other."""
    from nitakao.gallery.maintenance import check

    with open_gallery(gallery) as found:
        yield from check.check(found)


def backup(
    gallery: GalleryLike, path: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None
) -> Backup:
    """Copy the gallery to a new SQLite file; others may write meanwhile.

    Args:
        gallery: The gallery.
        path: The new file.
        progress: Called with the amount done and the total.

    Raises:
        GalleryError: If there is a file at `path`.
    """
    from nitakao.gallery.maintenance import backup as copying

    with open_gallery(gallery) as found:
        return copying.backup(found, Path(path), progress)


def compact(gallery: GalleryLike = None) -> Compacted:
    """Free the disk space of deleted rows; returns the size before and after."""
    from nitakao.gallery.maintenance import compact as compaction

    with open_gallery(gallery) as found:
        return compaction.compact(found)


def repair(gallery: str | os.PathLike[str] | None = None) -> Repaired:
    """Replace a damaged gallery by a new file with all readable rows; the damaged file is kept beside it."""
    from nitakao.gallery.maintenance import repair as saving

    return saving.repair(gallery)
