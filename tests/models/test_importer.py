"""Models of davidsandberg's kind: a small one that TensorFlow itself makes, and folders that hold none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nitakao.errors import FormatError, MissingExtraError, ModelError, NitakaoError, WeightsError
from nitakao.models import importer
from nitakao.models.cards import registry
from nitakao.models.cards.card_toml import to_dict
from nitakao.models.formats import tensorflow as reader
from nitakao.models.networks import custom
from nitakao.models.onnx.session import Session
from nitakao.values import ModelCard

import tensorflow_model  # type: ignore[import-not-found, unused-ignore]  # isort: skip

# TensorFlow deprecates the way in which 2017's graphs were written; here it is wanted.
pytestmark = pytest.mark.filterwarnings(r"ignore:(?s).*convert_variables_to_constants.*:DeprecationWarning")


@dataclass
class Made:
    """One model on disk, and what TensorFlow's own session gives for three pictures."""

    tf: Any
    folder: Path
    pictures: np.ndarray[Any, Any]
    expected: np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    try:
        tf = reader.import_tensorflow()
    except MissingExtraError:
        pytest.skip("TensorFlow is not installed, or has no wheel here")
    folder = tmp_path_factory.mktemp("tensorflow")
    return Made(tf, folder, *tensorflow_model.make(tf, folder, name="small"))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NITAKAO_CACHE", raising=False)
    monkeypatch.delenv("NITAKAO_MODELS", raising=False)


def embedded(card: ModelCard, pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Unit vectors, through the card's file as any user's ONNX network is read."""
    file = card.files[0]
    session = Session(custom.build(Path(file.folder) / file.name, card))
    rows = session.run({"input": np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))})[0]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.mark.parametrize("source", ["checkpoint", "small.pb"])
def test_an_imported_model_gives_tensorflows_own_vectors(made: Made, source: str) -> None:
    card = importer.import_model(made.folder / source, size=tensorflow_model.SIDE)
    np.testing.assert_allclose(embedded(card, made.pictures), made.expected, rtol=0, atol=1e-5)


def test_a_gain_in_the_batch_normalisation_is_kept(made: Made, tmp_path: Path) -> None:
    pictures, expected = tensorflow_model.make(made.tf, tmp_path / "gain", name="gain", gain=True)
    card = importer.import_model(tmp_path / "gain" / "gain.pb", size=tensorflow_model.SIDE)
    np.testing.assert_allclose(embedded(card, pictures), expected, rtol=0, atol=1e-5)


def test_an_unknown_model_gets_the_articles_crop_and_a_card_of_its_own(made: Made) -> None:
    card = importer.import_model(made.folder / "small.pb")
    assert (card.name, card.dimension, card.commercial) == ("small", 6, "unclear")
    assert (card.crop.kind, card.crop.size, card.crop.margin) == ("article", 160, 44)
    assert card.normalisation.kind == "per-picture"
    assert to_dict(registry.card("small")) == to_dict(card)  # by fields: an unknown threshold, NaN, equals nothing


def test_what_is_given_comes_before_what_is_guessed(made: Made) -> None:
    card = importer.import_model(made.folder / "small.pb", name="mine", size=128, margin=32.0, normalisation="fixed")
    assert (card.name, card.crop.size, card.crop.margin, card.normalisation.kind) == ("mine", 128, 32, "fixed")
    assert to_dict(registry.card("mine")) == to_dict(card)


def test_the_articles_models_are_known_by_name_but_not_trusted_by_it(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "20170512-110547.pb"
    shutil.copy(made.folder / "small.pb", path)
    with pytest.raises(ModelError, match="has the name of facenet-20170512-msceleb, but embedding size 6, not 128"):
        importer.import_model(path)


def test_a_model_as_an_argument_is_imported_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    first = importer.import_cached(made.folder / "checkpoint")
    monkeypatch.setattr(reader, "read", None)
    assert to_dict(importer.import_cached(made.folder / "checkpoint")) == to_dict(first)


def test_a_checkpoint_of_a_later_step_is_taken(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.folder / "checkpoint", tmp_path / "two")
    (tmp_path / "two" / "model-small.ckpt-100.index").write_bytes(b"damaged")
    (tmp_path / "two" / "model-small.ckpt-100.data-00000-of-00001").write_bytes(b"damaged")
    with pytest.raises(FormatError, match=r"cannot read the checkpoint 'model-small\.ckpt-100'"):
        importer.import_model(tmp_path / "two")


def test_a_damaged_frozen_graph_is_refused_with_a_sentence(made: Made, tmp_path: Path) -> None:
    whole = (made.folder / "small.pb").read_bytes()
    path = tmp_path / "cut.pb"
    random = np.random.default_rng(2)
    for _ in range(30):
        content = bytearray(whole[: random.integers(1, len(whole))])
        content[random.integers(len(content))] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(NitakaoError, match=r"\w+ \w+"):
            importer.import_model(path)


def test_a_checkpoint_cut_short_is_refused_with_a_sentence(made: Made, tmp_path: Path) -> None:
    for number, ending in enumerate((".index", ".data-00000-of-00001")):
        folder = tmp_path / str(number)
        shutil.copytree(made.folder / "checkpoint", folder)
        part = next(file for file in folder.iterdir() if file.name.endswith(ending))
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        with pytest.raises(FormatError, match="TensorFlow cannot read the checkpoint"):
            importer.import_model(folder)


def test_a_constant_that_claims_to_be_huge_is_not_laid_out(made: Made, tmp_path: Path) -> None:
    graph = made.tf.compat.v1.GraphDef()
    node = graph.node.add(op="Const", name="InceptionResnetV1/Bottleneck/weights")
    tensor = node.attr["value"].tensor
    tensor.dtype = made.tf.float32.as_datatype_enum
    tensor.float_val.append(1.0)
    for _ in range(2):
        tensor.tensor_shape.dim.add(size=1_000_000)
    (tmp_path / "huge.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(FormatError, match="declares more than"):
        importer.import_model(tmp_path / "huge.pb")


def test_another_network_is_refused_by_name(made: Made, tmp_path: Path) -> None:
    with made.tf.Graph().as_default() as graph:
        made.tf.constant(np.ones((3, 3), np.float32), name="squeezenet/conv1/weights")
        (tmp_path / "other.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(ModelError, match="is not an Inception-ResNet-v1"):
        importer.import_model(tmp_path / "other.pb")


def test_a_missing_layer_is_named(made: Made, tmp_path: Path) -> None:
    variables = reader.read(made.folder / "small.pb")
    del variables["InceptionResnetV1/Block8/Conv2d_1x1/weights"]
    with pytest.raises(WeightsError, match="Block8/Conv2d_1x1/weights"):
        importer.to_torch_names(variables, "small.pb")


# --- without TensorFlow ---------------------------------------------------------------------------------------------


def test_a_model_argument_is_a_pb_file_or_a_folder_with_a_meta_file(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model-x.meta").touch()
    (tmp_path / "x.pb").touch()
    argued = [importer.is_importable(str(tmp_path / name)) for name in ("photos", "model", "x.pb", "gone.pb")]
    assert argued == [False, True, True, False]
    assert not importer.is_importable("-")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.meta", "b.meta", "a.ckpt-1.index"], r"has 2 \.meta files \(a\.meta, b\.meta\)"),
        (["a.ckpt-1.index"], r"has 0 \.meta files"),
        (["a.meta"], r"no \.ckpt files"),
        (["a.meta", "a.ckpt-1.index"], "has 0 bytes"),
    ],
)
def test_a_folder_that_holds_no_one_model_is_told_why(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(FormatError, match=words):
        importer.import_model(tmp_path)


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"gone\.pb' does not exist"):
        importer.import_model(tmp_path / "gone.pb")


def test_without_tensorflow_the_pip_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    (tmp_path / "x.pb").write_bytes(b"x")
    with pytest.raises(MissingExtraError, match=r'pip install "nitakao\[tensorflow\]"'):
        importer.import_model(tmp_path / "x.pb")


def test_training_goes_on_after_an_import(made: Made) -> None:
    """PyTorch's builds for GPUs load another LLVM beside TensorFlow's, which ends the process where it comes second."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    script = """
from nitakao.models.formats.tensorflow import import_tensorflow
import_tensorflow()
import torch._dynamo
print("well")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr[-2000:]
