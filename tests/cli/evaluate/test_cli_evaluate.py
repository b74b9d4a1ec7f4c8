from __future__ import annotations

import json

import pytest
from tests import evaluated, fakes

from nitakao import pipeline
from nitakao.cli.commands.evaluate import group as command
from nitakao.tasks import arguments
from nitakao.tasks.evaluate import embeddings
from nitakao.values import Metric


@pytest.fixture
def lfw(monkeypatch, tmp_path):
    """A folder of people, a list of pairs, and fakes for the pipeline and the model."""
    real = arguments.load_card

    def load_card(model):
        return fakes.CARD if model in (None, "fake", "other", fakes.CARD) else real(model)

    monkeypatch.setattr(pipeline, "run", evaluated.run)
    for module in (arguments, embeddings):
        monkeypatch.setattr(module, "load_card", load_card)
    monkeypatch.chdir(tmp_path)
    evaluated.lay(tmp_path / "lfw", evaluated.people())
    evaluated.pairs_file(tmp_path / "pairs.txt")
    return tmp_path


PAIRS = ("evaluate", "pairs", "lfw", "--pairs", "pairs.txt", "--draws", "20")


def test_the_metrics_are_those_that_there_are():
    assert set(command.METRICS) == set(Metric.__args__)  # type: ignore[attr-defined]


def test_pairs_are_told_as_a_table_with_what_makes_it_readable(run, lfw):
    code, out, err = run(*PAIRS)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].split() == ["fold", "pairs", "threshold", "accuracy"]
    assert lines[5].split() == ["FAR", "VAL", "spread", "95%", "FAR", "found", "spread", "threshold"]
    assert "* fewer than one pair of two people in the other folds: extrapolated" in lines
    assert lines[-1] == "fake, euclidean; 24 pairs, 12 of one person, of 12 people, 36 pictures"


def test_pairs_are_one_json_object_with_the_accuracy(run, lfw):
    code, out, _ = run(*PAIRS, "--json", "--flip", "--subtract-mean", "--metric", "cosine")
    (line,) = out.splitlines()
    found = json.loads(line)
    assert code == 0
    assert 0.5 < found["accuracy"] <= 1
    assert (found["model"], found["metric"], found["flip"], found["subtract_mean"]) == ("fake", "cosine", True, True)
    assert [fold["fold"] for fold in found["folds"]] == [1, 2, 3]
    assert [rate["far"] for rate in found["rates"]] == [0.1, 0.01, 0.001, 0.0001]
    assert found["intervals"]["accuracy"][0] <= found["accuracy"] <= 1


@pytest.mark.parametrize(
    "more", [["fake", "other"], ["--compare", "fake", "--compare", "other"], ["other", "--model", "fake"]]
)
def test_models_are_compared_side_by_side(run, lfw, more):
    code, out, err = run(*PAIRS, "--compare", *more, "--html", "x.html")
    assert (code, err) == (0, "")
    assert out.count("fold  pairs") == 2
    assert "fake minus fake" in out
    html = (lfw / "x.html").read_text()
    assert html.count("<svg") > 3
    found = json.loads(run(*PAIRS, "--compare", *more, "--json")[1])
    assert len(found["models"]) == 2
    assert {each["figure"] for each in found["differences"]} >= {"accuracy", "auc", "eer"}


def test_what_pairs_cannot_be_told_of_is_counted_on_request_only(run, lfw):
    (lfw / "lfw" / "P03" / "P03_0001.jpg").unlink()
    code, out, err = run(*PAIRS)
    assert (code, out) == (2, "")
    assert "1 of 36 pictures of the pairs are not in 'lfw', such as 'P03/P03_0001'" in err
    code, out, _ = run(*PAIRS, "--skip-missing")
    assert code == 0
    assert out.splitlines()[-1].endswith("35 pictures; 2 pairs skipped")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pairs", "lfw", "fake", "--pairs", "pairs.txt"], 2, "'fake' is one argument too many"),
        (["pairs", "lfw", "--compare", "fake", "--pairs", "pairs.txt"], 2, "two models or more"),
        (["pairs", "--pairs", "pairs.txt"], 2, "give the folder of the pictures"),
        (["pairs", "lfw", "--pairs", "missing.txt"], 1, "cannot be read: No such file"),
        (["pairs", "missing", "--pairs", "pairs.txt"], 2, "no such folder: 'missing'"),
        (["pairs", "lfw", "--pairs", "pairs.txt", "--html", "x.txt"], 2, "pages are written as .html"),
        (["pairs", "lfw", "--pairs", "pairs.txt", "--faces", "all"], 2, "one face of each picture"),
        (["pairs", "lfw", "--pairs", "pairs.txt", "--folds", "40"], 2, "cannot be split into 40 folds"),
        (
            ["pairs", "lfw", "--pairs", "pairs.txt", "--centre-crop", "--detector", "yunet"],
            2,
            "exclude each other",
        ),
        (["pairs", "lfw", "--pairs", "pairs.txt", "--allow-url"], 2, "--allow-url does not apply"),
        (["pairs", "--pairs", "pairs.txt", "--vectors", "missing.npz"], 1, "cannot be read"),
        (["identification", "lfw", "--enrolled", "9"], 2, "no probes of enrolled people"),
        (["identification", "lfw", "--gallery-list", "x"], 2, "go together"),
        (["clustering", "lfw", "--threshold", "-1"], 2, "a threshold is a number above 0"),
        (["cohorts", "lfw", "--columns", "missing.csv", "--by", "x"], 1, "cannot be read"),
        (["retrieval", "lfw", "--people", "pairs.txt", "--min-pictures", "4"], 2, "'lfw' has none of the people"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_one_sentence(run, lfw, arguments, code, message):
    found, out, err = run("evaluate", *arguments)
    assert message in err
    assert (found, out) == (code, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("identification", ["rank-1", "rank-5", "rank-10"]),
        ("retrieval", ["recall@1", "recall@5", "recall@10", "recall@20", "mAP", "R-precision"]),
        ("clustering", ["b_cubed_precision", "b_cubed_recall", "b_cubed_f", "pairwise_precision", "pairwise_recall"]),
    ],
)
def test_people_are_told_as_a_table_json_and_a_page(run, lfw, name, figures):
    code, out, err = run("evaluate", name, "lfw", "--draws", "20", "--html", "x.html")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1 : 1 + len(figures)]] == figures
    assert out.splitlines()[-1].startswith("fake, euclidean; ")
    assert "95% over people" in (lfw / "x.html").read_text()
    found = json.loads(run("evaluate", name, "lfw", "--draws", "20", "--json")[1])
    assert set(figures) <= set(found)
    two = run("evaluate", name, "lfw", "--compare", "fake", "other", "--draws", "20")[1]
    assert "fake minus fake" in two


def test_strangers_are_told_apart_where_there_are_some(run, lfw):
    code, out, _ = run("evaluate", "identification", "lfw", "--unenrolled", "0.5", "--draws", "0", "--html", "x.html")
    assert code == 0
    assert "tpir@0.1" in out
    assert "too few strangers for FPIR 0.01, 0.001" in out
    assert "FPIR: unenrolled probes identified" in (lfw / "x.html").read_text()


def test_cohorts_are_told_as_a_table_json_and_a_page(run, lfw):
    (lfw / "x.csv").write_text("who,<b>\n" + "\n".join(f"P{n:02d},{'odd' if n % 2 else 'even'}" for n in range(11)))
    asked = ("evaluate", "cohorts", "lfw", "--columns", "x.csv", "--by", "<b>", "--draws", "20")
    code, out, err = run(*asked, "--html", "x.html")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in lines[1:5]] == ["even", "odd", "across", "all"]
    assert lines[-1].endswith("3 pictures without a value in the column")
    assert "<b>" not in (lfw / "x.html").read_text()
    found = json.loads(run(*asked, "--json", "--far", "0.1")[1])
    assert [each["name"] for each in found["cohorts"]] == ["even", "odd"]
    assert found["all"]["fmr"] == pytest.approx(0.1, abs=0.01)


def test_crops_are_written_and_summed_up(run, lfw):
    code, out, err = run("align", "lfw", "out", "--image-size", "160", "--margin", "32")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("36 crops of 36 pictures in 'out'; ")
    assert out.splitlines()[1] == "article crop of 160 pixels, margin 32"
    found = json.loads(run("align", "lfw", "out", "--image-size", "160", "--margin", "32", "--json")[1])
    assert (found["before"], found["pictures"], found["crops"]) == (36, 0, 0)
    code, _, err = run("align", "lfw", "out")
    assert (code, "other settings (crop)" in err) == (2, True)
    code, _, err = run("align", "lfw", "out2", "--model", "dlib-resnet", "--margin", "3")
    assert (code, "laid out by landmarks" in err) == (2, True)
