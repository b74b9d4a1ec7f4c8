"""The content of contact sheets and HTML reports: sections of faces with captions."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from nitakao.report.drawing import BOX_COLOUR, LINE
from nitakao.values import Chip, Face, FaceRecord, Hit, Photo, ResultInfo

MAX_SIDE = 480  # px, longer side of a small photograph
OTHER_COLOUR = (160, 160, 160)  # boxes of the other faces

RelativeBox = tuple[float, float, float, float]  # x1, y1, x2, y2 relative to a picture's width and height


@dataclass(frozen=True, eq=False)
class Tile:
    """A face to show.

    Attributes:
        chip: Encoded picture of the face (JPEG or PNG); may be empty.
        scene: Encoded picture of its photograph (JPEG or PNG); may be empty.
        name: The person.
        rank: From 1; 0 if there is none.
        distance: Distance to the probe; NaN if there is none.
        probability: Probability of the same person; NaN if there is none.
        path: The photograph's path.
        time: Seconds into a video.
        number: The face's id in the gallery.
        box: The face's position in the chip.
    """

    chip: bytes = b""
    scene: bytes = b""
    name: str = ""
    rank: int = 0
    distance: float = math.nan
    probability: float = math.nan
    path: str = ""
    time: float | None = None
    number: int | None = None
    box: RelativeBox | None = None

    @property
    def facts(self) -> str:
        """Rank, distance and probability, if known: '1  0.412  98.1%'."""
        facts = [
            str(self.rank) if self.rank else "",
            format_distance(self.distance),
            format_probability(self.probability),
        ]
        return "  ".join(fact for fact in facts if fact)

    @property
    def place(self) -> str:
        """The path, and for a video the time."""
        return self.path if self.time is None else f"{self.path} at {format_time(self.time)}"


@dataclass(frozen=True, eq=False)
class Section:
    """The result for one probe, or one person.

    Attributes:
        heading: Section title.
        tiles: The hits, or the person's faces.
        probes: The faces searched for.
        uncertain: Faces listed separately.
        note: A line below the heading.
    """

    heading: str
    tiles: tuple[Tile, ...] = ()
    probes: tuple[Tile, ...] = ()
    uncertain: tuple[Tile, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """The content of a sheet or page. notes: model, metric and threshold behind the numbers."""

    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()


def tile_for_hit(hit: Hit, chip: Chip | None = None, scene: bytes = b"") -> Tile:
    """The tile of a search hit."""
    return tile_for_face(hit.face, chip, scene, hit.rank, hit.distance, hit.probability)


def tile_for_face(
    record: FaceRecord,
    chip: Chip | None = None,
    scene: bytes = b"",
    rank: int = 0,
    distance: float = math.nan,
    probability: float = math.nan,
) -> Tile:
    """The tile of a face in the gallery."""
    name = record.name or ("" if record.person_id is None else f"#{record.person_id}")
    picture = b"" if chip is None else chip.jpeg
    box = None if chip is None else box_in_chip(chip, record.face)
    return Tile(picture, scene, name, rank, distance, probability, record.path, record.time, record.id, box)


def box_in_chip(chip: Chip, face: Face) -> RelativeBox:
    """Position of a face in its chip."""
    (left, top, _, _), (width, height) = chip.frame, chip.size
    x1, y1, x2, y2 = face.box
    return (x1 - left) / width, (y1 - top) / height, (x2 - left) / width, (y2 - top) / height


def draw_scene(photo: Photo, faces: tuple[Face, ...], selected: int = 0) -> bytes:
    """Encode a small JPEG of the whole photograph with a box around each face.

    Args:
        photo: The photograph.
        faces: Its faces.
        selected: Index of the face to highlight.
    """
    picture = Image.fromarray(photo.pixels)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    across, down = picture.width / photo.size[0], picture.height / photo.size[1]
    canvas = ImageDraw.Draw(picture)
    width = max(2, 2 * MAX_SIDE // LINE)
    for number, face in sorted(enumerate(faces), key=lambda item: item[0] == selected):  # selected face on top
        x1, y1, x2, y2 = (round(v * by) for v, by in zip(face.box, (across, down, across, down), strict=True))
        colour = BOX_COLOUR if number == selected else OTHER_COLOUR
        canvas.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=width)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=85, subsampling="4:4:4")  # subsampling would wash out thin lines
    return encoded.getvalue()


def format_notes(basis: ResultInfo) -> tuple[str, ...]:
    """The lines below results: model, metric and threshold, number of faces searched, and calibration."""
    threshold = f"same person below {basis.threshold:g} ({basis.threshold_source})" if basis.has_threshold else ""
    lines = [f"{basis.model}, {basis.metric} distance, {threshold or 'no default threshold'}"]
    total = "" if basis.searched == basis.faces else f" of {basis.faces:,}"
    false_matches = ""
    if not math.isnan(basis.false_matches):
        false_matches = f"; expected false matches below the threshold: {basis.false_matches:.2g}"
    lines.append(f"{basis.searched:,}{total} faces searched{false_matches}")
    if not math.isnan(basis.prior):
        lines.append(f"probabilities with prior {basis.prior:g}, calibrated on {basis.calibration or 'unknown pairs'}")
    return tuple(lines)


def format_distance(distance: float) -> str:
    """Three decimals; empty for NaN."""
    return "" if math.isnan(distance) else f"{distance:.3f}"


def format_probability(probability: float) -> str:
    """A percentage such as 98.1%, never 0% or 100%; empty for NaN."""
    if math.isnan(probability):
        return ""
    if probability >= 0.9995:
        return ">99.9%"
    return "<0.1%" if probability < 0.0005 else f"{probability:.1%}"


def format_time(seconds: float) -> str:
    """Format as 1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
