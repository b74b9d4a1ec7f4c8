"""From names to pixels: photographs found, read upright within limits, and cut to what a network takes."""

from __future__ import annotations

from nitakao.photos.find import find, is_url
from nitakao.photos.read import Encoded, Limits, decode, from_pixels, load, read
from nitakao.photos.warp import cut, enough

__all__ = ["Encoded", "Limits", "cut", "decode", "enough", "find", "from_pixels", "is_url", "load", "read"]
