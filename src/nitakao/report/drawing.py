"""Draw faces on their photographs, and two faces side by side."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nitakao.errors import NitakaoError
from nitakao.report import files
from nitakao.values import Face, Outcome, Photo, Pixels

LINE = 300  # lines are 1/300 of the photograph's longer side wide, and at least two pixels
BOX_COLOUR = (0, 230, 64)  # a green that is rare in photographs of people
LANDMARK_COLOUR = (255, 64, 64)
SIDE = 320  # px; each face of a pair
GAP = 12  # px between and around the faces
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
CAPTION_HEIGHT = 20  # px


def draw_faces(photo: Photo, faces: tuple[Face, ...]) -> Pixels:
    """Draw each face's box, landmarks and number on a copy of the photograph.

    Returns:
        (h, w, 3) uint8 RGB, in decoded pixels.
    """
    picture = Image.fromarray(photo.pixels)
    draw = ImageDraw.Draw(picture)
    width = max(2, round(max(picture.size) / LINE))
    for number, face in enumerate(faces):
        x1, y1, x2, y2 = (round(v * photo.scale) for v in face.box)
        draw.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=BOX_COLOUR, width=width)
        draw.text((x1 + 2 * width, y1 + width), str(number), fill=BOX_COLOUR, font=_font(8 * width))
        for x, y in face.landmarks * photo.scale if face.landmarks is not None else ():
            draw.ellipse((x - width, y - width, x + width, y + width), fill=LANDMARK_COLOUR)
    return np.asarray(picture)


def draw_pair(a: Pixels, b: Pixels, caption: str) -> Pixels:
    """Draw two face crops (h, w, 3) side by side with a caption. The built-in font has only Latin letters."""
    sheet = Image.new("RGB", (2 * SIDE + 3 * GAP, SIDE + 3 * GAP + CAPTION_HEIGHT), (255, 255, 255))
    for place, crop in enumerate((a, b)):
        sheet.paste(
            Image.fromarray(crop).resize((SIDE, SIDE), Image.Resampling.LANCZOS), (GAP + place * (SIDE + GAP), GAP)
        )
    ImageDraw.Draw(sheet).text((GAP, SIDE + 2 * GAP), caption, fill=(0, 0, 0), font=_font(CAPTION_HEIGHT * 3 // 4))
    return np.asarray(sheet)


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(max(size, 8))


def picture_name(outcome: Outcome, end: str) -> str:
    """A unique file name for a picture of this photograph: its base name and the start of its hash."""
    stem = os.path.splitext(os.path.basename(outcome.source.split("?")[0]))[0] or "photo"
    while len(stem.encode("utf-8", "surrogateescape")) > 180:  # file systems allow 255 bytes
        stem = stem[:-1]
    return f"{stem}-{outcome.sha256[:8]}{end}"


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder for pictures if needed. Raises NitakaoError if that fails."""
    folder = Path(path)
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise NitakaoError(f"pictures cannot be saved in '{folder}': there is no folder '{folder.parent}'") from None
    except OSError as error:
        raise NitakaoError(f"pictures cannot be saved in '{folder}': {error.strerror or error}") from error
    return folder


def check(path: Path) -> None:
    """Check, before any work, that this picture file can be written. Raises MisuseError or NitakaoError."""
    files.check(path, FORMATS, "picture")


def save(path: Path, pixels: Pixels) -> None:
    """Save a picture atomically, as PNG or JPEG by extension."""
    check(path)
    with files.open_atomic_file(path, "picture") as file:
        Image.fromarray(pixels).save(file, FORMATS[path.suffix.lower()], quality=92)
