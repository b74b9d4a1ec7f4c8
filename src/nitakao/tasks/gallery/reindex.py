"""Recompute a gallery's vectors with another model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nitakao.errors import GeometryError, PhotoError
from nitakao.tasks.arguments import GalleryLike, load_card, open_gallery
from nitakao.values import Chip, Face, FaceRecord, ModelCard, Photo, Pixels

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.reembed import PendingFaces
    from nitakao.models.onnx.session import Device

BATCH = 32  # faces per network run


@dataclass
class ReindexResult:
    """The result of `reindex`.

    Attributes:
        model: Name of the new model.
        faces: Number of faces in the gallery.
        before: Faces that an interrupted run had recomputed.
        done: Faces with a vector of the new model.
        from_chips: Faces of this run cropped from their chips because the photo is missing or has changed, although
            photos were asked for.
        without: Numbers of faces that could not be cropped; they stay, but searches no longer find them.
    """

    model: str
    faces: int = 0
    before: int = 0
    done: int = 0
    from_chips: int = 0
    without: tuple[int, ...] = ()


def reindex(
    gallery: GalleryLike,
    model: str | ModelCard,
    *,
    from_photographs: bool = False,
    flip: bool | None = None,
    device: Device | None = None,
    prepare: Callable[[ModelCard], None] = lambda card: None,
    watch: Callable[[ReindexResult], None] = lambda remade: None,
) -> ReindexResult:
    """Recompute a gallery's vectors with another model; people and groups stay.

    Searches use the old vectors until all new ones are there. After an interruption, the next run with the same model
    continues.

    Args:
        gallery: The gallery.
        model: Name, path or card of the new model.
        from_photographs: Crop from photos that have not changed, and use chips only for the others.
        flip: Average each vector with that of the mirrored crop. None keeps the gallery's setting.
        device: Where the network runs. None uses the CPU.
        prepare: Called with the card before the work starts.
        watch: Called with the result so far.

    Raises:
        GalleryError: If the gallery already uses this model.
    """
    from nitakao.gallery import reembed

    card = load_card(model)
    with open_gallery(gallery) as kept:
        flip = kept.flip if flip is None else flip
        reembed.check_differs(kept, card, flip=flip)
        prepare(card)
        remade = ReindexResult(card.name)
        remade.before, remade.faces = reembed.begin(kept, card, flip=flip)
        remade.done = remade.before
        last = _make(kept, card, remade, 0, from_photographs, flip, device, watch)
        while not reembed.swap(kept, card, flip=flip, last=last):
            last = _make(kept, card, remade, last, from_photographs, flip, device, watch)
        return remade


def _make(
    gallery: GalleryStore,
    card: ModelCard,
    remade: ReindexResult,
    after: int,
    from_photographs: bool,
    flip: bool,
    device: Device | None,
    watch: Callable[[ReindexResult], None],
) -> int:
    """Recompute the vectors of all faces above `after`; returns the largest number of a face processed."""
    from nitakao import pipeline
    from nitakao.gallery import reembed

    last = after
    batches = reembed.pending(gallery, BATCH, after)
    cut = (_Batch(waiting, card, from_photographs) for waiting in batches)
    for batch, vectors in pipeline.embed_crops(cut, _Batch.crops, card, device=device, flip=flip):
        reembed.store_vectors(gallery, batch.numbers, vectors)
        remade.done += len(batch.numbers)
        remade.from_chips += batch.from_chips
        remade.without += tuple(batch.without)
        last = batch.last
        watch(remade)
    return last


class _Batch:
    """Faces to crop again.  numbers: those that could be cropped, in the order of the crops."""

    def __init__(self, waiting: PendingFaces, card: ModelCard, from_photographs: bool) -> None:
        self.waiting, self.card, self.from_photographs = waiting, card, from_photographs
        self.last = waiting.faces[-1].id
        self.numbers: list[int] = []
        self.without: list[int] = []
        self.from_chips = 0

    def crops(self) -> Pixels:
        """(n, S, S, 3), cropped by the card's rule."""
        found = []
        for kept, chip, sha256 in zip(self.waiting.faces, self.waiting.chips, self.waiting.sha256, strict=True):
            crop = self._crop(kept, chip, sha256)
            if crop is None:
                self.without.append(kept.id)
                continue
            found.append(crop)
            self.numbers.append(kept.id)
        side = self.card.crop.size
        return np.stack(found) if found else np.zeros((0, side, side, 3), np.uint8)

    def _crop(self, kept: FaceRecord, chip: Chip | None, sha256: str) -> Pixels | None:
        sources: Sequence[Callable[[], tuple[Photo, Face]]] = [
            *(
                [lambda: _from_photograph(kept, sha256, self.card)]
                if self.from_photographs and kept.time is None
                else []
            ),
            *([] if chip is None else [lambda: _from_chip(chip, kept.face)]),
        ]
        from nitakao import photos

        for number, source in enumerate(sources):
            try:
                photo, face = source()
                crop = photos.crop_face(photo, face, self.card.crop)
            except (PhotoError, GeometryError):
                continue
            self.from_chips += self.from_photographs and number == len(sources) - 1 and chip is not None
            return crop
        return None


def _from_chip(chip: Chip, face: Face) -> tuple[Photo, Face]:
    from nitakao.photos.chip import photo_from_chip

    return photo_from_chip(chip, face)


def _from_photograph(kept: FaceRecord, sha256: str, card: ModelCard) -> tuple[Photo, Face]:
    """The photo at the scale that the crop needs. Raises PhotoError if it has changed."""
    from nitakao import photos

    encoded = photos.load(kept.path)
    if encoded.sha256 != sha256:
        raise PhotoError(f"'{kept.path}' is another photograph now")
    return photos.decode(encoded, scale=photos.crop_scale(kept.face, card.crop, encoded.size)), kept.face
