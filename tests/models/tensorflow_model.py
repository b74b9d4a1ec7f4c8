"""Makes a small Inception-ResNet-v1 with TensorFlow: the names and layers of davidsandberg's, few and thin.

Not a test: test_importer.py calls it where TensorFlow is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIDE = 96
DIMENSION = 6


class Network:
    """Layers as slim made them: NHWC, no bias but a batch normalisation without gain, whose epsilon is 0.001."""

    def __init__(self, tf: Any, phase: Any, *, gain: bool = False) -> None:
        self.tf, self.v1, self.phase, self.gain = tf, tf.compat.v1, phase, gain
        self.random = np.random.default_rng(7)

    def variable(self, name: str, value: np.ndarray[Any, Any]) -> Any:
        value = value.astype(np.float32)
        return self.v1.get_variable(name, value.shape, initializer=self.v1.constant_initializer(value))

    def normal(self, *shape: int) -> np.ndarray[Any, Any]:
        return self.random.standard_normal(shape)

    def normalised(self, x: Any) -> Any:
        """The plain network: what a graph with phase_train fed with False computes."""
        width = int(x.shape[-1])
        with self.v1.variable_scope("BatchNorm"):
            beta = self.variable("beta", 0.2 * self.normal(width))
            gamma = self.variable("gamma", 1 + 0.2 * self.normal(width)) if self.gain else None
            mean = self.variable("moving_mean", 0.2 * self.normal(width))
            spread = self.variable("moving_variance", 0.5 + self.normal(width) ** 2)
            spread = self.tf.where(self.phase, spread * 0 + 9e9, spread)  # as far off as can be if left in training
            spread.set_shape([width])  # phase_train has no shape, as in the originals
            return self.tf.nn.batch_normalization(x, mean, spread, beta, gamma, 0.001)

    def conv(
        self, x: Any, width: int, kernel: tuple[int, int], scope: str, *, stride: int = 1, padding: str = "SAME"
    ) -> Any:
        with self.v1.variable_scope(scope):
            depth = int(x.shape[-1])
            scale = np.sqrt(2 / (kernel[0] * kernel[1] * depth))
            weights = self.variable("weights", scale * self.normal(*kernel, depth, width))
            out = self.tf.nn.conv2d(x, weights, stride, padding)
            return self.tf.nn.relu(self.normalised(out))

    def block(
        self, x: Any, scope: str, scale: float, branches: list[list[tuple[str, tuple[int, int]]]], relu: bool = True
    ) -> Any:
        with self.v1.variable_scope(scope):
            ends = []
            for number, layers in enumerate(branches):
                with self.v1.variable_scope(f"Branch_{number}"):
                    y = x
                    for name, kernel in layers:
                        y = self.conv(y, 3 + number, kernel, name)
                    ends.append(y)
            with self.v1.variable_scope("Conv2d_1x1"):
                beside = self.tf.concat(ends, 3)
                depth, width = int(beside.shape[-1]), int(x.shape[-1])
                weights = self.variable("weights", self.normal(1, 1, depth, width) / np.sqrt(depth))
                biases = self.variable("biases", 0.1 * self.normal(width))
                up = self.tf.nn.bias_add(self.tf.nn.conv2d(beside, weights, 1, "SAME"), biases)
            out = x + scale * up
            return self.tf.nn.relu(out) if relu else out

    def reduce(self, x: Any, scope: str, branches: list[list[tuple[str, tuple[int, int]]]]) -> Any:
        with self.v1.variable_scope(scope):
            ends = []
            for number, layers in enumerate(branches):
                with self.v1.variable_scope(f"Branch_{number}"):
                    y = x
                    for name, kernel in layers[:-1]:
                        y = self.conv(y, 4, kernel, name)
                    name, kernel = layers[-1]
                    ends.append(self.conv(y, 5 + number, kernel, name, stride=2, padding="VALID"))
            ends.append(self.tf.nn.max_pool2d(x, 3, 2, "VALID"))
            return self.tf.concat(ends, 3)

    def build(self, x: Any) -> Any:
        a, b, c = "Conv2d_0a_1x1", "Conv2d_0b_3x3", "Conv2d_0c_3x3"
        with self.v1.variable_scope("InceptionResnetV1"):
            x = self.conv(x, 6, (3, 3), "Conv2d_1a_3x3", stride=2, padding="VALID")
            x = self.conv(x, 5, (3, 3), "Conv2d_2a_3x3", padding="VALID")
            x = self.conv(x, 7, (3, 3), "Conv2d_2b_3x3")
            x = self.tf.nn.max_pool2d(x, 3, 2, "VALID")
            x = self.conv(x, 6, (1, 1), "Conv2d_3b_1x1", padding="VALID")
            x = self.conv(x, 8, (3, 3), "Conv2d_4a_3x3", padding="VALID")
            x = self.conv(x, 9, (3, 3), "Conv2d_4b_3x3", stride=2, padding="VALID")
            one, three = (1, 1), (3, 3)
            with self.v1.variable_scope("Repeat"):
                for number in (1, 2):
                    branches = [[("Conv2d_1x1", one)], [(a, one), (b, three)], [(a, one), (b, three), (c, three)]]
                    x = self.block(x, f"block35_{number}", 0.17, branches)
            last = ("Conv2d_1a_3x3", three)
            x = self.reduce(x, "Mixed_6a", [[last], [(a, one), (b, three), last]])
            with self.v1.variable_scope("Repeat_1"):
                for number in (1, 2, 3):
                    long = [(a, one), ("Conv2d_0b_1x7", (1, 7)), ("Conv2d_0c_7x1", (7, 1))]
                    x = self.block(x, f"block17_{number}", 0.10, [[("Conv2d_1x1", one)], long])
            x = self.reduce(x, "Mixed_7a", [[(a, one), last], [(a, one), last], [(a, one), (b, three), last]])
            long = [(a, one), ("Conv2d_0b_1x3", (1, 3)), ("Conv2d_0c_3x1", (3, 1))]
            with self.v1.variable_scope("Repeat_2"):
                x = self.block(x, "block8_1", 0.20, [[("Conv2d_1x1", one)], long])
            x = self.block(x, "Block8", 1.0, [[("Conv2d_1x1", one)], long], relu=False)
            x = self.tf.reduce_mean(x, [1, 2])
            with self.v1.variable_scope("Bottleneck"):
                depth = int(x.shape[-1])
                weights = self.variable("weights", self.normal(depth, DIMENSION) / np.sqrt(depth))
                x = self.normalised(self.tf.matmul(x, weights))
        return self.tf.nn.l2_normalize(x, 1, 1e-10, name="embeddings")


def make(tf: Any, folder: Path, *, name: str, gain: bool = False) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pictures, and what TensorFlow gives for them; writes folder/checkpoint/ (.meta, .ckpt) and folder/NAME.pb."""
    v1 = tf.compat.v1
    pictures = np.random.default_rng(3).standard_normal((3, SIDE, SIDE, 3)).astype(np.float32)
    with tf.Graph().as_default(), v1.Session() as session:
        phase = v1.placeholder(tf.bool, name="phase_train")
        given = v1.placeholder(tf.float32, (None, SIDE, SIDE, 3), name="input")
        Network(tf, phase, gain=gain).build(given)
        v1.get_variable("Variable", (), initializer=v1.constant_initializer(12.0))
        plain = v1.global_variables()
        for variable in plain[:3]:  # as training leaves them in: never to be taken for the variables themselves
            wrong = np.zeros(variable.shape.as_list(), np.float32)
            v1.get_variable(f"{variable.op.name}/ExponentialMovingAverage", initializer=wrong)
        session.run(v1.global_variables_initializer())
        expected = session.run("embeddings:0", {"input:0": pictures, "phase_train:0": False})
        checkpoint = folder / "checkpoint"
        checkpoint.mkdir(parents=True)
        saver = v1.train.Saver(v1.global_variables())
        prefix = str(checkpoint / f"model-{name}.ckpt")
        saver.save(session, prefix, global_step=90, write_meta_graph=False)
        (checkpoint / "checkpoint").unlink()
        saver.export_meta_graph(str(checkpoint / f"model-{name}.meta"))
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["embeddings"])
        (folder / f"{name}.pb").write_bytes(frozen.SerializeToString())
    return pictures, np.asarray(expected)
