"""The installed command on real pictures of LFW, held against scikit-learn."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from tests.shown import SCRIPTS

import nitakao
from nitakao.pipeline import PipelineOptions
from nitakao.protocols import read_pairs

EACH, FOLDS = 8, 2


@pytest.fixture(scope="module")
def few(shared, tmp_path_factory):
    """A list of the first pairs of either kind of two folds of LFW's."""
    _, *lines = (shared / "data" / "lfw" / "pairs.txt").read_text().splitlines()
    starts = [fold * 600 + kind for fold in range(FOLDS) for kind in (0, 300)]
    chosen = [line for start in starts for line in lines[start : start + EACH]]
    path = tmp_path_factory.mktemp("few") / "pairs.txt"
    path.write_text("\n".join([f"{FOLDS} {EACH}", *chosen]) + "\n")
    return path


def command(*arguments):
    done = subprocess.run(
        [str(SCRIPTS / "nitakao"), *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pairs_of_lfw_come_to_what_scikit_learn_makes_of_their_distances(shared, few, tmp_path):
    metrics = pytest.importorskip("sklearn.metrics")
    images = shared / "data" / "lfw" / "images"
    page = tmp_path / "x.html"
    found = json.loads(command("evaluate", "pairs", images, "--pairs", few, "--json", "--html", page, "--draws", 50))
    pairs = read_pairs(few)
    paths = [str(images / f"{name}.jpg") for name in pairs.pictures]
    central = PipelineOptions(faces="central")
    vectors = np.stack([outcome.vectors[0] for outcome in nitakao.embed(paths, options=central)]).astype(float)
    apart = np.linalg.norm(vectors[pairs.first] - vectors[pairs.second], axis=1)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(pairs.same, -apart), abs=1e-6)
    right = []
    for told in found["folds"]:
        here = pairs.fold == told["fold"] - 1
        right.append(metrics.accuracy_score(pairs.same[here], apart[here] < told["threshold"]))
        best = max(metrics.accuracy_score(pairs.same[~here], apart[~here] <= far) for far in apart[~here])
        assert metrics.accuracy_score(pairs.same[~here], apart[~here] < told["threshold"]) == best
    assert found["accuracy"] == pytest.approx(np.mean(right), abs=1e-6)
    assert found["accuracy"] > 0.9
    assert page.read_bytes().count(b"<svg") > 2


def test_people_of_lfw_are_found_and_grouped(shared, tmp_path):
    people = tmp_path / "people"
    people.mkdir()
    names = sorted(
        path.name for path in (shared / "data" / "lfw" / "images").iterdir() if len(list(path.iterdir())) == 3
    )
    for name in names[:8]:
        (people / name).symlink_to(shared / "data" / "lfw" / "images" / name)
    command("embed", people, "--faces", "central", "-o", tmp_path / "x.npz")
    asked = ("--vectors", tmp_path / "x.npz", "--json", "--draws", 20)
    assert json.loads(command("evaluate", "identification", *asked))["rank-1"] > 0.8
    assert json.loads(command("evaluate", "retrieval", *asked))["mAP"] > 0.8
    assert json.loads(command("evaluate", "clustering", *asked))["b_cubed_f"] > 0.8
