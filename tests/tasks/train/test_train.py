"""Training from folders and galleries to a model, end to end on small pictures."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")

from tests import tiny
from tests.training.runs import SETTINGS, examples

from nitakao import training  # after the look for PyTorch
from nitakao.errors import MissingExtraError, MisuseError, ModelError, TrainingError
from nitakao.models import embedder
from nitakao.models.cards import registry
from nitakao.models.detection import detectors
from nitakao.tasks.gallery.index import index
from nitakao.tasks.gallery.index_options import IndexOptions
from nitakao.tasks.models.publish import publish
from nitakao.tasks.train.face_crops import Progress
from nitakao.tasks.train.train import Trained, train
from nitakao.training.settings import TrainingData, TrainingSettings
from nitakao.values import DetectorSettings

WHOLE = DetectorSettings(name="none")  # each picture is one face


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A folder a person, one of them empty, one with a single picture; one picture is none."""
    faces = examples(8, 3)
    for number, label in enumerate(faces.labels):
        path = tmp_path / "people" / faces.people[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(faces.pixels[faces.rows[number]])).save(path)
    (tmp_path / "people" / "nobody").mkdir()
    (tmp_path / "people" / "alone").mkdir()
    Image.fromarray(np.asarray(faces.pixels[0])).save(tmp_path / "people" / "alone" / "1.png")
    (tmp_path / "people" / "person 1" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    return tmp_path / "people"


def run(
    out: Path, folder: Path | None, settings: TrainingSettings = SETTINGS, **data: Any
) -> tuple[Trained, list[str]]:
    said: list[str] = []
    data = {"folder": folder, "detector": WHOLE, **data}
    trained = train(out, TrainingData(**data), settings=settings, device="cpu", progress=Progress(said.append))
    assert trained is not None
    return trained, said


def test_a_folder_of_people_becomes_a_model_and_what_could_not_be_used_is_named(people: Path, tmp_path: Path) -> None:
    trained, said = run(tmp_path / "mine", people, replace(SETTINGS, loss="triplet"))
    assert (trained.people, trained.held_out_people) == (5, 3)
    assert any("broken.jpg" in text for text in said)
    assert "'nobody' has no pictures: left out" in said
    assert "one picture is too few where triplets need two: 'alone' left out" in said
    card = registry.card(str(tmp_path / "mine"))
    assert card == trained.card
    assert card.threshold == pytest.approx(trained.validation.threshold, abs=1e-4)  # type: ignore[union-attr]
    assert "3 people held out" in card.threshold_source
    assert "15 pictures of 5 people" in card.note
    assert embedder.load(card)(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 16)
    metrics = json.loads((tmp_path / "mine" / "metrics.json").read_text("utf-8"))
    assert metrics["validation"]["auc"] == trained.validation.auc  # type: ignore[union-attr]
    assert [row["step"] for row in metrics["history"]] == [3, 6]


def test_a_run_is_gone_on_with_by_its_folder_alone(people: Path, tmp_path: Path, monkeypatch: Any) -> None:
    whole, _ = run(tmp_path / "whole", people)
    monkeypatch.chdir(tmp_path)

    def stop(event: Any) -> None:
        if getattr(event, "loss", None) is not None and event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            "cut",
            TrainingData(people, detector=WHOLE),
            settings=SETTINGS,
            device="cpu",
            progress=Progress(on_event=stop),
        )
    trained = train("cut", resume=True, device="cpu")
    assert trained is not None
    assert trained.card.golden == whole.card.golden
    assert trained.validation == whole.validation
    (people / "person 1" / "1.png").unlink(missing_ok=True)
    next((people / "person 2").iterdir()).unlink()
    with pytest.raises(TrainingError, match="the pictures are not those that the run in 'cut' started with"):
        train("cut", resume=True, device="cpu")


def test_a_run_begins_with_the_weights_of_another(people: Path, tmp_path: Path) -> None:
    run(tmp_path / "one", people)
    settings = replace(SETTINGS, rate=1e-12, ema=0.0, only=("embedding",), steps=1, evaluate_every=1, weight_decay=0.0)
    tuned, _ = run(tmp_path / "two", people, settings, initial_weights=str(tmp_path / "one"))
    first = registry.card(str(tmp_path / "one"))
    assert tuned.card.golden == pytest.approx(first.golden, abs=1e-5)
    with pytest.raises(TrainingError, match="is of another network"):
        run(tmp_path / "three", people, replace(SETTINGS, dimension=8), initial_weights=str(tmp_path / "one"))


def test_a_new_run_is_not_written_over_an_old_one(people: Path, tmp_path: Path) -> None:
    run(tmp_path / "mine", people)
    with pytest.raises(MisuseError, match="has a run already: continue it with --resume"):
        run(tmp_path / "mine", people)
    with pytest.raises(TrainingError, match="has no run to resume"):
        train(tmp_path / "none", resume=True)
    with pytest.raises(MisuseError, match="needs a folder of people or a gallery: give one"):
        train(tmp_path / "none")


@pytest.fixture
def known(people: Path, tmp_path: Path, monkeypatch: Any) -> str:
    """A gallery of these people, by the model 'tiny', which sees one face in each picture."""
    monkeypatch.setenv("NITAKAO_MODELS", str(tiny.model(tmp_path / "models")))
    monkeypatch.setattr(detectors, "load", lambda *_: tiny.detect)
    album = tmp_path / "album"
    for person in range(5):
        for number in range(3):
            tiny.picture(album / f"person {person}" / f"{number}.png", 10 * person + number, 1)
    gallery = str(tmp_path / "family.db")
    list(index(gallery, [album], model="tiny", indexing=IndexOptions(labels_from="folder")))
    return gallery


def test_the_people_of_a_gallery_are_trained_on_from_its_chips(known: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, held_out=0.4)
    trained, _ = run(tmp_path / "mine", None, settings, gallery=known)
    assert (trained.people, trained.pictures, trained.held_out_people, trained.held_out_pictures) == (3, 9, 2, 6)
    data = json.loads((tmp_path / "mine" / "data.json").read_text("utf-8"))
    assert (data["folder"], data["gallery"]) == (None, known)
    again = train(tmp_path / "mine", resume=True, device="cpu")
    assert again is not None
    assert again.card.golden == trained.card.golden


def test_pictures_that_look_like_somebody_else_are_listed(known: str, tmp_path: Path) -> None:
    album = tmp_path / "album"
    for number in range(3):  # 'tiny' tells equal crops apart from all others by nothing, and noise by all
        tiny.picture(album / "twin" / f"{number}.png", 50, 1)
        tiny.picture(album / "other" / f"{number}.png", 60, 1)
    tiny.picture(album / "other" / "wrong.png", 50, 1)
    said: list[str] = []
    trained = train(
        tmp_path / "mine",
        TrainingData(album, people=("twin", "other", "person 1", "person 2")),
        settings=replace(SETTINGS, held_out=0.5),
        check_labels="tiny",
        device="cpu",
        progress=Progress(said.append),
    )
    assert trained is not None
    rows = (tmp_path / "mine" / "label-noise.csv").read_text("utf-8").splitlines()
    assert "wrong.png,other" in rows[1]
    assert ",twin," in rows[1]
    assert trained.noisy_labels == len(rows) - 1
    assert f"{trained.noisy_labels} of 13 pictures look more like somebody else" in said[-1]


def test_a_folder_without_people_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="has no subfolders with pictures"):
        run(tmp_path / "mine", tmp_path / "empty")
    with pytest.raises(MisuseError, match="no such folder"):
        run(tmp_path / "mine", tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="has no folder for 'Ada'"):
        run(tmp_path / "mine", tmp_path / "empty", people=("Ada",))


def test_listed_pairs_judge_too(people: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lfw"
    for name in ("A", "B"):
        for number in (1, 2):
            (folder / name).mkdir(parents=True, exist_ok=True)
            source = next((people / f"person {number}").glob("*.png"))
            Image.open(source).save(folder / name / f"{name}_000{number}.png")
    (tmp_path / "pairs.txt").write_text("1\t2\nA\t1\t2\nB\t1\t2\nA\t1\tB\t1\nA\t1\tC\t1\n", "utf-8")
    trained, said = run(tmp_path / "mine", people, pairs=str(tmp_path / "pairs.txt"), pairs_folder=str(folder))
    assert any("1 of 4 listed pairs have a picture that is missing" in text for text in said)
    history = json.loads((tmp_path / "mine" / "metrics.json").read_text("utf-8"))["history"]
    assert [row["listed_same"] for row in history] == [2, 2]
    assert trained.steps == 6


def test_nobody_held_out_leaves_a_model_without_a_threshold(people: Path, tmp_path: Path) -> None:
    trained, _ = run(tmp_path / "mine", people, replace(SETTINGS, held_out=0.0))
    assert trained.validation is None
    assert not trained.card.has_threshold
    assert "not validated" in trained.card.note


def test_without_pytorch_the_pip_line_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        train(tmp_path / "mine", TrainingData(tmp_path))
    assert 'pip install "nitakao[train]"' in str(error.value)
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in str(error.value)


def test_a_model_is_packed_with_its_card_licence_and_metrics(people: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "mine", people)
    with pytest.raises(ModelError, match=r"states no licence: .* with --licence"):
        publish("mine")
    packed, card = publish("mine", licence="CC0-1.0", data_licence="our own", commercial="allowed")
    assert packed == Path("mine.zip")
    first = packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        archive.extractall("unpacked")
        names = sorted(archive.namelist())
    assert names == [f"mine/{name}" for name in ("LICENCE.txt", "README.md", "metrics.json", "mine.onnx", "mine.toml")]
    read = registry.card("unpacked/mine")
    assert (read.weights_licence, read.data_licence, read.commercial) == ("CC0-1.0", "our own", "allowed")
    assert read == card
    assert embedder.load(read)(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 16)
    readme = (tmp_path / "unpacked" / "mine" / "README.md").read_text("utf-8")
    assert "| auc |" in readme
    assert "nitakao verify --model mine" in readme
    publish("mine", licence="CC0-1.0", data_licence="our own", commercial="allowed")
    assert packed.read_bytes() == first
    with pytest.raises(ModelError, match="states no licence"):
        publish("mine", licence="CC0-1.0")
