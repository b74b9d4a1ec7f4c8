"""docs/evaluate.md tells what the benchmark measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evaluate.md"
RESULTS = ROOT / "benchmarks" / "results" / "evaluation-figures.json"


@pytest.fixture(scope="module")
def measured():
    if not RESULTS.is_file():
        pytest.skip("the benchmarks are not here: they are not part of the source package")
    return json.loads(RESULTS.read_text("utf-8"))


def test_the_figures_of_pairs_are_those_that_were_measured(measured):
    said = measured["dlib-resnet"]["said"]
    text = PAGE.read_text("utf-8")
    assert f"accuracy   {100 * said['accuracy']:.2f}% +- {100 * said['standard_error']:.2f}%" in text
    for fold in said["folds"]:
        assert f"{fold['fold']:4}  {fold['pairs']:5}     {fold['threshold']:.4f}  {100 * fold['accuracy']:.2f}%" in text
    for rate in said["rates"]:
        assert f"{100 * rate['val']:.2f}%  {100 * rate['val_std']:.2f}%" in text
    assert f"threshold  {said['threshold']:.4f}" in text


def test_the_thresholds_of_the_cards_came_out_and_no_figure_was_off(measured):
    assert set(measured) == {"dlib-resnet", "facenet-vggface2"}
    for told in measured.values():
        assert told["card"]
        assert max(told["off"].values()) <= 1e-6
