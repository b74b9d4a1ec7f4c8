"""What commands print about photos while they process them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nitakao.cli.output.text import plural
from nitakao.cli.output.voice import Steps, Voice

if TYPE_CHECKING:
    from nitakao.tasks.photos.embed import PhotoCounts
    from nitakao.values import Outcome


def count_photos(photos: tuple[str, ...], allow_urls: bool) -> int | None:
    """The number of photos that the arguments name; None for a list on standard input, which is read only once."""
    from nitakao import photos as reading
    from nitakao.errors import NitakaoError

    if "-" in photos:
        return None
    try:
        return sum(1 for _ in reading.find(photos, allow_urls=allow_urls))
    except NitakaoError:
        return None


def count_in_background(voice: Voice, steps: Steps, photos: tuple[str, ...], allow_urls: bool) -> None:
    """Count the photos on a thread while the first are processed, since listing a large folder takes long."""

    if voice.level < 0:
        return
    # Loaded here: two threads that import a module at once can each see it half initialised.
    from nitakao import photos as _photos  # noqa: F401

    def count() -> None:
        steps.total = count_photos(photos, allow_urls)

    threading.Thread(target=count, daemon=True).start()


def show_outcome(voice: Voice, steps: Steps, outcome: Outcome) -> None:
    """Count a photo, and report its problem."""
    steps.step()
    if outcome.problem:
        voice.warn(outcome.complaint)
    for face in outcome.faces:
        if face.turn:
            voice.detail(f"'{outcome.source}': face found after rotating the photo by {face.turn} degrees")


def format_counts(tally: PhotoCounts) -> str:
    text = plural(tally.photos, "photo")
    if tally.without_faces:
        text += f", {tally.without_faces} without a face"
    if tally.unreadable:
        text += f", {tally.unreadable} unreadable"
    return text
