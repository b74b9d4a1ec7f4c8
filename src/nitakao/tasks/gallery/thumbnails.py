"""JPEGs of a gallery's faces and photos, for display."""

from __future__ import annotations

from nitakao.errors import PhotoError
from nitakao.tasks.arguments import GalleryLike, open_gallery

CHIP = 256  # px, of a chip's longer side at most
CHIP_BYTES = 1 << 20  # no chip is near this


def chip(gallery: GalleryLike, face: int, side: int = CHIP) -> bytes | None:
    """JPEG of a face's chip, its longer side at most `side` pixels; None if there is no chip."""
    from nitakao import photos
    from nitakao.gallery import faces

    with open_gallery(gallery) as found:
        kept = faces.chips(found, [face]).get(face)
    if kept is None:
        return None
    encoded = photos.parse(f"face {face}", kept.jpeg, limits=photos.Limits(bytes=CHIP_BYTES))
    return kept.jpeg if max(encoded.size) <= side else photos.render_preview(encoded, side)


def photograph(gallery: GalleryLike, photo: int, side: int) -> bytes:
    """Upright JPEG of a photo without metadata, its longer side at most `side` pixels.

    Raises:
        PhotoError: If the file is missing, has changed, or is a video.
    """
    from nitakao import photos
    from nitakao.gallery.browse import lists

    with open_gallery(gallery) as found:
        told = lists.paths_of(found, photo)
    if told is None:
        raise PhotoError(f"there is no photograph {photo} in the gallery", code="unknown-photo", photo=photo)
    video, sha256, paths = told
    if video:
        raise PhotoError(
            f"photograph {photo} is a video, of which only the faces are kept", code="photo-is-video", photo=photo
        )
    for path in paths:
        if photos.is_url(path):
            continue
        try:
            encoded = photos.load(path)
        except PhotoError:
            continue
        if encoded.sha256 == sha256:
            return photos.render_preview(encoded, side)
    raise PhotoError(
        f"photograph {photo} lies nowhere any more, or is another one now", code="photo-file-missing", photo=photo
    )
