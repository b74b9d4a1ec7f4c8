"""docs/formats.md names the fields that the code writes."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from tests import fakes
from tests.gallery.made import person, photograph

from nitakao.cli.commands import classify, identify, search
from nitakao.cli.output import HIT_FIELDS
from nitakao.gallery import GalleryStore
from nitakao.gallery.forget.forget import Receipt
from nitakao.gallery.maintenance.compact import Compacted
from nitakao.tasks.gallery.calibrate import CalibrationResult
from nitakao.tasks.gallery.cluster import ClusterResult
from nitakao.tasks.gallery.reindex import ReindexResult
from nitakao.tasks.vectors.cluster import VectorGroups
from nitakao.values import Check
from nitakao.vectors import VectorsWriter

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


RESULTS = {
    "cluster --vectors --json": VectorGroups,
    "cluster --json": ClusterResult,
    "doctor --json": Check,
    "forget --json": Receipt,
    "gallery calibrate --json": CalibrationResult,
    "gallery compact --json": Compacted,
    "gallery reindex --json": ReindexResult,
}


def documented(title):
    """The fields of a section's table, in order."""
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert section is not None, title
    cells = re.findall(r"^\| (`.*?) \|", section[1], re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


@pytest.fixture
def written(tmp_path):
    def write(suffix):
        path = tmp_path / f"a{suffix}"
        with VectorsWriter(path, model="fake", dimension=16, persons=True) as writer:
            writer.add(fakes.outcome("a.jpg"), persons=["Ada"])
        return path

    return write


def test_the_files_of_vectors_have_the_documented_fields(written):
    assert set(documented(".npz")) == set(np.load(written(".npz")))
    assert documented(".parquet") == pyarrow.parquet.read_schema(written(".parquet")).names
    assert documented(".jsonl") == list(json.loads(written(".jsonl").read_text("utf-8")))
    with written(".csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header == [*documented(".parquet")[:-1], *(f"v{i}" for i in range(16))]


def test_records_with_listed_fields_are_documented():
    assert documented("search --json") == list(HIT_FIELDS)
    assert documented("search --vectors --json") == list(search.VECTOR_FIELDS)
    assert documented("identify --json") == list(identify.FIELDS)
    assert documented("classify predict --json") == list(classify.FIELDS)


@pytest.mark.parametrize("title", RESULTS)
def test_results_that_are_printed_whole_are_documented(title):
    assert documented(title) == [field.name for field in fields(RESULTS[title])]


@pytest.mark.parametrize(
    ("title", "arguments"),
    [
        ("embed --json", ["embed", "photos", "-o", "a.npz", "--json"]),
        ("detect --json", ["detect", "photos", "--json"]),
        ("verify --json", ["verify", "photos/ada.jpg", "photos/bob.jpg", "--json"]),
        ("models list --json", ["models", "list", "--json"]),
    ],
)
def test_what_commands_print_about_photos_is_documented(run, photos, title, arguments):
    code, out, _ = run(*arguments)
    assert code == 0
    assert list(json.loads(out.splitlines()[0])) == documented(title)


@pytest.mark.parametrize(
    ("title", "arguments"),
    [
        ("people list --json", ["people", "list", "--json"]),
        ("people name --json", ["people", "name", "#1", "Grace", "--json"]),
        ("people journal --json", ["people", "journal", "--json"]),
        ("serve keys list --json", ["serve", "keys", "list", "--json"]),
        ("gallery backup --json", ["gallery", "backup", "copy.db", "--json"]),
    ],
)
def test_what_commands_print_about_a_gallery_is_documented(run, fake, monkeypatch, title, arguments):
    monkeypatch.setenv("NITAKAO_GALLERY", "family.db")
    with GalleryStore("family.db", card=fakes.CARD) as gallery:
        person(gallery, "Ada", photograph(gallery, "a.jpg", "ada")[0])
    run("people", "name", "#1", "Ada Lovelace")
    run("serve", "keys", "create", "album")
    code, out, err = run(*arguments)
    assert code == 0, err
    assert list(json.loads(out.splitlines()[0])) == documented(title)
