"""Create, list and revoke the server's access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nitakao.tasks.arguments import GalleryLike, open_gallery

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery.api_keys import ApiKey, Role


def create(gallery: GalleryLike, name: str, role: Role = "read") -> tuple[ApiKey, str]:
    """Create a key; its secret is returned once and not stored.  name: whose key it is."""
    from nitakao.gallery import api_keys as kept

    with open_gallery(gallery) as found:
        return kept.create(found, name, role)


def keys(gallery: GalleryLike = None) -> list[ApiKey]:
    """Active and revoked keys, oldest first."""
    from nitakao.gallery import api_keys as kept

    with open_gallery(gallery) as found:
        return kept.keys(found)


def revoke(gallery: GalleryLike, number: int) -> ApiKey:
    """Revoke a key."""
    from nitakao.gallery import api_keys as kept

    with open_gallery(gallery) as found:
        return kept.revoke(found, number)
