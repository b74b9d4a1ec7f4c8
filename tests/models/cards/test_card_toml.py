"""Cards as TOML: what is off is named with its file and field, and nothing but CardError comes out."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nitakao.errors import CardError
from nitakao.models.cards.card_toml import dump, parse, to_dict
from nitakao.values import Calibration, CropRule, ModelCard, Normalisation, WeightsFile

CARD = """
name = "mine"
title = "A network of mine"
network = "onnx"
dimension = 4
threshold = 0.5
golden = [0.1, 0.2, 0.3, 1]

[crop]
kind = "template"
size = 112
template = [[38.2, 51.6], [73.5, 51.5], [56, 71.7], [41.5, 92.3], [70.7, 92.2]]

[normalisation]
kind = "fixed"
mean = 127.5
scale = [128]

[[files]]
name = "mine.onnx"
"""


LINE = "[calibration]\nintercept = 1\nlimit = 2\n"


def test_a_calibration_is_read_and_without_its_table_there_is_none() -> None:
    table = f"{LINE}slope = 3\nfalse_matches = [[0.1, 0.9], [0.01, 0.5]]\nsource = 'somewhere'\n[crop]"
    card = parse(CARD.replace("[crop]", table), "mine.toml")
    assert card.calibration == Calibration(3.0, 1.0, 2.0, ((0.1, 0.9), (0.01, 0.5)), "somewhere")
    assert parse(CARD, "mine.toml").calibration is None
    assert parse(CARD, "mine.toml").fingerprint == card.fingerprint


def test_a_card_is_read_with_its_defaults() -> None:
    card = parse(CARD, "mine.toml")
    assert (card.name, card.dimension, card.threshold, card.metric) == ("mine", 4, 0.5, "euclidean")
    assert card.crop.template[2] == (56.0, 71.7)
    assert card.normalisation == Normalisation("fixed", (127.5,), (128.0,))
    assert card.files == (WeightsFile("mine.onnx"),)
    assert card.golden == (0.1, 0.2, 0.3, 1.0)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("dimension = 4", "dimension = nan", "mine.toml: dimension is an integer, not nan"),
        ("dimension = 4", "dimension = true", "mine.toml: dimension is an integer, not True"),
        ("dimension = 4", "dimension = 0", "mine.toml: a model's dimension is 1 to 65536, not 0"),
        ("dimension = 4", "", "mine.toml: dimension is missing"),
        ("dimension = 4", "dimension = 3", "mine.toml: a golden vector is 3 finite numbers, not 4"),
        ("threshold = 0.5", "threshold = nan", "mine.toml: threshold is nan, not a finite number"),
        ("threshold = 0.5", "threshold = inf", "mine.toml: threshold is inf, not a finite number"),
        ("threshold = 0.5", "threshold = 1" + "0" * 400, "mine.toml: threshold is 1000"),
        ("threshold = 0.5", 'threshold = "0.5"', "mine.toml: threshold is a number, not '0.5'"),
        ("threshold = 0.5", "treshold = 0.5", "mine.toml: treshold is not a field of a card: did you mean threshold?"),
        ("0.2, 0.3", "nan, 0.3", "mine.toml: golden is nan, not a finite number"),
        ('title = "A network of mine"', "title = 1", "mine.toml: title is a text, not 1"),
        ("A network of mine", "x" * 2001, "mine.toml: title has 2001 characters: at most 2000"),
        ('name = "mine"', 'name = "../mine"', "mine.toml: a model's name is"),
        ('name = "mine"', 'name = ".."', "mine.toml: a model's name is"),
        ("size = 112", "size = 1", "mine.toml: crop: a crop's side is 8 to 2048 pixels, not 1"),
        ("size = 112", "size = 112\nmargin = nan", "mine.toml: crop.margin is nan, not a finite number"),
        ("size = 112", "size = 112\nsides = 1", "mine.toml: crop.sides is not a field of a card"),
        ('kind = "template"', 'kind = "round"', "mine.toml: crop: no crop kind 'round'"),
        ("[56, 71.7]", "[56]", "mine.toml: crop.template is a list of [x, y] pairs, not [56]"),
        ("[56, 71.7], ", "", "mine.toml: crop: a template crop needs five landmark points, not 4"),
        ("[56, 71.7]", "[56, 71.7], [1, 1]", "mine.toml: crop.template has 6 entries: at most 5"),
        ("[normalisation]", "[normalization]", "mine.toml: normalisation is missing"),
        ("scale = [128]", "scale = 0", "mine.toml: normalisation: a normalisation's scale may not be zero"),
        ("scale = [128]", "scale = [1, 2]", "mine.toml: normalisation: a normalisation's scale is one or three"),
        ("mean = 127.5", "mean = [nan]", "mine.toml: normalisation.mean is nan"),
        ('name = "mine.onnx"', 'name = "../../etc/passwd"', "mine.toml: files[0]: a weights file's name is"),
        (
            'name = "mine.onnx"',
            'name = "x"\nurls = ["http://x.org/a"]',
            "mine.toml: files[0]: weights are fetched over",
        ),
        ('name = "mine.onnx"', 'name = "x"\nsha256 = "A"', "mine.toml: files[0]: a sha256 is 64 lower-case hex digits"),
        ('name = "mine.onnx"', 'name = "x"\nsize = -1', "mine.toml: files[0]: a weights file has 0 to"),
        ('name = "mine.onnx"', 'name = "x"\npackage = "os"', "mine.toml: files[0]: a package and a path inside it"),
        ('name = "mine.onnx"', 'name = "x"\npackage = "os"\ninside = "../a"', "mine.toml: files[0]: a path inside a"),
        ("[[files]]\nname", "[files]\nname", "mine.toml: files is a list, not"),
        ('[[files]]\nname = "mine.onnx"', "files = []", "mine.toml: normalisation.files is not a field"),
        ("[crop]", "[crop", "mine.toml: invalid TOML"),
        ("[crop]", "[calibration]\nslope = 1\n[crop]", "mine.toml: calibration.intercept is missing"),
        ("[crop]", f"{LINE}slope = 0\n[crop]", "mine.toml: calibration: a calibration has a slope and a limit above 0"),
        ("[crop]", f"{LINE}slope = nan\n[crop]", "mine.toml: calibration.slope is nan, not a finite number"),
        ("[crop]", f"{LINE}slope = 1\nslop = 1\n[crop]", "mine.toml: calibration.slop is not a field of a card"),
        (
            "[crop]",
            f"{LINE}slope = 1\nfalse_matches = [0.1]\n[crop]",
            "mine.toml: calibration.false_matches is a list of [rate, distance] pairs, not 0.1",
        ),
        (
            "[crop]",
            f"{LINE}slope = 1\nfalse_matches = [[0.1, 0.5], [0.2, 0.4]]\n[crop]",
            "mine.toml: calibration: a calibration's rates of false matches lie between 0 and 1 and fall",
        ),
        (
            "[crop]",
            f"{LINE}slope = 1\nfalse_matches = {[[0.1, 0.5]] * 65}\n[crop]",
            "mine.toml: calibration.false_matches has 65 entries: at most 64",
        ),
        ('name = "mine"', 'calibration = 3\nname = "mine"', "mine.toml: calibration is a table, [calibration], not 3"),
    ],
)
def test_what_is_off_is_named_with_its_file_and_field(old: str, new: str, named: str) -> None:
    assert old in CARD
    with pytest.raises(CardError) as caught:
        parse(CARD.replace(old, new, 1), "mine.toml")
    assert str(caught.value).startswith(named)


def test_a_card_of_ten_megabytes_is_refused_unread() -> None:
    with pytest.raises(CardError, match="too long"):
        parse("#" * 10_000_000, "big.toml")


def test_a_line_that_would_take_minutes_is_refused_unread() -> None:
    with pytest.raises(CardError, match="a line of more than 16384 characters"):
        parse("a" + ".a" * 100_000 + " = 1", "long.toml")


names = st.from_regex(r"[a-z0-9_][a-z0-9._+-]{0,20}[a-z0-9]", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=80)
numbers = st.floats(-1e6, 1e6)
files = st.builds(
    WeightsFile,
    name=names,
    urls=st.lists(names.map(lambda n: f"https://example.org/{n}"), max_size=2).map(tuple),
    sha256=st.sampled_from(["", "0" * 64]),
    size=st.integers(0, 10**9),
)
above_zero = st.floats(1e-3, 1e6)
rates = st.lists(st.floats(1e-9, 0.99), max_size=9).map(lambda found: tuple((r, 2 * r) for r in sorted(found)[::-1]))
calibrations = st.builds(Calibration, above_zero, numbers, above_zero, rates, texts)
whole_cards = st.builds(
    ModelCard,
    name=names,
    title=texts,
    network=texts,
    crop=st.builds(CropRule, st.just("article"), st.integers(8, 2048), st.floats(0, 200)),
    normalisation=st.builds(Normalisation, st.just("fixed"), st.tuples(numbers), st.just((1.0, 2.0, 3.5))),
    dimension=st.integers(1, 65536),
    files=st.lists(files, min_size=1, max_size=3).map(tuple),
    threshold=numbers | st.just(math.nan),
    unit_length=st.booleans(),
    note=texts,
    calibration=st.none() | calibrations,
)


@settings(max_examples=60, deadline=None)
@given(whole_cards)
def test_any_card_written_out_is_read_back_the_same(card: ModelCard) -> None:
    assert to_dict(parse(dump(card), "again")) == to_dict(card)  # by fields: an unknown threshold, NaN, equals nothing


def test_golden_vectors_survive_to_the_last_digit() -> None:
    card = replace(parse(CARD, "x"), golden=(1 / 3, -2e-30, 1.1754943508222875e-38, 7.0))
    assert parse(dump(card), "again").golden == card.golden


def test_an_unknown_threshold_is_null_in_json() -> None:
    assert to_dict(replace(parse(CARD, "x"), threshold=math.nan))["threshold"] is None


def refuses_or_reads(text: str) -> None:
    with contextlib.suppress(CardError):
        assert isinstance(parse(text, "fuzz.toml"), ModelCard)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=200))
@example("a=" + "[" * 5000)
@example("a=" + "{a=" * 5000)
@example("dimension = " + "9" * 5000)
@example("a" + ".a" * 4000 + "=1")
def test_nothing_but_card_errors_come_out_of_any_text(text: str) -> None:
    refuses_or_reads(text)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_nothing_but_card_errors_come_out_of_a_card_with_pieces_swapped(data: st.DataObject) -> None:
    lines = CARD.strip().splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(lines) - 1))
        key = lines[i].split("=")[0]
        piece = data.draw(
            st.sampled_from(["nan", "-inf", "true", "[]", "[[]]", "{}", '""', "1e400", "0x7f", "1979-05-27"])
        )
        lines[i] = data.draw(st.sampled_from([f"{key} = {piece}", key, "", lines[i] + piece, "[[crop]]", "[a.b]"]))
    refuses_or_reads("\n".join(lines))
