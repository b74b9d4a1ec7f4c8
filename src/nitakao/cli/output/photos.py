"""What commands say about photographs while they work through them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nitakao.cli.output.text import plural
from nitakao.cli.output.voice import Steps, Voice

if TYPE_CHECKING:
    from nitakao.tasks.photos.embed import Tally
    from nitakao.values import Outcome


def counted(photos: tuple[str, ...], allow_urls: bool) -> int | None:
    """How many photographs these arguments name; None for a list on standard input, which is read only once."""
    from nitakao import photos as reading
    from nitakao.errors import NitakaoError

    if "-" in photos:
        return None
    try:
        return sum(1 for _ in reading.find(photos, allow_urls=allow_urls))
    except NitakaoError:
        return None


def count_aside(voice: Voice, steps: Steps, photos: tuple[str, ...], allow_urls: bool) -> None:
    """Count the photographs while the first of them are worked on: a large folder takes its time."""

    if voice.level < 0:
        return
    # Loaded here: two threads that load the same modules at once can each find them half done.
    from nitakao import photos as _photos  # noqa: F401

    def count() -> None:
        steps.total = counted(photos, allow_urls)

    threading.Thread(target=count, daemon=True).start()


def watched(voice: Voice, steps: Steps, outcome: Outcome) -> None:
    """Count a photograph; name it where something is to be said of it."""
    steps.step()
    if outcome.problem:
        voice.warn(outcome.complaint)
    for face in outcome.faces:
        if face.turn:
            voice.detail(
                f"'{outcome.source}': the face stands upright once the picture is turned by {face.turn} degrees"
            )


def counts(tally: Tally) -> str:
    text = plural(tally.photos, "photo")
    if tally.without_faces:
        text += f", {tally.without_faces} without a face"
    if tally.unreadable:
        text += f", {tally.unreadable} unreadable"
    return text
