"""Keys to the server: made, listed, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nitakao.tasks.arguments import GalleryLike, open_gallery

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery.api_keys import ApiKey, Role


def create(gallery: GalleryLike, name: str, role: Role = "read") -> tuple[ApiKey, str]:
    """A new key, and its secret, which is kept nowhere.  name: says whose it is."""
    from nitakao.gallery import api_keys as kept

    with open_gallery(gallery) as found:
        return kept.create(found, name, role)


def keys(gallery: GalleryLike = None) -> list[ApiKey]:
    """Every key there is and was, the oldest first."""
    from nitakao.gallery import api_keys as kept

    with open_gallery(gallery) as found:
        return kept.keys(found)


def revoke(gallery: GalleryLike, number: int) -> ApiKey:
    """The key, which opens nothing any more."""
    from nitakao.gallery import api_keys as kept

    with open_gallery(gallery) as found:
        return kept.revoke(found, number)
