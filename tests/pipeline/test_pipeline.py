"""Photographs in, outcomes out: order, batches, bounds and bad photographs, with stand-ins; then once for real."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nitakao import photos, pipeline
from nitakao.errors import ModelError
from nitakao.models import embedder
from nitakao.models.cards import registry
from nitakao.models.detection import detectors
from nitakao.models.detection.mtcnn import Mtcnn
from nitakao.pipeline import PipelineOptions, stages
from nitakao.system.cpu import cores
from nitakao.values import (
    NO_FACE,
    CropRule,
    DetectorSettings,
    Face,
    Floats,
    ModelCard,
    Normalisation,
    Outcome,
    Photo,
    Pixels,
)

CARD = ModelCard(
    name="fake",
    title="Fake",
    network="fake",
    crop=CropRule("article", 16, margin=0),
    normalisation=Normalisation("fixed"),
    dimension=3,
    files=(),
)
FIRST = PipelineOptions(faces="first")
MARKED = 250  # red of a photograph without a face


class FakeNetwork:
    """A crop's mean colour for a vector. Remembers the sizes of its batches."""

    card = CARD

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, crops: Pixels) -> Floats:
        self.batches.append(len(crops))
        return crops.mean(axis=(1, 2)).astype(np.float32)


def fake_detector(given: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
    """Two faces, the left and the right half, in every photograph that is not marked."""
    found: list[list[Face]] = []
    for photo in given:
        w, h = photo.size
        halves = [Face((0, 0, w / 2, h), 0.9), Face((w / 2, 0, w, h), 0.8)]
        found.append([] if photo.pixels[0, 0, 0] >= MARKED else halves)
    return found


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    fake = FakeNetwork()
    monkeypatch.setattr(detectors, "load", lambda *_: fake_detector)
    monkeypatch.setattr(embedder, "load", lambda *_, **__: fake)
    return fake


def picture(folder: Path, name: str, red: int, size: tuple[int, int] = (64, 48)) -> str:
    path = folder / name
    Image.new("RGB", size, (red, 100, 50)).save(path, "PNG")
    return str(path)


def test_outcomes_come_in_the_order_of_the_names_with_a_vector_a_face(tmp_path: Path, network: FakeNetwork) -> None:
    names = [picture(tmp_path, f"顔{n}.png", red=n) for n in range(40)]
    outcomes = list(pipeline.run(names, card=CARD, options=PipelineOptions(batch_size=10)))
    assert [o.source for o in outcomes] == names
    for n, outcome in enumerate(outcomes):
        assert outcome.problem == ""
        assert outcome.crops is None
        np.testing.assert_array_equal(outcome.vectors, [[n, 100, 50], [n, 100, 50]])


def test_batches_cross_photographs(tmp_path: Path, network: FakeNetwork) -> None:
    names = [picture(tmp_path, f"{n}.png", red=n) for n in range(12)]
    list(pipeline.run(names, card=CARD, options=PipelineOptions(batch_size=8)))
    assert network.batches == [8, 8, 8]
    network.batches.clear()
    list(pipeline.run(names, card=CARD, options=PipelineOptions(batch_size=100)))
    assert network.batches == [8, 8, 8], "no core is given more at once than one run of the network takes"


def test_a_bad_photograph_is_an_outcome_with_its_reason_and_stops_nothing(tmp_path: Path, network: FakeNetwork) -> None:
    good = picture(tmp_path, "good.png", red=1)
    empty = picture(tmp_path, "no face.png", red=MARKED)
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    cut = tmp_path / "cut.png"
    cut.write_bytes(Path(good).read_bytes()[:60])
    names = [good, str(text), empty, str(tmp_path / "missing.png"), str(cut), good]
    outcomes = list(pipeline.run(names, card=CARD))
    assert [len(o.faces) for o in outcomes] == [2, 0, 0, 0, 0, 2]
    assert [bool(o.problem) for o in outcomes] == [False, True, True, True, True, False]
    assert outcomes[2].problem == NO_FACE
    assert [o.status for o in outcomes] == ["ok", "unreadable", "no-face", "unreadable", "unreadable", "ok"]
    assert all(o.vectors.shape == (len(o.faces), 3) for o in outcomes)


def test_no_more_photographs_are_loaded_than_the_bounds_allow(tmp_path: Path, network: FakeNetwork) -> None:
    name = picture(tmp_path, "one.png", red=1)
    pulled = 0

    def names() -> Iterator[str]:
        nonlocal pulled
        for _ in range(2000):
            pulled += 1
            yield name

    ahead = 0
    for done, _ in enumerate(pipeline.run(names(), card=CARD, options=PipelineOptions(batch_size=8)), 1):
        ahead = max(ahead, pulled - done)
    assert pulled == 2000
    workers = cores() + 1
    assert ahead <= workers * stages.GROUP_PHOTOS + (workers + 1) * stages.BATCH_PHOTOS


def test_an_early_end_leaves_no_thread_behind(tmp_path: Path, network: FakeNetwork) -> None:
    name = picture(tmp_path, "one.png", red=1)
    before = threading.active_count()
    running = pipeline.run([name] * 500, card=CARD)
    next(running)
    running.close()
    assert threading.active_count() == before


def test_what_is_wrong_with_the_network_is_raised(
    tmp_path: Path, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(crops: Pixels) -> Floats:
        raise ModelError("numbers that are not finite")

    monkeypatch.setattr(embedder, "load", lambda *_, **__: broken)
    with pytest.raises(ModelError, match="not finite"):
        list(pipeline.run([picture(tmp_path, "one.png", red=1)], card=CARD))


def test_without_a_card_faces_come_without_vectors(tmp_path: Path, network: FakeNetwork) -> None:
    (outcome,) = pipeline.run([picture(tmp_path, "one.png", red=1)])
    assert len(outcome.faces) == 2
    assert outcome.vectors.size == 0
    assert network.batches == []


def test_one_face_is_chosen_where_asked(tmp_path: Path, network: FakeNetwork) -> None:
    (outcome,) = pipeline.run([picture(tmp_path, "one.png", red=1)], card=CARD, options=FIRST, keep_crops=True)
    assert [face.score for face in outcome.faces] == [0.9]
    assert outcome.crops is not None
    assert outcome.crops.shape == (1, 16, 16, 3)


def test_crops_are_cut_from_the_photograph_decoded_as_large_as_they_need(
    tmp_path: Path, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (1600, 1200), (10, 20, 30)).save(path)
    scales: list[float] = []
    decode = photos.decode

    def noted(encoded: photos.Encoded, *, scale: float = 1.0) -> Photo:
        scales.append(scale)
        return decode(encoded, scale=scale)

    monkeypatch.setattr(photos, "decode", noted)
    settings = DetectorSettings(smallest_face=240)
    list(pipeline.run([str(path)], card=CARD, options=PipelineOptions(settings)))
    assert scales == [0.1]  # 24 of 240 pixels; 16 of 800 for the crop is less
    scales.clear()
    wide = ModelCard(**{**CARD.__dict__, "crop": CropRule("article", 400, margin=0)})
    list(pipeline.run([str(path)], card=wide, options=PipelineOptions(settings)))
    assert scales == [0.1, 0.5]


def test_photographs_in_memory_are_taken_as_they_are(network: FakeNetwork) -> None:
    photo = photos.from_pixels(np.full((48, 64, 3), 7, np.uint8), "mine")
    (outcome,) = pipeline.run([photo], card=CARD)
    assert (outcome.source, len(outcome.faces)) == ("mine", 2)


def test_the_embedded_default_end_to_end_is_its_parts_put_together(tmp_path: Path) -> None:
    pixels = pytest.importorskip("skimage.data").astronaut()
    path = tmp_path / "宇宙飛行士.png"
    Image.fromarray(pixels).save(path)
    card = registry.card("dlib-resnet")
    settings = DetectorSettings(smallest_face=20)
    outcome: Outcome
    (outcome,) = pipeline.run([str(path)], card=card, options=PipelineOptions(settings))
    photo = photos.from_pixels(pixels)
    (face,) = Mtcnn(settings)([photo])[0]
    expected = embedder.load(card)(photos.crop_face(photo, face, card.crop)[None])
    np.testing.assert_allclose(outcome.vectors, expected, atol=1e-5)


def test_a_chip_and_a_quality_for_each_face_come_where_asked_for(network: FakeNetwork, tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    Image.new("RGB", (1600, 800), (10, 20, 30)).save(path)
    for source in (str(path), photos.load(str(path))):  # named, or loaded already
        (plain,) = pipeline.run([source], card=CARD)
        (kept,) = pipeline.run([source], card=CARD, keep_chips=True)
        assert (plain.chips, plain.qualities) == ((), ())
        assert [chip.frame for chip in kept.chips] == [(0, 0, 1200, 800), (400, 0, 1600, 800)]
        assert len(kept.qualities) == 2
        np.testing.assert_allclose(kept.vectors, plain.vectors, atol=1)


def test_a_pipeline_loads_its_networks_once_for_all_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def detector(*_: object) -> object:
        loaded.append("detector")
        return fake_detector

    def network(*_: object, **__: object) -> FakeNetwork:
        loaded.append("network")
        return FakeNetwork()

    monkeypatch.setattr(detectors, "load", detector)
    monkeypatch.setattr(embedder, "load", network)
    name = picture(tmp_path, "one.png", red=1)
    with pipeline.Pipeline() as networks:
        for _ in range(3):
            (outcome,) = networks.run([name], card=CARD)
            assert len(outcome.vectors) == 2
        list(networks.run([name], card=CARD, options=PipelineOptions(DetectorSettings("yunet"))))
    assert loaded == ["network", "detector", "detector"]


def test_what_several_callers_bring_is_done_together_and_each_gets_its_own(
    tmp_path: Path, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, groups = threading.Event(), []

    def slow(given: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        assert hold.wait(60)
        groups.append(len(given))
        return fake_detector(given)

    monkeypatch.setattr(detectors, "load", lambda *_: slow)
    monkeypatch.setattr("nitakao.pipeline.pipeline.cores", lambda: 2)
    names = [picture(tmp_path, f"{n}.png", red=n) for n in range(40)]
    with pipeline.Pipeline() as networks, ThreadPoolExecutor(40) as callers:
        asked = [callers.submit(lambda name: list(networks.run([name], card=CARD)), name) for name in names]
        for _ in range(3000):  # two groups of eight at most are with the detector
            if sum(len(one._waiting) for one in networks._detectors.values()) >= 40 - 2 * stages.GROUP_PHOTOS:
                break
            time.sleep(0.01)
        hold.set()
        for n, future in enumerate(asked):
            (outcome,) = future.result(20)
            np.testing.assert_array_equal(outcome.vectors, [[n, 100, 50], [n, 100, 50]])
    assert max(groups) > 1
    assert len(groups) < 40


def test_callers_who_ask_for_different_things_still_go_together(tmp_path: Path, network: FakeNetwork) -> None:
    name = picture(tmp_path, "one.png", red=1)
    with pipeline.Pipeline() as networks, ThreadPoolExecutor(8) as callers:
        first = [callers.submit(lambda: next(networks.run([name], card=CARD, options=FIRST))) for _ in range(8)]
        whole = [callers.submit(lambda: next(networks.run([name], keep_crops=True, card=CARD))) for _ in range(8)]
        assert {len(future.result().faces) for future in first} == {1}
        assert {future.result().crops is None for future in first} == {True}
        assert {future.result().crops is None for future in whole} == {False}


def test_a_failure_reaches_every_caller_and_the_pipeline_goes_on(
    tmp_path: Path, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]

    def sometimes(given: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        if broken[0]:
            raise ModelError("the network is broken")
        return fake_detector(given)

    monkeypatch.setattr(detectors, "load", lambda *_: sometimes)
    name = picture(tmp_path, "one.png", red=1)
    with pipeline.Pipeline() as networks:
        with pytest.raises(ModelError, match="broken"):
            list(networks.run([name], card=CARD))
        broken[0] = False
        assert len(list(networks.run([name], card=CARD))) == 1
