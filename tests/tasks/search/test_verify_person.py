from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests import fakes
from tests.gallery.made import person, photograph
from tests.tasks.family import CARD, family, prepare

from nitakao.errors import MisuseError, NoFaceError
from nitakao.gallery import GalleryStore, faces
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.probes import SearchOptions
from nitakao.tasks.search.verify_person import verify_known


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    with GalleryStore(tmp_path / "family.db", card=CARD) as made:
        yield made


def test_a_photograph_is_compared_with_all_faces_of_a_person(gallery):
    known = family(gallery)
    found = verify_known(gallery, "ada.jpg", "person:Ada")
    apart = np.linalg.norm(faces.vectors(gallery, known["ada"]) - fakes.vector("ada.jpg0"), axis=1)
    assert found.verdict.distance == pytest.approx(math.sqrt(np.mean(apart**2)), abs=1e-6)
    assert found.best == pytest.approx(apart.min(), abs=1e-6)
    assert (found.pairs, found.verdict.same, found.probability > 0.99) == (3, True, True)
    assert not verify_known(gallery, "person:Bob", "ada.jpg").verdict.same


def test_two_people_and_two_faces_are_compared(gallery):
    known = family(gallery)
    assert verify_known(gallery, "person:Ada", "#2").pairs == 6
    assert verify_known(gallery, f"face:{known['ada'][0]}", f"face:{known['ada'][1]}").verdict.same


def test_a_face_is_not_compared_with_itself(gallery):
    known = family(gallery)
    first = known["ada"][0]
    for a, b in ((f"face:{first}", "person:Ada"), ("person:Ada", f"face:{first}")):
        found = verify_known(gallery, a, b)
        assert (found.pairs, found.best > 0) == (2, True)
    lone = person(gallery, "Lone", *photograph(gallery, "lone.jpg", "lone"))
    for a, b in ((f"face:{first}", f"face:{first}"), ("person:Ada", "#1"), (f"#{lone}", "person:Lone")):
        with pytest.raises(MisuseError, match="cannot be compared with itself"):
            verify_known(gallery, a, b)


def test_what_cannot_be_compared_is_refused(gallery):
    family(gallery)
    with pytest.raises(NoFaceError):
        verify_known(gallery, "none.jpg", "person:Ada")
    with pytest.raises(MisuseError, match="two faces are compared, not all"):
        verify_known(gallery, "ada.jpg", "person:Ada", options=SearchOptions(photos=PipelineOptions(faces="all")))
    with pytest.raises(MisuseError, match="there is no person 'Zoë'"):
        verify_known(gallery, "ada.jpg", "person:Zoë")


def test_the_command_compares_with_somebody_of_the_gallery(gallery, monkeypatch):
    from click.testing import CliRunner

    from nitakao.cli.main import main

    family(gallery)

    def run(*arguments):
        done = CliRunner().invoke(main, ["verify", *arguments, "--gallery", "family.db"])
        return done.exit_code, done.stdout, done.stderr

    code, out, _ = run("ada.jpg", "person:Ada")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["distance", "best", "threshold", "probability", "verdict", "a", "b"]
    assert lines[1].split()[4:] == ["same", "ada.jpg", "person:Ada"]
    assert lines[2] == "fake, euclidean, 3 pairs of faces; threshold: made up for tests"
    told = json.loads(run("ada.jpg", "person:Ada", "--json")[1])
    assert list(told)[:8] == ["distance", "threshold", "verdict", "a", "b", "model", "metric", "threshold_source"]
    assert (told["verdict"], told["pairs"], told["prior"]) == ("same", 3, 0.5)
    assert run("ada.jpg", "person:Ada", "--flip")[0] == 2
    assert "there is no person" in run("ada.jpg", "person:Zoë")[2]
