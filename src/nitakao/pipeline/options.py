"""Options for reading photos and for detecting and embedding their faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nitakao.errors import MisuseError
from nitakao.values import Choice, DetectorSettings

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV
    from nitakao.models.onnx.session import Device
    from nitakao.photos import Limits

BATCH_SIZE = 32


@dataclass(frozen=True)
class PipelineOptions:
    """How photos are read, and how their faces are detected and embedded.

    Attributes:
        detector: The face detector and its settings.
        faces: Which faces of each photo to use: 'all', 'largest', 'central', 'best' (highest score) or 'first'.
            None uses the task's default, which is all faces unless the task's documentation says otherwise.
        device: Where the networks run. None uses the CPU.
        flip: Average each embedding with that of the mirrored crop.
        batch_size: Number of faces per run of the embedding network, at most.
        limits: Largest photo to read, in bytes and pixels. None uses the default limits.
        allow_urls: Accept http and https addresses as photos.

    Raises:
        MisuseError: If batch_size is below 1.
    """

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    faces: Choice | None = None
    device: Device | None = None
    flip: bool = False
    batch_size: int = BATCH_SIZE
    limits: Limits | None = None
    allow_urls: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise MisuseError(f"batch size must be at least 1, not {self.batch_size}")
