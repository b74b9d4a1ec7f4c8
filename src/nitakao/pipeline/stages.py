"""The steps of the pipeline: load, group, detect, crop, batch, embed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nitakao import photos
from nitakao.errors import GeometryError, MissingExtraError, PhotoError
from nitakao.models import embedder
from nitakao.models.detection import detectors
from nitakao.photos import Encoded, Limits
from nitakao.values import NO_FACE, Chip, Choice, CropRule, Face, Outcome, Photo, Pixels, Quality

GROUP_PIXELS, GROUP_PHOTOS = 1_000_000, 8  # decoded pixels and photos that go through detection together, at most
BATCH_PHOTOS = 64  # photos that wait for one batch of crops, at most: few of them may have faces


@dataclass(frozen=True, eq=False)
class LoadedPhoto:
    """A photo before detection: encoded bytes, or pixels already in memory, or the problem with reading it.

    Attributes:
        faces: Which faces to use.
        rule: How to crop them. None: do not crop.
        keep_chips: Whether to make chips and measure quality.
        scale: The scale at which to decode for detection, up to 1.0.
    """

    source: str
    content: Encoded | Photo | None
    problem: str = ""
    faces: Choice = "all"
    rule: CropRule | None = None
    keep_chips: bool = False
    scale: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) at full scale; (0, 0) if the photo could not be read."""
        return (0, 0) if self.content is None else self.content.size

    @property
    def pixels(self) -> float:
        """Number of pixels decoded for detection."""
        return self.size[0] * self.size[1] * self.scale**2

    @property
    def group_share(self) -> float:
        """The part of a full group that this photo takes up."""
        return max(self.pixels / GROUP_PIXELS, 1 / GROUP_PHOTOS)


def load(source: str | Photo | Encoded, limits: Limits | None, allow_urls: bool) -> LoadedPhoto:
    """Read a photo's bytes without decoding them."""
    if isinstance(source, photos.Unreadable):
        return LoadedPhoto(source.source, None, source.problem)
    if not isinstance(source, str):
        return LoadedPhoto(source.source, source)
    try:
        return LoadedPhoto(source, photos.load(source, limits=limits, allow_urls=allow_urls))
    except (PhotoError, MissingExtraError) as error:
        return LoadedPhoto(source, None, str(error))


def groups(loaded: Iterable[LoadedPhoto]) -> Iterator[list[LoadedPhoto]]:
    """Group photos for detection: several small ones, or one large one."""
    group: list[LoadedPhoto] = []
    pixels = 0.0
    for item in loaded:
        if group and (pixels + item.pixels > GROUP_PIXELS or len(group) >= GROUP_PHOTOS):
            yield group
            group, pixels = [], 0.0
        group.append(item)
        pixels += item.pixels
    if group:
        yield group


def detect(group: list[LoadedPhoto], detector: detectors.Detector) -> list[Outcome]:
    """Detect the faces of each photo, and crop them where the photo has a crop rule."""
    outcomes = [_unread(item) for item in group]
    decoded: dict[int, Photo] = {}
    for number, item in enumerate(group):
        try:
            if item.content is not None:
                decoded[number] = _decode(item.content, item.scale)
        except PhotoError as error:
            outcomes[number] = replace(outcomes[number], status="unreadable", problem=str(error))
    for number, detected in zip(decoded, detector(list(decoded.values())), strict=True):
        outcome = _detected(outcomes[number], group[number], decoded[number], detected)
        outcomes[number] = outcome
    return outcomes


def _unread(item: LoadedPhoto) -> Outcome:
    return Outcome(item.source, item.size, status="unreadable" if item.problem else "ok", problem=item.problem)


def _detected(outcome: Outcome, item: LoadedPhoto, photo: Photo, detected: list[Face]) -> Outcome:
    faces = detectors.select_faces(detected, item.faces, photo.size)
    outcome = replace(outcome, sha256=photo.sha256, faces=tuple(faces), found=len(detected))
    if not faces:
        return replace(outcome, status="no-face", problem=NO_FACE)
    return outcome if item.rule is None else crop(outcome, item, photo, item.rule)


def _decode(content: Encoded | Photo, scale: float) -> Photo:
    return content if isinstance(content, Photo) else photos.decode(content, scale=scale)


def crop(outcome: Outcome, item: LoadedPhoto, photo: Photo, rule: CropRule) -> Outcome:
    """Add one crop per face, decoding the photo again if the crops need a larger scale than detection did.

    Drops faces that cannot be cropped because they lie outside the photo.
    """
    faces: list[Face] = []
    crops: list[Pixels] = []
    extras: list[tuple[Quality, Chip]] = []
    problem = ""
    for face in outcome.faces:
        try:
            scale = photos.crop_scale(face, rule, photo.size)
            scale = max(scale, photos.chip_scale(face, photo.size)) if item.keep_chips else scale
            if scale > photo.scale and isinstance(item.content, Encoded):
                photo = photos.decode(item.content, scale=scale)
            pixels = photos.crop_face(photo, face, rule)
            extras.extend(
                [(photos.measure_quality(photo, face), photos.make_chip(photo, face))] if item.keep_chips else []
            )
        except (GeometryError, PhotoError) as error:
            problem = str(error)
            continue
        faces.append(face)
        crops.append(pixels)
    if not crops:
        return replace(outcome, faces=(), status="no-crop", problem=problem)
    qualities, chips = zip(*extras, strict=True) if extras else ((), ())
    return replace(outcome, faces=tuple(faces), crops=np.stack(crops), qualities=qualities, chips=chips)


def batch_share(outcome: Outcome, batch_size: int) -> float:
    """The part of a full batch that a photo's faces take up."""
    return max(len(outcome.faces) / batch_size, 1 / BATCH_PHOTOS)


def batches(detected: Iterable[list[Outcome]], batch_size: int) -> Iterator[list[Outcome]]:
    """Collect photos until they have `batch_size` faces or more between them."""
    batch: list[Outcome] = []
    faces = 0
    for group in detected:
        for outcome in group:
            batch.append(outcome)
            faces += len(outcome.faces)
            if faces >= batch_size or len(batch) >= BATCH_PHOTOS:
                yield batch
                batch, faces = [], 0
    if batch:
        yield batch


def embed(batch: list[Outcome], network: embedder.Embedder) -> list[Outcome]:
    """Add the vectors of each photo's crops."""
    crops = [outcome.crops for outcome in batch if outcome.crops is not None]
    vectors = network(np.concatenate(crops)) if crops else np.zeros((0, network.card.dimension), np.float32)
    embedded, start = [], 0
    for outcome in batch:
        stop = start + len(outcome.faces)
        embedded.append(replace(outcome, vectors=vectors[start:stop]))
        start = stop
    return embedded
