"""What `index` does with the photos it finds."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from nitakao.errors import MisuseError

Rescan: TypeAlias = Literal["problems", "all"]


@dataclass(frozen=True)
class IndexOptions:
    """What `index` does with the photos it finds.

    Attributes:
        rescan: Detect and embed again: 'problems' for files with problems and photos without a face, 'all' for every
            file. None skips unchanged files.
        prune: At the end, remove files from the gallery that no longer exist in the indexed files and folders.
        watch: Continue with files as they arrive, without end.
        labels_from: 'folder' names the most central face of each photo after the photo's folder.
        person: Names it so instead. Neither changes faces that were assigned by hand.
        frame_interval: Seconds between the frames of a video to process.

    Raises:
        MisuseError: For an invalid name, two sources of names, or an interval that is not above 0.
    """

    rescan: Rescan | None = None
    prune: bool = False
    watch: bool = False
    labels_from: Literal["folder"] | None = None
    person: str | None = None
    frame_interval: float = 1.0

    def __post_init__(self) -> None:
        if self.rescan not in (None, *get_args(Rescan)):
            raise MisuseError(f"rescan must be 'problems', 'all' or None, not {self.rescan!r}")
        if self.labels_from not in (None, "folder"):
            raise MisuseError(f"labels_from must be 'folder' or None, not {self.labels_from!r}")
        if self.person is not None:
            _clean_name(self.person)
            if self.labels_from is not None:
                raise MisuseError("labels come either from folders or from one given name: choose one")
        if not (math.isfinite(self.frame_interval) and self.frame_interval > 0):
            raise MisuseError(f"the interval between video frames must be above 0 seconds, not {self.frame_interval:g}")

    @property
    def has_labels(self) -> bool:
        """Whether faces are named."""
        return self.person is not None or self.labels_from is not None

    def label(self, path: str) -> str:
        """The name for the face in the photo at `path`; empty if there is none."""
        if self.person is not None:
            return _clean_name(self.person)
        if self.labels_from is None:
            return ""
        try:
            return _clean_name(os.path.basename(os.path.dirname(path)))
        except MisuseError:
            return ""


def _clean_name(name: str) -> str:
    from nitakao.gallery.people import clean_name  # loads SQLAlchemy

    return clean_name(name)
