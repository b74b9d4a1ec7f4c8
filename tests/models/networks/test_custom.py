"""Bring your own ONNX: small networks made here, and a real one where the shared folder is."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nitakao.errors import FormatError, ModelError
from nitakao.models.networks import custom
from nitakao.models.onnx.session import Session
from nitakao.values import CropRule, ModelCard, Normalisation

SIDE = 8
RANDOM = np.random.default_rng(1)
WEIGHT = RANDOM.standard_normal((4, 3, 3, 3)).astype(np.float32)
DENSE = RANDOM.standard_normal((4 * 36, 5)).astype(np.float32)
PICTURES = RANDOM.standard_normal((3, 3, SIDE, SIDE)).astype(np.float32)


def a_card(dimension: int = 5, **more: Any) -> ModelCard:
    return ModelCard(
        name="mine",
        title="mine",
        network="onnx",
        crop=CropRule("margin", more.pop("size", SIDE)),
        normalisation=Normalisation("fixed"),
        dimension=dimension,
        files=(),
        **more,
    )


def a_model(
    batch: int | str = "N",
    *,
    last: bool = False,
    reshape: tuple[int, ...] = (-1, 144),
    element: int = TensorProto.FLOAT,
    opset: int = 17,
) -> onnx.ModelProto:
    """A 3x3 convolution to 4 channels, Relu, and a dense layer to 5 numbers; its input is 'input' as is our own."""
    kind = helper.tensor_dtype_to_np_dtype(element)
    nodes = [
        helper.make_node("Conv", ["first" if last else "input", "weight"], ["conv"], name="the_conv"),
        helper.make_node("Relu", ["conv"], ["middle"]),
        helper.make_node("Reshape", ["middle", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["embedding"]),
        helper.make_node("Softmax", ["embedding"], ["chances"], axis=1),
    ]
    if last:
        nodes.insert(0, helper.make_node("Transpose", ["input"], ["first"], perm=[0, 3, 1, 2]))
    shape = [batch, SIDE, SIDE, 3] if last else [batch, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", element, shape)],
        [helper.make_tensor_value_info("chances", element, [batch, 5])],
        [
            numpy_helper.from_array(WEIGHT.astype(kind), "weight"),
            numpy_helper.from_array(DENSE.astype(kind), "dense"),
            numpy_helper.from_array(np.array(reshape, np.int64), "shape"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def saved(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "mine.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def middle() -> np.ndarray[Any, Any]:
    """The convolution's answer, in plain numpy: (3, 4, 6, 6)."""
    windows = np.lib.stride_tricks.sliding_window_view(PICTURES, (3, 3), axis=(2, 3))
    return np.maximum(np.einsum("ncyxij,ocij->noyx", windows, WEIGHT), 0)


def run(path: Path, card: ModelCard) -> np.ndarray[Any, Any]:
    session = Session(custom.build(path, card))
    assert list(session.inputs) == ["input"]
    assert session.outputs["embedding"][1][1] == card.dimension
    return np.asarray(session.run({"input": PICTURES})[0])


def logits() -> np.ndarray[Any, Any]:
    return middle().reshape(3, -1) @ DENSE


def test_a_layer_before_the_classifiers_head_is_the_embedding(tmp_path: Path) -> None:
    path = saved(tmp_path, a_model())
    np.testing.assert_allclose(run(path, a_card(output_tensor="embedding")), logits(), rtol=1e-4, atol=1e-4)


def test_without_a_named_tensor_the_first_output_is_taken(tmp_path: Path) -> None:
    chances = run(saved(tmp_path, a_model()), a_card())
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)


def test_the_head_is_left_out_of_what_is_built(tmp_path: Path) -> None:
    built = onnx.ModelProto.FromString(custom.build(saved(tmp_path, a_model()), a_card(4, output_tensor="middle")))
    assert "Softmax" not in [node.op_type for node in built.graph.node]
    assert "network/dense" not in [constant.name for constant in built.graph.initializer]


def test_places_are_averaged_or_flattened_as_the_dimension_says(tmp_path: Path) -> None:
    path = saved(tmp_path, a_model())
    averaged = run(path, a_card(4, output_tensor="middle"))
    np.testing.assert_allclose(averaged, middle().mean(axis=(2, 3)), rtol=1e-4, atol=1e-5)
    flat = run(path, a_card(144, output_tensor="middle"))
    np.testing.assert_allclose(flat, middle().reshape(3, -1), rtol=1e-4, atol=1e-5)


def test_channels_that_come_last_are_averaged_too(tmp_path: Path) -> None:
    model = a_model()
    del model.graph.node[2:]
    model.graph.node.append(helper.make_node("Transpose", ["middle"], ["chances"], perm=[0, 2, 3, 1]))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("chances", TensorProto.FLOAT, ["N", 6, 6, 4]))
    np.testing.assert_allclose(run(saved(tmp_path, model), a_card(4)), middle().mean(axis=(2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.FLOAT16])
@pytest.mark.parametrize("last", [False, True])
def test_other_layouts_and_numbers_are_fed_as_they_want(tmp_path: Path, last: bool, element: int) -> None:
    path = saved(tmp_path, a_model(last=last, element=element))
    tolerance = 0.15 if element == TensorProto.FLOAT16 else 1e-4
    np.testing.assert_allclose(run(path, a_card(output_tensor="embedding")), logits(), rtol=1e-4, atol=tolerance)


@pytest.mark.parametrize("reshape", [(-1, 144), (1, -1), (1, 144), (0, 144)])
def test_a_fixed_batch_of_one_is_opened(tmp_path: Path, reshape: tuple[int, ...]) -> None:
    path = saved(tmp_path, a_model(1, reshape=reshape))
    np.testing.assert_allclose(run(path, a_card(output_tensor="embedding")), logits(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("opset", [11, 17])
def test_a_batch_that_cannot_be_opened_runs_one_picture_at_a_time(tmp_path: Path, opset: int) -> None:
    model = a_model(1, opset=opset)
    # a Tile by a constant count, cut to its first row again: right for one picture, wrong for more
    node = model.graph.node[3]
    node.output[0] = "one"
    model.graph.node.insert(4, helper.make_node("Gather", ["one", "zero"], ["embedding"], axis=0))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), "zero"))
    built = custom.build(saved(tmp_path, model), a_card(output_tensor="embedding"))
    assert onnx.ModelProto.FromString(built).graph.node[0].op_type == "Scan"
    rows = Session(built).run({"input": PICTURES})[0]
    np.testing.assert_allclose(rows, logits(), rtol=1e-4, atol=1e-4)


def test_a_network_inside_an_inner_graph_is_renamed_with_it(tmp_path: Path) -> None:
    model = a_model()
    inner = helper.make_graph(
        [helper.make_node("MatMul", ["flat", "dense"], ["inner"])],
        "then",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["yes"], ["embedding"], then_branch=inner, else_branch=inner)
    model.graph.node[3].CopyFrom(node)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    path = saved(tmp_path, model)
    np.testing.assert_allclose(run(path, a_card(output_tensor="embedding")), logits(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (a_card(128), "card says 128, network returns 5"),
        (a_card(7, output_tensor="middle"), r"card says 7, network returns 4x6x6: .* 4 \(averaged .* 144"),
        (a_card(size=16), "card says crops of 16x16, network takes 8x8"),
        (a_card(output_tensor="embeding"), "no tensor 'embeding'.*closest are embedding"),
        (a_card(output_tensor="the_conv"), "is a node, not a tensor: write its output 'conv'"),
        (a_card(input_tensor="data"), "no input 'data' but input"),
    ],
)
def test_a_card_that_does_not_fit_is_told_where(tmp_path: Path, card: ModelCard, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        custom.build(saved(tmp_path, a_model()), card)


def changed(kind: str) -> onnx.ModelProto:
    model = a_model()
    shape = model.graph.input[0].type.tensor_type
    if kind == "uint8":
        shape.elem_type = TensorProto.UINT8
    elif kind == "three axes":
        del shape.shape.dim[0]
    elif kind == "grey":
        shape.shape.dim[1].dim_value = 1
    elif kind == "batch of 4":
        shape.shape.dim[0].dim_value = 4
    elif kind == "second input":
        model.graph.input.append(helper.make_tensor_value_info("phase", TensorProto.BOOL, []))
    elif kind == "broken":
        model.graph.node[0].op_type = "Konv"
    elif kind == "not finite":
        model.graph.initializer[1].raw_data = np.full_like(DENSE, np.nan).tobytes()
    return model


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("uint8", "'input' is uint8; only float"),
        ("three axes", "has 3 axes; pictures have 4"),
        ("grey", "takes .x1x8x8, neither"),
        ("batch of 4", "takes 4 pictures at a time"),
        ("second input", r"has 2 inputs \(input, phase\)"),
        ("broken", "cannot be loaded.*Konv"),
        ("not finite", "not finite"),
    ],
)
def test_a_network_that_cannot_be_an_embedder_is_refused(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        custom.build(saved(tmp_path, changed(kind)), a_card(output_tensor="embedding"))


def test_a_real_network_with_a_fixed_batch_gives_its_own_numbers(shared: Path) -> None:
    path = shared / "models" / "mobilefacenet_128d_112px.onnx"
    pictures = RANDOM.standard_normal((3, 3, 112, 112)).astype(np.float32)
    built = Session(custom.build(path, a_card(128, size=112)))
    alone = Session(str(path))
    expected = np.concatenate([alone.run({"input": pictures[i : i + 1]})[0] for i in range(3)])
    np.testing.assert_allclose(built.run({"input": pictures})[0], expected, rtol=0, atol=1e-5)
    inner = Session(custom.build(path, a_card(128, size=112, output_tensor="/Add_11_output_0")))
    assert inner.run({"input": pictures})[0].shape == (3, 128)


class TestHostileFiles:
    """What is refused before anything of it runs."""

    def read(self, path: Path) -> None:
        custom.build(path, a_card(output_tensor="embedding"))

    @pytest.mark.parametrize("content", [b"", b"hello, this is no network", b"\xff" * 99, b"\x00" * 5])
    def test_a_file_that_is_no_onnx(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "mine.onnx"
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"mine\.onnx"):
            self.read(path)

    def test_a_missing_file_and_a_folder(self, tmp_path: Path) -> None:
        for path in (tmp_path / "none.onnx", tmp_path):
            with pytest.raises(FormatError):
                self.read(path)

    def test_a_file_cut_short_or_with_flipped_bytes_never_crashes(self, tmp_path: Path) -> None:
        whole = a_model().SerializeToString()
        path = tmp_path / "mine.onnx"
        random = np.random.default_rng(5)
        for _ in range(40):
            data = bytearray(whole)
            for at in random.integers(0, 600, 4):
                data[at] = random.integers(256)
            path.write_bytes(data if random.random() < 0.5 else whole[: random.integers(len(whole))])
            with contextlib.suppress(FormatError, ModelError):
                self.read(path)

    def test_a_custom_operator(self, tmp_path: Path) -> None:
        model = a_model()
        model.graph.node[1].domain, model.graph.node[1].op_type = "evil", "Shell"
        with pytest.raises(FormatError, match=r"evil\.Shell"):
            self.read(saved(tmp_path, model))

    def outside(self, location: str, **more: str) -> onnx.ModelProto:
        model = a_model()
        dense = model.graph.initializer[1]
        dense.ClearField("raw_data")
        dense.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            dense.external_data.add(key=key, value=value)
        return model

    def test_weights_in_a_second_file_of_the_folder_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "mine.data").write_bytes(b"1234" + DENSE.tobytes())
        path = saved(tmp_path, self.outside("mine.data", offset="4", length=str(DENSE.nbytes)))
        rows = run(path, a_card(output_tensor="embedding"))
        np.testing.assert_allclose(rows, logits(), rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "..\\secret", "link", "", "."])
    def test_weights_outside_the_folder(self, tmp_path: Path, location: str) -> None:
        (tmp_path / "secret").write_bytes(DENSE.tobytes())
        folder = tmp_path / "models"
        folder.mkdir()
        try:
            (folder / "link").symlink_to(tmp_path / "secret")
        except OSError:
            pytest.skip("this system lets no links be made")
        with pytest.raises(FormatError, match="outside its own folder"):
            self.read(saved(folder, self.outside(location)))

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"offset": "-1"}, "past the end"),
            ({"offset": "999999"}, "past the end"),
            ({"length": "999999999999"}, "past the end"),
            ({"offset": "x"}, "invalid offset or length"),
        ],
    )
    def test_places_that_are_not_there(self, tmp_path: Path, more: dict[str, str], words: str) -> None:
        (tmp_path / "mine.data").write_bytes(DENSE.tobytes())
        with pytest.raises(FormatError, match=words):
            self.read(saved(tmp_path, self.outside("mine.data", **more)))

    def test_a_missing_data_file(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match=r"has weights in 'gone\.data'"):
            self.read(saved(tmp_path, self.outside("gone.data")))
