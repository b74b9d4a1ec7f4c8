"""The article's file of vectors: written by its own command, searched, clustered and learnt from."""

from __future__ import annotations

import json

import pytest
from tests import fakes

from nitakao.models import importer
from nitakao.models.cards import registry
from nitakao.vectors import VectorsWriter, read


@pytest.fixture
def vectors(fake):
    """Five people with four faces each, in the article's file."""
    with VectorsWriter("img_facenet.pkl", model="", dimension=16) as writer:
        for person in ("Ada", "Bob", "Eve", "Kim", "Zoe"):
            for number in range(1, 5):
                outcome = fakes.outcome(f"{person}_{number:04}.jpg")
                outcome.vectors[:] = fakes.vector(person) + 0.01 * fakes.vector(f"{person}{number}")
                writer.add(outcome)
    return "img_facenet.pkl"


def test_the_articles_command_writes_the_articles_file(run, photos, monkeypatch, tmp_path):
    (tmp_path / "model" / "20170512-110547").mkdir(parents=True)
    monkeypatch.setattr(importer, "is_importable", lambda argument: argument == "model/20170512-110547")
    monkeypatch.setattr(importer, "import_cached", lambda path: fakes.CARD)
    code, out, _ = run("embed", "model/20170512-110547", "photos/ada.jpg", "photos/bob.jpg")
    assert (code, "2 faces in 'img_facenet.pkl'" in out) == (0, True)
    assert read("img_facenet.pkl").names == ("ada.jpg", "bob.jpg")


def test_a_release_is_found_by_its_date(monkeypatch, tmp_path):
    assert registry.card("20170512-110547").name == "facenet-20170512-msceleb"
    assert registry.card("20180402-114759").name == "facenet-vggface2"


def test_a_file_is_searched_for_a_name_and_for_a_photo(run, vectors, photos):
    rows = run("search", "--vectors", vectors, "Ada_0001", "-k", "3", "--json")[1].splitlines()
    assert {json.loads(row)["photo"] for row in rows} == {f"Ada_000{n}.jpg" for n in (2, 3, 4)}
    assert json.loads(rows[0])["threshold"] is None
    code, out, err = run("search", "--vectors", vectors, "photos/ada.jpg", "--model", "fake", "--max-distance", "9")
    assert code == 0, err
    assert len(out.splitlines()) == 1 + 20 + 2
    assert "does not name its model" in run("search", "--vectors", vectors, "photos/ada.jpg")[2]
    assert "has no entry 'nobody'" in run("search", "--vectors", vectors, "nobody")[2]
    assert "needs a threshold" in run("search", "--vectors", vectors, "Ada_0001", "--same-person")[2]
    close = run("search", "--vectors", vectors, "Ada_0001", "--model", "fake", "--same-person", "--csv")[1]
    assert len(close.splitlines()) == 4


@pytest.mark.parametrize("options", [[], ["--method", "agglomerative"]])
def test_a_file_is_clustered(run, vectors, options):
    code, out, err = run("cluster", "--vectors", vectors, "--threshold", "0.5", "--json", *options)
    assert code == 0, err
    groups = json.loads(out)["groups"]
    assert sorted(sorted({name[:3] for name in group}) for group in groups) == [
        ["Ada"],
        ["Bob"],
        ["Eve"],
        ["Kim"],
        ["Zoe"],
    ]
    assert "group 1, 4 faces:" in run("cluster", "--vectors", vectors, "--model", "fake")[1]
    assert "needs a threshold" in run("cluster", "--vectors", vectors)[2]


def test_a_classifier_learns_from_a_file(run, vectors):
    settings = ["--vectors", vectors, "--labels-from", "name", "--model", "fake"]
    code, out, err = run("classify", "train", "-o", "people.skops", *settings)
    assert code == 0, err
    assert out.startswith("20 faces of 5 people, saved in 'people.skops'")
    assert "wrong" in run("classify", "report", *settings)[1]
    assert "require each other" in run("classify", "train", "-o", "x.skops", "--vectors", vectors)[2]
    code, _, err = run("classify", "train", "-o", "x.skops", "--vectors", vectors, "--labels-from", "folder")
    assert (code, "does not name its model" in err) == (2, True)
