"""Crops kept on disk, examples and their division, changes made to pictures, and names that do not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nitakao.errors import MisuseError, TrainingError
from nitakao.training import augment, label_noise
from nitakao.training.crop_cache import CropCache, map_pixels
from nitakao.training.settings import AUGMENTATIONS, TrainingSettings, dumps, loads
from nitakao.training.splits import Examples, make_examples, split
from nitakao.values import CropRule

RULE = CropRule("article", 8)
RNG = np.random.default_rng(5)


def crop(value: int) -> Any:
    return np.full((8, 8, 3), value, np.uint8)


def test_crops_come_back_and_are_added_to(tmp_path: Path) -> None:
    with CropCache(tmp_path, RULE, "mtcnn") as crops:
        crops.add("a", "1", crop(1))
        crops.add("b", "1", None, "'b': no face found")
    with CropCache(tmp_path, RULE, "mtcnn") as crops:
        known = crops.get("b", "1")
        assert known is not None
        assert (known.row, known.problem) == (-1, "'b': no face found")
        assert crops.get("a", "2") is None  # changed since
        crops.add("c", "1", crop(3))
        crops.flush()
        assert [int(p[0, 0, 0]) for p in crops.pixels()] == [1, 3]
    assert map_pixels(tmp_path, 8).shape == (2, 8, 8, 3)


def test_what_a_kill_left_half_written_is_done_again(tmp_path: Path) -> None:
    with CropCache(tmp_path, RULE, "mtcnn") as crops:
        for number, name in enumerate("abc"):
            crops.add(name, "1", crop(number))
    lines = (tmp_path / "faces.jsonl").read_text("utf-8")
    (tmp_path / "faces.jsonl").write_text(lines[: lines.rindex('"stamp"')], "utf-8")
    with (tmp_path / "crops.u8").open("ab") as file:
        file.write(b"half a face")
    with CropCache(tmp_path, RULE, "mtcnn") as crops:
        assert crops.get("b", "1") is not None
        assert crops.get("c", "1") is None
        crops.add("c", "1", crop(7))
    assert [int(p[0, 0, 0]) for p in map_pixels(tmp_path, 8)] == [0, 1, 7]


def test_lines_ahead_of_their_pixels_are_not_believed(tmp_path: Path) -> None:
    with CropCache(tmp_path, RULE, "mtcnn") as crops:
        crops.add("a", "1", crop(1))
        crops.add("b", "1", crop(2))
    with (tmp_path / "crops.u8").open("r+b") as file:
        file.truncate(8 * 8 * 3 + 5)
    with CropCache(tmp_path, RULE, "mtcnn") as crops:
        assert crops.get("a", "1") is not None
        assert crops.get("b", "1") is None


def test_crops_of_another_rule_or_detector_are_cut_anew(tmp_path: Path) -> None:
    for rule, detector in (
        (RULE, "mtcnn"),
        (CropRule("article", 8, 4.0), "mtcnn"),
        (CropRule("article", 8, 4.0), "yunet"),
    ):
        with CropCache(tmp_path, rule, detector) as crops:
            assert crops.get("a", "1") is None
            crops.add("a", "1", crop(1))
    assert json.loads((tmp_path / "rule.json").read_text("utf-8"))["detector"] == "yunet"


def examples(counts: Sequence[int]) -> Examples:
    faces = [(f"person {p:02}", f"{p}/{n}", 0) for p, count in enumerate(counts) for n in range(count)]
    faces = [(person, picture, row) for row, (person, picture, _) in enumerate(faces)]
    return make_examples(RNG.integers(0, 256, (len(faces), 8, 8, 3), np.uint8), faces)


def test_nobody_is_trained_on_and_judged_by() -> None:
    whole = examples([3] * 20)
    divided = split(whole, 0.25, seed=1, min_pictures=2)
    assert len(divided.held_out.people) == 5
    assert not set(divided.held_out.people) & set(divided.training.people)
    assert len(divided.held_out) + len(divided.training) == 60
    assert split(whole, 0.25, 1, 2).held_out.people == divided.held_out.people
    assert split(whole, 0.25, 2, 2).held_out.people != divided.held_out.people
    assert len(split(whole, 0.01, 1, 2).held_out.people) == 2  # one judges nothing
    assert len(split(whole, 0.0, 1, 2).held_out.people) == 0
    for part in (divided.training, divided.held_out):
        rows = np.array([0, len(part) - 1])
        assert np.array_equal(part.crops(rows), whole.pixels[part.rows[rows]])
        assert [part.people[label] for label in part.labels] == [
            f"person {int(p.split('/')[0]):02}" for p in part.pictures
        ]


def test_one_picture_is_too_few_where_triplets_need_two() -> None:
    whole = examples([1, 1, 3, 3, 3, 3])
    divided = split(whole, 0.5, seed=0, min_pictures=2)
    assert divided.too_few == ("person 00", "person 01")
    assert split(whole, 0.5, seed=0, min_pictures=1).too_few == ()
    with pytest.raises(
        TrainingError, match=r"0 of 3 people .* 'person 00', 'person 01', 'person 02' left out for having one"
    ):
        split(examples([1, 1, 1]), 0.0, seed=0, min_pictures=2)
    with pytest.raises(TrainingError, match="1 of 4 people can be held out"):
        split(examples([2, 1, 1, 1]), 0.3, seed=0, min_pictures=1)


def test_changes_are_the_same_for_the_same_chance_and_each_changes_something() -> None:
    pictures = RNG.integers(0, 256, (12, 32, 32, 3), np.uint8)
    assert augment.augment_crops(pictures, (), np.random.default_rng(0)) is pictures
    for how in [(word,) for word in AUGMENTATIONS] + [AUGMENTATIONS]:
        one, other = (augment.augment_crops(pictures, how, np.random.default_rng(0)) for _ in range(2))
        assert np.array_equal(one, other)
        assert one.shape == pictures.shape
        assert one.dtype == np.uint8
        assert (one != pictures).any()
    flipped = augment.augment_crops(pictures, ("flip",), np.random.default_rng(0))
    assert all(any(np.array_equal(f, way) for way in (p, p[:, ::-1])) for f, p in zip(flipped, pictures, strict=True))


def test_a_picture_under_the_wrong_name_is_doubted() -> None:
    whole = examples([5, 5, 5])
    centres = np.eye(3, 16, dtype=np.float32)
    vectors = centres[whole.labels] + RNG.normal(0, 0.05, (15, 16)).astype(np.float32)
    assert label_noise.find_noisy_labels(vectors, whole) == []
    vectors[7] = centres[2]
    (one,) = label_noise.find_noisy_labels(vectors, whole)
    assert (one.picture, one.person, one.nearest) == ("1/2", "person 01", "person 02")
    assert one.nearest_distance < 0.2 < 1.0 < one.distance


def test_the_list_of_doubts_is_a_table(tmp_path: Path) -> None:
    label_noise.write(tmp_path / "noise.csv", [label_noise.NoisyLabel("a, b.jpg", "Ada", 1.2, "Bob", 0.25)])
    expected = 'picture,person,distance,nearest,nearest_distance\n"a, b.jpg",Ada,1.2000,Bob,0.2500\n'
    assert (tmp_path / "noise.csv").read_text("utf-8") == expected


def test_settings_come_back_from_their_file() -> None:
    settings = TrainingSettings(loss="triplet", freeze=("conv2d_*",), augment=("flip",), margin=0.3)
    assert loads(dumps(settings), "settings.json") == settings
    for text in ("", "[]", '{"network": "resnet"}', '{"speed": 1}', '{"steps": "many"}'):
        with pytest.raises(TrainingError, match=r"'settings\.json' has no valid training settings"):
            loads(text, "settings.json")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"network": "facenett"}, "no network 'facenett': did you mean facenet?"),
        ({"loss": "tripplet"}, "did you mean triplet"),
        ({"augment": ("flop",)}, "no augmentation 'flop'"),
        ({"loss": "triplet", "pictures": 1}, "needs batches of 2 or more people with 2 or more pictures each"),
        ({"people": 1, "pictures": 1}, "a batch needs two pictures or more"),
        ({"rate": float("nan")}, "rate is 0.0 or more, not nan"),
        ({"held_out": 1.0}, "held out is at least 0 and below 1"),
        ({"steps": 0}, "steps is 1 or more, not 0"),
        ({"far": 0.0}, "are above 0"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(MisuseError) as error:
        TrainingSettings(**wrong)
    assert said in str(error.value)
