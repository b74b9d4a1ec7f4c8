"""Read frames of videos. Videos are detected by their header, not by their name.

Decoded by OpenCV's FFmpeg. It only gets local files with a known container header, because FFmpeg itself would also
follow playlists, file name patterns and URLs.
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

HEADER_BYTES = 577  # three timed packets of an MPEG transport stream (192 each), and the sync byte of a fourth
_ISO_FIRST = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}  # QuickTime had no ftyp before 2001
_NOT_MOVING = {b"M4A ", b"M4B ", b"M4P ", b"crx ", b"jp2 ", b"jpx "}  # audio, Canon raw, JPEG 2000
_STARTS = (
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # raw MPEG video
    b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel",  # ASF: WMV
    b"FLV\x01",
)
_EBML = b"\x1aE\xdf\xa3"
_QUIET = "-8"  # FFmpeg's AV_LOG_QUIET
_LENGTH_TOLERANCE = 1.0, 0.1  # error of the length that containers state: seconds, and share of the length


@dataclass(frozen=True)
class VideoLimits:
    """Limits on a video.

    Attributes:
        pixels: Largest width times height of a frame.
        seconds: Longest duration.
        frames: Most frames decoded, including skipped ones.
    """

    pixels: int = 50_000_000  # above 8K, which has 33 million
    seconds: float = 12 * 3600.0
    frames: int = 12 * 3600 * 60

    def __post_init__(self) -> None:
        if self.pixels < 1 or self.frames < 1 or not self.seconds > 0:
            raise MisuseError(
                f"limits on a video must be above 0, not {self.pixels} pixels, {self.seconds:g} seconds, "
                f"{self.frames} frames"
            )


def is_video(head: bytes) -> bool:
    """Whether a file that begins with these `HEADER_BYTES` bytes is a video: MP4, QuickTime, Matroska, AVI, MPEG ..."""
    if formats.sniff(head[: formats.HEADER_BYTES]) is not None:  # AVIF and HEIC use the same container as MP4
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
    """Packets of 188 bytes that begin with 'G', or of 192 with a 4-byte timestamp before it (Blu-ray, camcorders)."""
    return any(head[start::packet][:3] == b"GGG" for start, packet in ((0, 188), (4, 192)))


def looks_like_video(path: str) -> bool:
    """Whether a file has a video header; False if it cannot be read or is not a regular file."""
    try:
        if not os.path.isfile(path):  # opening a pipe would block
            return False
        with open(path, "rb") as file:
            return is_video(file.read(HEADER_BYTES))
    except (OSError, ValueError):
        return False


def read_frames(path: str, *, every: float = 1.0, limits: VideoLimits | None = None) -> Iterator[tuple[float, Photo]]:
    """Read frames of a video at an interval.

    Args:
        path: A local file.
        every: Interval in seconds; 0 reads all frames.
        limits: Defaults to `VideoLimits()`.

    Yields:
        (time in seconds, upright photograph): the first frame, then the next after each interval.

    Raises:
        UnreadablePhotoError: If the file is not a video; after the readable frames, if it is truncated.
        PhotoTooLargeError: If frames are too large; after the frames within the limits, if the video is too long.
    """
    if not (math.isfinite(every) and every >= 0):
        raise MisuseError(f"every, the interval between frames, must be 0 seconds or more, not {every:g}")
    try:
        with _open(path) as file, _capture(path, file) as capture:
            yield from _sample(path, capture, every, limits or VideoLimits())
    except PhotoError as error:
        raise type(error)(f"'{path}': {error}") from error.__cause__


@contextlib.contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    """Open a file that has a video header."""
    try:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise UnreadablePhotoError("not a regular file, or a broken link")
        with open(path, "rb") as file:
            if not is_video(file.read(HEADER_BYTES)):
                raise UnreadablePhotoError("not a supported video (MP4, QuickTime, Matroska, AVI, MPEG ...)")
            yield file
    except (OSError, ValueError) as error:
        raise UnreadablePhotoError(f"it cannot be read ({getattr(error, 'strerror', None) or error})") from error


@contextlib.contextmanager
def _capture(path: str, file: BinaryIO) -> Iterator[Any]:
    # FFmpeg prints warnings about damaged files. OpenCV reads this variable once, at the first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _QUIET)
    before = cv2.utils.logging.setLogLevel(0)
    try:
        # OpenCV takes only UTF-8 names; other files are opened by descriptor.
        absolute = os.path.abspath(path)
        capture = cv2.VideoCapture(absolute if _is_text(absolute) else f"/dev/fd/{file.fileno()}", cv2.CAP_FFMPEG)
    except cv2.error as error:
        raise UnreadablePhotoError("the video cannot be decoded") from error
    finally:
        cv2.utils.logging.setLogLevel(before)
    try:
        if not capture.isOpened():
            raise UnreadablePhotoError("the video is damaged, truncated, or in a format that this OpenCV cannot read")
        yield capture
    finally:
        capture.release()


def _is_text(path: str) -> bool:
    try:
        return bool(path.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _sample(path: str, capture: Any, every: float, limits: VideoLimits) -> Iterator[tuple[float, Photo]]:
    _check_pixels(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT), limits)
    due, count, time = 0.0, 0, 0.0
    for time in _times(capture, limits):
        if time < due:
            continue
        ok, pixels = capture.retrieve()
        if not ok:
            continue
        _check_pixels(pixels.shape[1], pixels.shape[0], limits)
        count += 1
        upright = np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
        yield time, Photo(path, upright, (upright.shape[1], upright.shape[0]))
        due = (math.floor(time / every + 1e-6) + 1) * every if every else 0.0
    if not count:
        raise UnreadablePhotoError("no frame of the video can be decoded")
    _check_complete(capture, time)


def _times(capture: Any, limits: VideoLimits) -> Iterator[float]:
    """Grab each frame and yield its time in seconds, increasing."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    step = 1 / rate if 1 <= rate <= 1000 else 1 / 25
    time = -step
    for _ in range(limits.frames):
        if not capture.grab():
            return
        stated = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time = stated if stated > time else time + step  # some frames have no time, such as the last of MPEG streams
        if time > limits.seconds:
            raise PhotoTooLargeError(f"longer than the limit of {limits.seconds:g} seconds; the rest is skipped")
        yield time
    raise PhotoTooLargeError(f"more frames than the limit of {limits.frames}; the rest is skipped")


def _check_pixels(width: float, height: float, limits: VideoLimits) -> None:
    if not (width >= 1 and height >= 1):
        raise UnreadablePhotoError("the video is damaged or has no frames: it states no frame size")
    if width * height > limits.pixels:
        raise PhotoTooLargeError(f"frames of {width:.0f} x {height:.0f}, more than the limit of {limits.pixels} pixels")


def _check_complete(capture: Any, last: float) -> None:
    """Raise UnreadablePhotoError if the video ended well before the length that its container states."""
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    length = count / rate if count > 0 and 1 <= rate <= 1000 else 0.0
    if last < length - max(_LENGTH_TOLERANCE[0], _LENGTH_TOLERANCE[1] * length):
        raise UnreadablePhotoError(f"the video is truncated after {last:.1f} of {length:.1f} seconds")
