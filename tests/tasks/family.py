"""A small family in a gallery of the fake model, and photographs of them to ask about.

The fake pipeline gives photograph 'ada.jpg' the vector of the seed 'ada.jpg0', so Ada's faces are made from it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests import fakes
from tests.gallery.made import person, photograph

from nitakao import pipeline
from nitakao.gallery import GalleryStore
from nitakao.tasks import arguments
from nitakao.tasks.search import search_folder
from nitakao.values import Calibration

# At the fake card's threshold of 1.0 one person is as likely as two
CALIBRATION = Calibration(10.0, 10.0, 7.0, ((0.1, 1.2), (0.01, 1.0), (0.001, 0.8)), source="made up for tests")

CARD = replace(fakes.CARD, calibration=CALIBRATION)


def prepare(monkeypatch, folder: Path, card=CARD) -> None:
    """The pipeline and the model are fakes, and the working folder has photographs."""
    real = arguments.load_card
    monkeypatch.setattr(pipeline, "run", fakes.run)

    def load_card(model):
        return card if model in (None, "fake", card) else real(model)

    for module in (arguments, search_folder):
        monkeypatch.setattr(module, "load_card", load_card)
    monkeypatch.chdir(folder)
    for name in ("ada.jpg", "bob.jpg", "eve.jpg", "zoe.jpg", "group.jpg", "none.jpg", "unreadable.jpg"):
        Path(name).write_bytes(b"\xff\xd8\xff")


def family(gallery: GalleryStore) -> dict[str, list[int]]:
    """The numbers of Ada's three faces, Bob's two, one that is nobody's, and that of Eve, who is hidden."""
    beach = photograph(gallery, "album/2019/beach.jpg", "ada.jpg0", "bob.jpg0", taken=1_560_000_000, quality=0.9)
    party = photograph(gallery, "album/2021/party.jpg", "ada.jpg0", "loner", taken=1_620_000_000, quality=0.3)
    more = photograph(gallery, "album/2021/more.jpg", "ada.jpg0", "bob.jpg0", "eve.jpg0", taken=1_630_000_000)
    found = {"ada": [beach[0], party[0], more[0]], "bob": [beach[1], more[1]], "loner": [party[1]], "eve": [more[2]]}
    person(gallery, "Ada", *found["ada"])
    person(gallery, "Bob", *found["bob"])
    hide(gallery, person(gallery, "Eve", *found["eve"]))
    return found


def hide(gallery: GalleryStore, number: int) -> None:
    from nitakao.gallery import people

    with people.begin_edit(gallery, "hide") as edit:
        edit.hide(number, True)
