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
    """Delete a person, a photo or a face permanently. This cannot be undone.

    Args:
        gallery: The gallery.
        person: Name or '#12'; deletes the person's faces, not their photos.
        photo: Path, sha256 or number; deletes the photo with all its faces.
        face: Number of a face.
        tombstone: Keep the photos from being indexed again, by storing a keyed hash of each.

    Returns:
        A receipt.
    """
    from nitakao.gallery.forget.forget import ForgetRequest

    request = ForgetRequest(
        persons=() if person is None else (person,),
        photos=() if photo is None else (photo,),
        faces=() if face is None else (face,),
        tombstone=tombstone,
    )
    return forget_all(gallery, request)


def forget_all(gallery: GalleryLike, request: ForgetRequest) -> Receipt:
    """Delete several people, photos and faces with one receipt."""
    from nitakao.gallery import face_map
    from nitakao.gallery.forget import forget as deletion

    with open_gallery(gallery) as store:
        face_map.delete(store)
        return deletion.forget(store, request)


def preview(gallery: GalleryLike, request: ForgetRequest) -> str:
    """Describe what would be deleted, for confirmation."""
    from nitakao.gallery.forget import forget as deletion

    with open_gallery(gallery) as store:
        return deletion.preview(store, request)


def save(receipt: Receipt, path: Path) -> None:
    """Write a receipt as JSON."""
    path.write_text(json.dumps(asdict(receipt), ensure_ascii=False, indent=2) + "\n", "utf-8")
