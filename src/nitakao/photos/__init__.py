"""From names to pixels: photographs found, read upright within limits, and cut to what a network takes."""

from __future__ import annotations

from nitakao.photos.chip import chip, chip_scale, from_chip
from nitakao.photos.crop import cut, enough
from nitakao.photos.dates import taken, video_taken
from nitakao.photos.find import find, is_url
from nitakao.photos.preview import shown
from nitakao.photos.quality import quality
from nitakao.photos.read import Encoded, Limits, decode, from_pixels, load, parsed, read
from nitakao.photos.video import VideoLimits, frames, looks_like_video

__all__ = [
    "Encoded",
    "Limits",
    "VideoLimits",
    "chip",
    "chip_scale",
    "cut",
    "decode",
    "enough",
    "find",
    "frames",
    "from_chip",
    "from_pixels",
    "is_url",
    "load",
    "looks_like_video",
    "parsed",
    "quality",
    "read",
    "shown",
    "taken",
    "video_taken",
]
