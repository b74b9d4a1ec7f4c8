"""Embedding, detecting and comparing from Python, over a fake pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import fakes

from nitakao import pipeline
from nitakao.api.functions import verify
from nitakao.errors import MisuseError, ModelError, NoFaceError, VectorsError
from nitakao.photos import from_pixels
from nitakao.tasks import arguments
from nitakao.tasks.photos.detect import detect
from nitakao.tasks.photos.embed import EmbedOutput, embed, embed_to_file, with_crop
from nitakao.tasks.search.verify import compare, verify_vectors
from nitakao.values import CropRule
from nitakao.vectors import VectorsWriter, read


@pytest.fixture
def photos(monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "run", fakes.run)
    monkeypatch.chdir(tmp_path)
    for name in ("ada.jpg", "bob.jpg", "none.jpg"):
        Path(name).write_bytes(b"\xff\xd8\xff")
    return tmp_path


def test_embedding_and_detecting_give_one_outcome_for_each_photograph(photos):
    embedded = list(embed([".", Path("ada.jpg")], model=fakes.CARD))
    assert [Path(o.source).name for o in embedded] == ["ada.jpg", "bob.jpg", "none.jpg", "ada.jpg"]
    assert [o.source for o in detect(["ada.jpg"])] == ["ada.jpg"]


def test_a_single_name_in_place_of_a_list_is_refused_at_once(photos):
    for single in ("ada.jpg", Path("ada.jpg"), from_pixels(np.zeros((4, 4, 3), np.uint8))):
        with pytest.raises(MisuseError, match=r"must be a list, even a single one"):
            embed(single, model=fakes.CARD)  # type: ignore[arg-type]


def test_a_name_that_is_not_there_is_told_before_the_first_photograph(photos):
    with pytest.raises(MisuseError, match=r"nobody\.jpg"):
        embed(["ada.jpg", "nobody.jpg"], model=fakes.CARD)


def test_photographs_in_memory_and_names_may_be_mixed_and_come_one_by_one(photos):
    picture = from_pixels(np.zeros((4, 4, 3), np.uint8), "memory")

    def endless():
        while True:
            yield from ("ada.jpg", picture)

    found = arguments.find_photos(endless())
    assert [next(found), next(found), next(found)] == ["ada.jpg", picture, "ada.jpg"]


def test_an_unknown_model_is_told_at_once(photos):
    with pytest.raises(ModelError, match="no model 'nonesuch'"):
        embed(["ada.jpg"], model="nonesuch")


def test_the_default_model_is_the_embedded_one():
    assert arguments.load_card(None).name == "dlib-resnet"


def test_an_output_that_cannot_be_is_told_before_the_pipeline_starts(photos, monkeypatch):
    monkeypatch.setattr(pipeline, "run", lambda *_, **__: pytest.fail("work was started"))
    with pytest.raises(VectorsError, match="there is no folder"):
        embed_to_file(EmbedOutput("missing/a.npz"), ["ada.jpg"], model=fakes.CARD)


def test_every_outcome_is_shown_once_it_is_in_the_file(photos):
    seen = []
    tally = embed_to_file(
        EmbedOutput("a.npz"), ["."], model=fakes.CARD, watch=lambda outcome: seen.append(outcome.source)
    )
    assert len(seen) == tally.photos == 3
    assert (tally.faces, tally.without_faces, tally.kept, str(tally.saved)) == (2, 1, 2, "a.npz")


def test_the_articles_size_and_margin_change_a_facenet_crop_and_no_landmark_template():
    assert with_crop(fakes.CARD, size=160, margin=32).crop == CropRule("article", 160, margin=32)
    assert with_crop(fakes.CARD) is fakes.CARD
    dlib = arguments.load_card("dlib-resnet")
    assert with_crop(dlib, size=150) is dlib
    with pytest.raises(MisuseError, match="laid out by landmarks"):
        with_crop(dlib, margin=44)


def test_a_comparison_carries_both_crops_and_outcomes(photos):
    found = compare("ada.jpg", "bob.jpg", model=fakes.CARD)
    assert found.crops[0].shape == (32, 32, 3)
    assert [o.source for o in found.outcomes] == ["ada.jpg", "bob.jpg"]
    assert found.verdict == verify("ada.jpg", "bob.jpg", model=fakes.CARD)


def test_comparing_a_picture_without_a_face_says_so(photos):
    with pytest.raises(NoFaceError, match=r"no face found in 'none\.jpg'"):
        verify("ada.jpg", "none.jpg", model=fakes.CARD)


def test_a_cosine_model_is_compared_by_cosine(photos):
    card = replace(fakes.CARD, metric="cosine", threshold=0.5)
    a, b = fakes.vector("ada.jpg0"), fakes.vector("bob.jpg0")
    verdict = verify("ada.jpg", "bob.jpg", model=card)
    assert verdict.metric == "cosine"
    assert verdict.distance == pytest.approx(1 - float(a @ b), abs=1e-6)


def test_a_file_of_a_model_that_is_not_here_still_gives_a_distance(tmp_path):
    with VectorsWriter(tmp_path / "a.npz", model="somebody-elses", dimension=16) as output:
        for source in ("a.jpg", "b.jpg"):
            output.add(fakes.outcome(source))
    verdict = verify_vectors(tmp_path / "a.npz", "a.jpg", "b.jpg")
    assert (verdict.model, verdict.metric, verdict.threshold_source) == (
        "somebody-elses",
        "euclidean",
        "none is known for this model",
    )
    assert read(output.path).model == "somebody-elses"
