"""What a contact sheet and a page are made of: faces with what is said of them, in sections."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from nitakao.report.drawing import BOX_COLOUR, LINE
from nitakao.values import Chip, Face, FaceRecord, Hit, Photo, ResultInfo

MAX_SIDE = 480  # px, of a photograph's longer side where it is shown small
OTHER_COLOUR = (160, 160, 160)  # around faces that are not meant

RelativeBox = tuple[float, float, float, float]  # x1, y1, x2, y2 as shares of a picture's width and height


@dataclass(frozen=True, eq=False)
class Tile:
    """One face as it is shown.

    chip, scene: encoded pictures (JPEG or PNG) of the face, and of its photograph; empty where there is none.
    box: where in the chip the face is.
    name: who it is.  rank: from 1; 0 where nothing is ranked.  distance, probability: NaN where there is none.
    path: where the photograph lies.  time: seconds into a video.  number: the gallery's of this face, for commands.
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
        """Rank, distance and probability, as far as they are known: '1  0.412  98.1%'."""
        known = [
            str(self.rank) if self.rank else "",
            format_distance(self.distance),
            format_probability(self.probability),
        ]
        return "  ".join(fact for fact in known if fact)

    @property
    def place(self) -> str:
        """The path, and in a video the time."""
        return self.path if self.time is None else f"{self.path} at {format_time(self.time)}"


@dataclass(frozen=True, eq=False)
class Section:
    """One answer, or one person.

    note: a line below the heading.  asked: what was asked about.  tiles: the answer.  doubtful: faces set apart.
    """

    heading: str
    tiles: tuple[Tile, ...] = ()
    probes: tuple[Tile, ...] = ()
    uncertain: tuple[Tile, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """All that one sheet or one page shows.  title: what was asked.  notes: what makes the numbers readable."""

    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()


def tile_for_hit(match: Hit, chip: Chip | None = None, draw_scene: bytes = b"") -> Tile:
    """The tile of a face that a search found."""
    return tile_for_face(match.face, chip, draw_scene, match.rank, match.distance, match.probability)


def tile_for_face(
    kept: FaceRecord,
    chip: Chip | None = None,
    draw_scene: bytes = b"",
    rank: int = 0,
    distance: float = math.nan,
    probability: float = math.nan,
) -> Tile:
    """The tile of a face in a gallery."""
    who = kept.name or ("" if kept.person_id is None else f"#{kept.person_id}")
    picture = b"" if chip is None else chip.jpeg
    box = None if chip is None else box_in_chip(chip, kept.face)
    return Tile(picture, draw_scene, who, rank, distance, probability, kept.path, kept.time, kept.id, box)


def box_in_chip(chip: Chip, face: Face) -> RelativeBox:
    """Where in its chip a face is."""
    (left, top, _, _), (width, height) = chip.frame, chip.size
    x1, y1, x2, y2 = face.box
    return (x1 - left) / width, (y1 - top) / height, (x2 - left) / width, (y2 - top) / height


def draw_scene(photo: Photo, faces: tuple[Face, ...], meant: int = 0) -> bytes:
    """A small JPEG of the whole photograph with its faces boxed, the one that is meant in another colour.

    meant: its place among `faces`.
    """
    picture = Image.fromarray(photo.pixels)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    across, down = picture.width / photo.size[0], picture.height / photo.size[1]
    canvas = ImageDraw.Draw(picture)
    width = max(2, 2 * MAX_SIDE // LINE)
    for number, face in sorted(enumerate(faces), key=lambda item: item[0] == meant):  # the one that is meant on top
        x1, y1, x2, y2 = (round(v * by) for v, by in zip(face.box, (across, down, across, down), strict=True))
        colour = BOX_COLOUR if number == meant else OTHER_COLOUR
        canvas.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=width)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=85, subsampling="4:4:4")  # else thin lines lose their colour
    return encoded.getvalue()


def format_notes(basis: ResultInfo) -> tuple[str, ...]:
    """The lines below an answer: model, metric and threshold; how many were searched; what probabilities rest on."""
    known = f"same person below {basis.threshold:g} ({basis.threshold_source})" if basis.has_threshold else ""
    lines = [f"{basis.model}, {basis.metric} distance, {known or 'no threshold is known'}"]
    few = "" if basis.searched == basis.faces else f" of {basis.faces:,}"
    by_chance = ""
    if not math.isnan(basis.false_matches):
        by_chance = f"; below the threshold although somebody else, on average: {basis.false_matches:.2g}"
    lines.append(f"{basis.searched:,}{few} faces searched{by_chance}")
    if not math.isnan(basis.prior):
        lines.append(f"probabilities at a prior of {basis.prior:g}, fitted on {basis.calibration or 'unknown pairs'}")
    return tuple(lines)


def format_distance(distance: float) -> str:
    return "" if math.isnan(distance) else f"{distance:.3f}"


def format_probability(probability: float) -> str:
    """98.1%, with the ends told as what they are: nothing is certain."""
    if math.isnan(probability):
        return ""
    if probability >= 0.9995:
        return ">99.9%"
    return "<0.1%" if probability < 0.0005 else f"{probability:.1%}"


def format_time(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
