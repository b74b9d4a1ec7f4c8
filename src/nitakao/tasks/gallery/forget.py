"""Delete people, photos and faces permanently."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao.tasks.arguments import GalleryLike, open_gallery

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery.forget.forget import ForgetRequest, Receipt


def forget(
    gallery: GalleryLike,
    *,
    person: str | int | None = None,
    photo: str | int | None = None,
    face: int | None = None,
    tombstone: bool = False,
) -> Receipt:
    """A receipt for a person, a photograph or a face of whom nothing is left in the gallery. It cannot be undone.

    person: name or '#12'; the person's faces go, their photographs stay.  photo: path, sha256 or number; it goes with
    all faces in it.  face: number.  tombstone: keep the photographs from being indexed again, by a keyed hash and
    nothing else.
    """
    from nitakao.gallery.forget.forget import ForgetRequest

    meant = ForgetRequest(
        persons=() if person is None else (person,),
        photos=() if photo is None else (photo,),
        faces=() if face is None else (face,),
        tombstone=tombstone,
    )
    return forget_all(gallery, meant)


def forget_all(gallery: GalleryLike, meant: ForgetRequest) -> Receipt:
    """One receipt for several persons, photographs and faces, forgotten together."""
    from nitakao.gallery import face_map
    from nitakao.gallery.forget import forget as real

    with open_gallery(gallery) as found:
        face_map.delete(found)
        return real.forget(found, meant)


def weigh(gallery: GalleryLike, meant: ForgetRequest) -> str:
    """What would go, in words, for a last question."""
    from nitakao.gallery.forget import forget as real

    with open_gallery(gallery) as found:
        return real.preview(found, meant)


def save(receipt: Receipt, path: Path) -> None:
    """Write a receipt as JSON."""
    path.write_text(json.dumps(asdict(receipt), ensure_ascii=False, indent=2) + "\n", "utf-8")
