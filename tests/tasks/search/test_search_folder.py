from __future__ import annotations

import numpy as np
import pytest
from tests import fakes
from tests.tasks.family import CALIBRATION, prepare

from nitakao.errors import MisuseError
from nitakao.tasks.search.search_folder import search_folder
from nitakao.values import Outcome


@pytest.fixture
def folder(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    made = tmp_path / "photos"
    made.mkdir()
    for name in ("a.jpg", "b.jpg", "group.jpg", "none.jpg", "unreadable.jpg"):
        (made / name).write_bytes(b"\xff\xd8\xff")
    return made


def test_a_folder_is_searched_exactly_and_without_a_gallery(folder):
    seen: list[Outcome] = []
    found = search_folder(["photos"], "ada.jpg", k=3, watch=seen.append)
    query = fakes.vector("ada.jpg0")
    sources = [("photos/a.jpg", 0), ("photos/b.jpg", 0), *(("photos/group.jpg", n) for n in range(3))]
    apart = sorted((float(np.linalg.norm(fakes.vector(f"{p}{n}") - query)), p, n) for p, n in sources)[:3]
    matches = found.answers[0].hits
    assert [(m.face.path, m.face.number) for m in matches] == [(p, n) for _, p, n in apart]
    assert [m.distance for m in matches] == pytest.approx([d for d, _, _ in apart])
    assert [m.rank for m in matches] == [1, 2, 3]
    assert (found.info.searched, found.info.faces, found.info.model) == (5, 5, "fake")
    assert len(seen) == 5


def test_a_k_larger_than_the_folder_gives_all_and_a_distance_cuts_the_list(folder):
    assert len(search_folder(["photos"], "ada.jpg", k=10**30).answers[0].hits) == 5
    all_of_them = [m.distance for m in search_folder(["photos"], "ada.jpg", k=99).answers[0].hits]
    cut = search_folder(["photos"], "ada.jpg", k=None, max_distance=all_of_them[2]).answers[0].hits
    assert [m.distance for m in cut] == all_of_them[:2]


def test_each_face_that_is_asked_about_has_its_own_list(folder):
    found = search_folder(["photos"], "group.jpg", k=1)
    assert len(found.answers) == 3


def test_nobody_of_a_gallery_can_be_asked_about(folder):
    with pytest.raises(MisuseError, match="is in a gallery, and no gallery is searched"):
        search_folder(["photos"], "person:Ada")
    with pytest.raises(MisuseError, match="k must be at least 1"):
        search_folder(["photos"], "ada.jpg", k=0)
    with pytest.raises(MisuseError, match="no such file or folder"):
        search_folder(["nowhere"], "ada.jpg")


def test_the_calibration_is_the_cards(folder):
    found = search_folder(["photos"], "ada.jpg", k=1)
    assert found.info.calibration == CALIBRATION.source
    assert 0 <= found.answers[0].hits[0].probability <= 1
