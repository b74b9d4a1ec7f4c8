"""A gallery's vectors made anew by another model."""

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

BATCH = 32  # faces that go through the network together


@dataclass
class Remade:
    """What `reindex` came to.

    faces: those in the gallery.  done: how many have a vector of the new model, `before` of them from an earlier run
    that was broken off.  from_chips: of this run's, those that were asked for from the photograph, which is gone or
    another one now.  without: numbers of faces of which no crop could be made; they stay, and are not found any more.
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
    watch: Callable[[Remade], None] = lambda remade: None,
) -> Remade:
    """What became of the gallery's faces when their vectors were made anew by `model`; people and groups stay.

    The gallery answers with its old vectors until all new ones are there. A run that is broken off loses nothing: the
    next one for the same model goes on.
    from_photographs: crop from the photographs where they are still what they were, else from the chips.
    flip: average with the mirrored face; None: as the gallery had it.  prepare: called with the card before the work.
    watch: called as it goes on.  Raises GalleryError where there is nothing to change.
    """
    from nitakao.gallery import reembed

    card = load_card(model)
    with open_gallery(gallery) as kept:
        flip = kept.flip if flip is None else flip
        reembed.check_differs(kept, card, flip=flip)
        prepare(card)
        remade = Remade(card.name)
        remade.before, remade.faces = reembed.begin(kept, card, flip=flip)
        remade.done = remade.before
        last = _make(kept, card, remade, 0, from_photographs, flip, device, watch)
        while not reembed.swap(kept, card, flip=flip, last=last):
            last = _make(kept, card, remade, last, from_photographs, flip, device, watch)
        return remade


def _make(
    gallery: GalleryStore,
    card: ModelCard,
    remade: Remade,
    after: int,
    from_photographs: bool,
    flip: bool,
    device: Device | None,
    watch: Callable[[Remade], None],
) -> int:
    """The largest number of a face that was looked at: each above `after` now has its new vector, or is given up."""
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
    """Faces to be cut out again. numbers: those of which there is a crop, in the order of the crops."""

    def __init__(self, waiting: PendingFaces, card: ModelCard, from_photographs: bool) -> None:
        self.waiting, self.card, self.from_photographs = waiting, card, from_photographs
        self.last = waiting.faces[-1].id
        self.numbers: list[int] = []
        self.without: list[int] = []
        self.from_chips = 0

    def crops(self) -> Pixels:
        """(n, S, S, 3), as the card's rule says."""
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
    """The photograph at the scale that the crop needs. Raises PhotoError where it is not what it was."""
    from nitakao import photos

    encoded = photos.load(kept.path)
    if encoded.sha256 != sha256:
        raise PhotoError(f"'{kept.path}' is another photograph now")
    return photos.decode(encoded, scale=photos.crop_scale(kept.face, card.crop, encoded.size)), kept.face
