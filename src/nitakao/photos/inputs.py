"""Photographs in memory: arrays, Pillow images, bytes and file objects."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from nitakao.errors import MisuseError, PhotoTooLargeError, UnreadablePhotoError
from nitakao.photos import colour
from nitakao.photos.read import Encoded, Limits, from_pixels, parse
from nitakao.values import Photo

PhotoInput: TypeAlias = (
    "str | os.PathLike[str] | Photo | Encoded | np.ndarray[Any, Any] | Image.Image"
    " | bytes | bytearray | memoryview | BinaryIO"
)


class Unreadable(Encoded):
    """A photograph in memory that could not be read; it keeps its place among the others.

    Args:
        source: Name of the photograph.
        problem: Why it could not be read.
    """

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(source, b"", "JPEG", (0, 0), 1, "")
        object.__setattr__(self, "problem", problem)

    problem: str


def to_photo(item: PhotoInput, name: str = "", *, limits: Limits | None = None) -> str | Photo | Encoded:
    """Convert one photograph given as a Python object.

    Args:
        item: A path (returned as text), an array of upright RGB pixels, (H, W, 3) uint8, a Pillow image (its EXIF
            orientation is applied), the bytes of an image file, or a file object opened in binary mode.
        name: Name of a photograph in memory that has none.
        limits: Largest photograph to accept, in bytes and pixels. None uses the default limits.

    Returns:
        The path, the photograph, or `Unreadable` for damaged or oversized images.

    Raises:
        MisuseError: For another type, and for arrays of another shape or dtype.
    """
    if isinstance(item, (str, os.PathLike)):
        return os.fspath(item)
    if isinstance(item, (Photo, Encoded)):
        return item
    limits = limits or Limits()
    source = name or _file_name(item)
    try:
        if isinstance(item, np.ndarray):
            return _from_array(item, source, limits)
        if isinstance(item, Image.Image):
            return _from_pillow(item, source, limits)
        if isinstance(item, (bytes, bytearray, memoryview)):
            return parse(source, bytes(item), limits=limits)
        if hasattr(item, "read"):
            return parse(source, _read_file(item, limits), limits=limits)
    except (UnreadablePhotoError, PhotoTooLargeError) as error:
        return Unreadable(source, str(error))
    raise MisuseError(
        f"a photograph cannot be a {type(item).__name__}: pass a path, an array, a Pillow image, bytes or a file object"
    )


def is_single(item: object) -> bool:
    """Whether this is one photograph, not an iterable of photographs."""
    kinds = (str, os.PathLike, Photo, Encoded, np.ndarray, Image.Image, bytes, bytearray, memoryview)
    return isinstance(item, kinds) or hasattr(item, "read")


def _file_name(item: object) -> str:
    """The path that a file object or a Pillow image was opened from; a generic name if there is none."""
    path = getattr(item, "name", "") or getattr(item, "filename", "")
    return os.path.abspath(path) if isinstance(path, str) and path else f"<{type(item).__name__}>"


def _from_array(array: np.ndarray[Any, Any], source: str, limits: Limits) -> Photo:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise MisuseError(f"an array must be (height, width, 3) uint8, not {array.shape} {array.dtype}: {_hint(array)}")
    _check_pixels(array.shape[1], array.shape[0], source, limits)
    return from_pixels(array, source)


def _hint(array: np.ndarray[Any, Any]) -> str:
    """How to convert an array of another shape or dtype."""
    if array.size == 0:
        return "it has no pixels"
    if array.dtype != np.uint8 and array.ndim == 3 and array.shape[2] == 3:
        if array.dtype.kind == "f":
            return "scale it to 0..255 and use .astype('uint8')"
        return "scale it to 8 bits and use .astype('uint8')"
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1):
        return "repeat a grey channel with numpy.dstack([grey] * 3)"
    if array.ndim == 3 and array.shape[2] == 4:
        return "drop the alpha channel with array[..., :3]"
    if array.ndim == 3 and array.shape[0] == 3:
        return "move the channels last with array.transpose(1, 2, 0)"
    if array.ndim == 4:
        return "pass a list of arrays, one per photograph"
    return "convert it to upright RGB"


def _from_pillow(image: Image.Image, source: str, limits: Limits) -> Photo:
    _check_pixels(image.width, image.height, source, limits)
    try:
        upright = ImageOps.exif_transpose(image)
        pixels, profile = colour.to_rgb(upright), image.info.get("icc_profile")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadablePhotoError(f"'{source}': it cannot be decoded ({error})") from error
    size = (pixels.shape[1], pixels.shape[0])
    return Photo(source, np.ascontiguousarray(pixels), size, profile=profile if isinstance(profile, bytes) else b"")


def _check_pixels(width: int, height: int, source: str, limits: Limits) -> None:
    if width * height > limits.pixels:
        raise PhotoTooLargeError(f"'{source}': {width} x {height} pixels, above the limit of {limits.pixels}")


def _read_file(file: Any, limits: Limits) -> bytes:
    """The rest of a binary file, and no more than one byte past the limit."""
    if isinstance(file, io.TextIOBase):
        raise MisuseError("a file object must be binary: open it with open(path, 'rb')")
    try:
        data = file.read(limits.bytes + 1)
    except OSError as error:
        raise UnreadablePhotoError(f"'{_file_name(file)}': it cannot be read ({error.strerror or error})") from error
    if not isinstance(data, bytes):
        raise MisuseError("a file object must be binary: open it with open(path, 'rb')")
    return data
