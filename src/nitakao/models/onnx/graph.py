"""Build ONNX graphs node by node, with the operators that face networks need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17  # ONNX Runtime 1.13 and newer run it
IR_VERSION = 8


class Graph:
    """A graph under construction. Methods add nodes and return the name of the output. All tensors are float32.

    Args:
        name: Name of the graph.
        inputs: Name to shape; a string in a shape is a dynamic axis.
    """

    def __init__(self, name: str, inputs: Mapping[str, Sequence[int | str]]) -> None:
        self.name = name
        self._inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s)) for n, s in inputs.items()]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._count = 0

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node."""
        self._count += 1
        output = f"{operator.lower()}_{self._count}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, array: NDArray[np.generic]) -> str:
        """Add a constant."""
        name = f"constant_{len(self._constants) + 1}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def conv(
        self,
        x: str,
        weight: NDArray[np.float32],  # (out, in, kernel height, kernel width)
        bias: NDArray[np.float32] | None = None,
        *,
        stride: int = 1,
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),  # top, left, bottom, right
    ) -> str:
        inputs = [x, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", inputs, kernel_shape=list(weight.shape[2:]), strides=[stride, stride], pads=list(pads))

    def max_pool(
        self, x: str, kernel: int, stride: int, *, pads: tuple[int, int, int, int] = (0, 0, 0, 0), ceil: bool = False
    ) -> str:
        return self.node(
            "MaxPool",
            [x],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=list(pads),
            ceil_mode=int(ceil),
        )

    def dense(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> str:
        """x (N, in) times weight (out, in) transposed, plus bias."""
        inputs = [x, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Gemm", inputs, transB=1)

    def unit_length(self, x: str) -> str:
        """Divide each row of x (N, D) by its Euclidean length."""
        length = self.node("ReduceL2", [x], axes=[1], keepdims=1)
        floor = self.constant(np.array(1e-10, np.float32))  # keeps a zero vector zero instead of NaN
        return self.node("Div", [x, self.node("Max", [length, floor])])

    def build(self, outputs: Mapping[str, tuple[str, Sequence[int | str]]]) -> bytes:
        """Serialise the model. outputs: public name to (inner name, shape)."""
        infos = []
        for public, (inner, shape) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [inner], [public], name=f"output_{public}"))
            infos.append(helper.make_tensor_value_info(public, TensorProto.FLOAT, list(shape)))
        graph = helper.make_graph(self._nodes, self.name, self._inputs, infos, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="nitakao")
        model.ir_version = IR_VERSION
        return bytes(model.SerializeToString())
