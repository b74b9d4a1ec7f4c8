"""Frames of videos, by the time at which they are seen; a video is told by its first bytes, never by its name.

Decoded by the FFmpeg that OpenCV carries. It is given local files only, and only those that begin like one of the
containers below: FFmpeg by itself would also follow playlists, patterns of names and addresses.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np

from nitakao.errors import MisuseError, PhotoError, PhotoTooLargeError, UnreadablePhotoError
from nitakao.photos import formats
from nitakao.values import Photo

HEADER_BYTES = 577  # bytes: three packets of an MPEG transport stream with times (192 each), and the mark of a fourth
_ISO_FIRST = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}  # QuickTime had no ftyp before 2001
_NOT_MOVING = {b"M4A ", b"M4B ", b"M4P ", b"crx ", b"jp2 ", b"jpx "}  # sound, Canon's raw pictures, JPEG 2000
_STARTS = (
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video by itself
    b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel",  # ASF: WMV
    b"FLV\x01",
)
_EBML = b"\x1aE\xdf\xa3"
_QUIET = "-8"  # FFmpeg's AV_LOG_QUIET
_SLACK = 1.0, 0.1  # seconds, and share of the length, by which containers are wrong about how long they are


@dataclass(frozen=True)
class VideoLimits:
    """How much of a video is looked at.

    pixels: of one frame.  seconds: of the video.  frames: decoded, whether given out or not.
    """

    pixels: int = 50_000_000  # above 8K, which has 33 million
    seconds: float = 12 * 3600.0
    frames: int = 12 * 3600 * 60

    def __post_init__(self) -> None:
        if self.pixels < 1 or self.frames < 1 or not self.seconds > 0:
            raise MisuseError(
                f"limits on a video are above 0, not {self.pixels} pixels, {self.seconds:g} seconds, "
                f"{self.frames} frames"
            )


def is_video(head: bytes) -> bool:
    """Whether a file that begins with these `HEADER_BYTES` bytes is a video: MP4, QuickTime, Matroska, AVI, MPEG ..."""
    if formats.sniff(head[: formats.HEADER_BYTES]) is not None:  # AVIF and HEIC are kin to MP4
        return False
    if head[4:8] in _ISO_FIRST:
        return head[8:12] not in _NOT_MOVING
    if head.startswith(_EBML):
        return b"matroska" in head[:64] or b"webm" in head[:64]
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:4] == b"OggS":
        return b"\x80theora" in head[:64]
    return head.startswith(_STARTS) or _is_transport_stream(head)


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes that begin with 'G', or of 192 with four bytes of time before it (Blu-ray, camcorders)."""
    return any(head[start::packet][:3] == b"GGG" for start, packet in ((0, 188), (4, 192)))


def looks_like_video(path: str) -> bool:
    """Whether the file at `path` begins like a video. False where it cannot be read, or is no regular file."""
    try:
        if not os.path.isfile(path):  # opening a pipe would keep us waiting
            return False
        with open(path, "rb") as file:
            return is_video(file.read(HEADER_BYTES))
    except (OSError, ValueError):
        return False


def read_frames(path: str, *, every: float = 1.0, limits: VideoLimits | None = None) -> Iterator[tuple[float, Photo]]:
    """Frames, upright, each with its time in seconds: the first, then the next one after each `every` seconds.

    Raises UnreadablePhotoError where there is no video, and, after the frames that could be read, where it breaks off;
    PhotoTooLargeError where frames are too large, and, after what is within the limits, where it is too long.
    """
    if not (math.isfinite(every) and every >= 0):
        raise MisuseError(f"frames are taken every 0 or more seconds, not {every:g}")
    try:
        with _opened(path) as file, _capture(path, file) as capture:
            yield from _sampled(path, capture, every, limits or VideoLimits())
    except PhotoError as error:
        raise type(error)(f"'{path}': {error}") from error.__cause__


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """The file, if it begins like a video."""
    try:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise UnreadablePhotoError("no file, or one that leads nowhere")
        with open(path, "rb") as file:
            if not is_video(file.read(HEADER_BYTES)):
                raise UnreadablePhotoError("no video of a kind that is read (MP4, QuickTime, Matroska, AVI, MPEG ...)")
            yield file
    except (OSError, ValueError) as error:
        raise UnreadablePhotoError(f"it cannot be read ({getattr(error, 'strerror', None) or error})") from error


@contextlib.contextmanager
def _capture(path: str, file: BinaryIO) -> Iterator[Any]:
    # FFmpeg writes to the terminal what it thinks of damaged files. OpenCV asks for this once, at the first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _QUIET)
    before = cv2.utils.logging.setLogLevel(0)
    try:
        # By its number where the name is no text that OpenCV takes, as bytes in another encoding than UTF-8.
        whole = os.path.abspath(path)
        capture = cv2.VideoCapture(whole if _is_text(whole) else f"/dev/fd/{file.fileno()}", cv2.CAP_FFMPEG)
    except cv2.error as error:
        raise UnreadablePhotoError("the video cannot be decoded") from error
    finally:
        cv2.utils.logging.setLogLevel(before)
    try:
        if not capture.isOpened():
            raise UnreadablePhotoError("the video is damaged or truncated, or of a kind that this OpenCV does not read")
        yield capture
    finally:
        capture.release()


def _is_text(path: str) -> bool:
    try:
        return bool(path.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _sampled(path: str, capture: Any, every: float, limits: VideoLimits) -> Iterator[tuple[float, Photo]]:
    _check_pixels(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT), limits)
    due, seen, time = 0.0, 0, 0.0
    for time in _times(capture, limits):
        if time < due:
            continue
        there, pixels = capture.retrieve()
        if not there:
            continue
        _check_pixels(pixels.shape[1], pixels.shape[0], limits)
        seen += 1
        upright = np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
        yield time, Photo(path, upright, (upright.shape[1], upright.shape[0]))
        due = (math.floor(time / every + 1e-6) + 1) * every if every else 0.0
    if not seen:
        raise UnreadablePhotoError("not one frame of the video can be decoded")
    _check_whole(capture, time)


def _times(capture: Any, limits: VideoLimits) -> Iterator[float]:
    """Seconds of each frame, rising, as it becomes the one that can be retrieved."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    step = 1 / rate if 1 <= rate <= 1000 else 1 / 25
    time = -step
    for _ in range(limits.frames):
        if not capture.grab():
            return
        told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time = told if told > time else time + step  # some have no time of their own, as the last of MPEG streams
        if time > limits.seconds:
            raise PhotoTooLargeError(f"longer than the limit of {limits.seconds:g} seconds; the rest is left out")
        yield time
    raise PhotoTooLargeError(f"more frames than the limit of {limits.frames}; the rest is left out")


def _check_pixels(width: float, height: float, limits: VideoLimits) -> None:
    if not (width >= 1 and height >= 1):
        raise UnreadablePhotoError("the video is damaged, or has no pictures: it does not say how large they are")
    if width * height > limits.pixels:
        raise PhotoTooLargeError(f"frames of {width:.0f} x {height:.0f}, more than the limit of {limits.pixels} pixels")


def _check_whole(capture: Any, last: float) -> None:
    """Raises UnreadablePhotoError where the video ended well before its container says it does."""
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    length = count / rate if count > 0 and 1 <= rate <= 1000 else 0.0
    if last < length - max(_SLACK[0], _SLACK[1] * length):
        raise UnreadablePhotoError(f"the video breaks off after {last:.1f} of {length:.1f} seconds")
