from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from tests import evaluated, fakes

import nitakao
from nitakao import pipeline
from nitakao.errors import MisuseError, PhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.photos.align import AlignCounts, CropFormat, align, crop_box
from nitakao.values import CropRule, DetectorSettings, Face


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "run", evaluated.run)
    return evaluated.lay(tmp_path / "in", {"Ada": 2, "Bob": 1})


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


LISTS = ["alignment.jsonl", "bounding_boxes.txt"]


def test_each_picture_gives_a_crop_in_the_folder_of_its_person(folder, tmp_path):
    found = align(folder, tmp_path / "out")
    assert (found.pictures, found.crops, found.before) == (3, 3, 0)
    assert files(tmp_path / "out") == ["Ada/Ada_0001.png", "Ada/Ada_0002.png", "Bob/Bob_0001.png", *LISTS]
    with Image.open(tmp_path / "out" / "Bob" / "Bob_0001.png") as crop:
        assert crop.size == (32, 32)
    lines = (tmp_path / "out" / "bounding_boxes.txt").read_text().splitlines()
    assert lines[0] == "Ada/Ada_0001.png 0 0 64 64"  # the box 10 to 42 with 22 pixels around it, within the picture


def test_a_run_goes_on_where_it_was_stopped(folder, tmp_path, monkeypatch):
    seen: list[str] = []

    def run(sources, **settings):
        for source in sources:
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.append(source)
            yield from evaluated.run([source], **settings)

    monkeypatch.setattr(pipeline, "run", run)
    tally = AlignCounts()
    with pytest.raises(KeyboardInterrupt):
        align(folder, tmp_path / "out", counts=tally)
    assert (tally.crops, len(files(tmp_path / "out"))) == (2, 4)
    with (tmp_path / "out" / "alignment.jsonl").open("a") as journal:
        journal.write('{"picture": "Bob/Bob_0')  # as a kill may leave it
    monkeypatch.setattr(pipeline, "run", evaluated.run)
    found = align(folder, tmp_path / "out")
    assert (found.before, found.pictures, found.crops) == (2, 1, 1)
    assert align(folder, tmp_path / "out").before == 3
    (tmp_path / "out" / "Ada" / "Ada_0001.png").unlink()
    assert align(folder, tmp_path / "out").crops == 1
    assert align(folder, tmp_path / "out", overwrite=True).crops == 3
    assert len((tmp_path / "out" / "bounding_boxes.txt").read_text().splitlines()) == 3


def test_pictures_without_a_face_are_listed_and_unreadable_ones_are_tried_again(folder, tmp_path):
    (folder / "Ada" / "none.jpg").write_bytes(evaluated.JPEG)
    (folder / "Ada" / "unreadable.jpg").write_bytes(evaluated.JPEG)
    found = align(folder, tmp_path / "out")
    assert (found.without_faces, found.unreadable, found.crops) == (1, 1, 3)
    assert "Ada/none.jpg\n" in (tmp_path / "out" / "bounding_boxes.txt").read_text()
    again = align(folder, tmp_path / "out")
    assert (again.pictures, again.unreadable, again.before) == (1, 1, 4)


def test_two_pictures_of_one_name_do_not_overwrite_each_other(folder, tmp_path):
    (folder / "Ada" / "Ada_0001.png").write_bytes(evaluated.JPEG)
    for _ in range(2):
        align(folder, tmp_path / "out")
        assert files(tmp_path / "out")[:2] == ["Ada/Ada_0001-png.png", "Ada/Ada_0001.png"]


def test_every_face_is_written_with_its_number_where_all_are_wanted(folder, tmp_path, monkeypatch):
    def run(sources, **_):
        for source in sources:
            outcome = fakes.outcome(source, 2)
            yield nitakao.Outcome(
                source, outcome.size, outcome.sha256, outcome.faces, crops=np.zeros((2, 32, 32, 3), np.uint8)
            )

    monkeypatch.setattr(pipeline, "run", run)
    assert (
        align(
            folder, tmp_path / "out", crop_format=CropFormat(ending=".jpg"), options=PipelineOptions(faces="all")
        ).crops
        == 6
    )
    assert files(tmp_path / "out")[:2] == ["Ada/Ada_0001_0.jpg", "Ada/Ada_0001_1.jpg"]
    first = json.loads((tmp_path / "out" / "alignment.jsonl").read_text().splitlines()[1])
    assert first["picture"] == "Ada/Ada_0001.jpg"
    assert [crop["score"] for crop in first["crops"]] == [0.99, 0.89]


def test_what_cannot_be_is_refused(folder, tmp_path):
    align(folder, tmp_path / "out")
    for settings, said in (
        ({"crop_format": CropFormat(CropRule("article", 160, 32))}, r"other settings \(crop\)"),
        ({"options": PipelineOptions(faces="all")}, r"other settings \(faces\)"),
        ({"options": PipelineOptions(DetectorSettings(smallest_face=40))}, r"other settings \(detector\)"),
    ):
        with pytest.raises(MisuseError, match=said):
            align(folder, tmp_path / "out", **settings)
    with pytest.raises(MisuseError, match="written as"):
        CropFormat(ending=".gif")
    with pytest.raises(MisuseError, match="lies within"):
        align(folder, folder / "out")
    with pytest.raises(MisuseError, match="no such folder"):
        align(tmp_path / "missing", tmp_path / "out")
    (tmp_path / "out" / "alignment.jsonl").write_text("[]\n[]\n")
    with pytest.raises(MisuseError, match="is damaged, or not nitakao's"):
        align(folder, tmp_path / "out")


def test_where_nothing_can_be_read_the_run_failed(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        pipeline,
        "run",
        lambda sources, **_: (nitakao.Outcome(s, status="unreadable", problem="damaged") for s in sources),
    )
    with pytest.raises(PhotoError, match="none of the 3 pictures could be read"):
        align(folder, tmp_path / "out")


def test_a_box_says_what_the_crop_shows():
    face = Face((10.4, 20.0, 50.9, 60.0), 1.0)
    assert crop_box(face, CropRule("article", 160, 44), (100, 75)) == [0, 0, 72, 75]
    assert crop_box(face, CropRule("template", 96, template=((1, 1),) * 5), (100, 75)) == [10, 20, 51, 60]
    assert crop_box(face, CropRule("margin", 160, 80), (1000, 1000)) == [0, 0, 71, 80]


def test_crops_are_those_that_a_model_sees(shared, tmp_path):
    """Real pictures, real MTCNN: the article's crop of each, cut as the card cuts it before its network."""
    folder = tmp_path / "in" / "Aaron_Sorkin"
    folder.mkdir(parents=True)
    source = shared / "data" / "lfw" / "images" / "Aaron_Sorkin"
    for picture in sorted(source.glob("*.jpg"))[:2]:
        (folder / picture.name).write_bytes(picture.read_bytes())
    rule = nitakao.models.card("dlib-resnet").crop
    found = align(tmp_path / "in", tmp_path / "out", crop_format=CropFormat(rule=rule))
    assert found.crops == 2
    outcomes = list(
        nitakao.embed([folder], model="dlib-resnet", keep_crops=True, options=PipelineOptions(faces="largest"))
    )
    for outcome in outcomes:
        name = outcome.source.rpartition("/")[2].replace(".jpg", ".png")
        assert outcome.crops is not None
        with Image.open(tmp_path / "out" / "Aaron_Sorkin" / name) as crop:
            assert np.array_equal(np.asarray(crop), outcome.crops[0])
