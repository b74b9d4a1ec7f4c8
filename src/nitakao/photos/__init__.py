"""Photographs: find files, read them upright within limits, and crop faces for a network."""

from __future__ import annotations

from nitakao.photos.chip import chip_scale, make_chip, photo_from_chip
from nitakao.photos.crop import crop_face, crop_scale
from nitakao.photos.dates import capture_time, video_capture_time
from nitakao.photos.find import find, is_url
from nitakao.photos.inputs import PhotoInput, Unreadable, is_single, to_photo
from nitakao.photos.preview import render_preview
from nitakao.photos.quality import measure_quality
from nitakao.photos.read import Encoded, Limits, decode, from_pixels, load, parse, read
from nitakao.photos.video import VideoLimits, looks_like_video, read_frames

__all__ = [
    "Encoded",
    "Limits",
    "PhotoInput",
    "Unreadable",
    "VideoLimits",
    "capture_time",
    "chip_scale",
    "crop_face",
    "crop_scale",
    "decode",
    "find",
    "from_pixels",
    "is_single",
    "is_url",
    "load",
    "looks_like_video",
    "make_chip",
    "measure_quality",
    "parse",
    "photo_from_chip",
    "read",
    "read_frames",
    "render_preview",
    "to_photo",
    "video_capture_time",
]
