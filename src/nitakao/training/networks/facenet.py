"""Inception-ResNet-v1 of davidsandberg/facenet, with the weight names of facenet-pytorch.

Layers: src/models/inception_resnet_v1.py of davidsandberg/facenet, after Szegedy et al. 2016, arXiv:1602.07261,
figures 10 to 14. `nitakao.models.networks.facenet` builds the same network as an ONNX graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nitakao.models.networks.facenet import EPSILON, SCALES

Kernel: TypeAlias = "int | tuple[int, int]"
Branches: TypeAlias = "Sequence[Sequence[tuple[int, Kernel]]]"
REPEATS = (5, 10, 5)  # of the residual blocks at 17, 8 and 3 places a side; inception_resnet_v1.py


class Unit(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, channels: int, width: int, kernel: Kernel, *, stride: int = 1, same: bool = False) -> None:
        super().__init__()
        high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        pad = (high // 2, wide // 2) if same else 0
        self.conv = nn.Conv2d(channels, width, (high, wide), stride, pad, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


def _chain(channels: int, layers: Sequence[tuple[int, Kernel]], *, stride: int = 1) -> nn.Module:
    """Units in sequence, padded to keep the size; the last is not padded if it has a stride."""
    widths = [channels, *(width for width, _ in layers)]
    units = [
        Unit(before, width, kernel, stride=stride if last else 1, same=not (last and stride > 1))
        for (before, width), (_, kernel), last in zip(
            pairwise(widths), layers, [False] * (len(layers) - 1) + [True], strict=True
        )
    ]
    return units[0] if len(units) == 1 else nn.Sequential(*units)


class Residual(nn.Module):
    """x plus `scale` times the output of parallel branches."""

    def __init__(self, channels: int, branches: Branches, scale: float, *, relu: bool = True) -> None:
        super().__init__()
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", _chain(channels, branch))
        self.conv2d = nn.Conv2d(sum(branch[-1][0] for branch in branches), channels, 1)
        self._count, self._scale, self._relu = len(branches), scale, relu

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([getattr(self, f"branch{n}")(x) for n in range(self._count)], 1)
        out = self.conv2d(branches) * self._scale + x
        return torch.relu(out) if self._relu else out


class Reduction(nn.Module):
    """Half the size: parallel branches that end in a stride of 2, and a pool."""

    def __init__(self, channels: int, branches: Branches) -> None:
        super().__init__()
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", _chain(channels, branch, stride=2))
        self._count = len(branches)
        self.width = channels + sum(branch[-1][0] for branch in branches)

    def forward(self, x: Tensor) -> Tensor:
        parts = [getattr(self, f"branch{n}")(x) for n in range(self._count)]
        return torch.cat([*parts, nn.functional.max_pool2d(x, 3, 2)], 1)


class InceptionResnetV1(nn.Module):
    """(N, 3, S, S) normalised RGB, S at least 75, to (N, dimension), not of unit length.

    Args:
        dimension: Embedding size.
        dropout: Dropout before the last layer.
        width: Factor on all channels.
        repeats: Numbers of the three kinds of residual blocks.
    """

    def __init__(
        self, dimension: int = 512, *, dropout: float = 0.0, width: float = 1.0, repeats: Sequence[int] = REPEATS
    ) -> None:
        super().__init__()

        def w(channels: int) -> int:
            return max(4, round(channels * width))

        self.conv2d_1a = Unit(3, w(32), 3, stride=2)
        self.conv2d_2a = Unit(w(32), w(32), 3)
        self.conv2d_2b = Unit(w(32), w(64), 3, same=True)
        self.conv2d_3b = Unit(w(64), w(80), 1)
        self.conv2d_4a = Unit(w(80), w(192), 3)
        self.conv2d_4b = Unit(w(192), w(256), 3, stride=2)
        wide: Branches = [[(w(32), 1)], [(w(32), 1), (w(32), 3)], [(w(32), 1), (w(32), 3), (w(32), 3)]]
        self.repeat_1 = _blocks(repeats[0], w(256), wide, SCALES["repeat_1"])
        self.mixed_6a = Reduction(w(256), [[(w(384), 3)], [(w(192), 1), (w(192), 3), (w(256), 3)]])
        middle: Branches = [[(w(128), 1)], [(w(128), 1), (w(128), (1, 7)), (w(128), (7, 1))]]
        self.repeat_2 = _blocks(repeats[1], self.mixed_6a.width, middle, SCALES["repeat_2"])
        ends: Branches = [
            [(w(256), 1), (w(384), 3)],
            [(w(256), 1), (w(256), 3)],
            [(w(256), 1), (w(256), 3), (w(256), 3)],
        ]
        self.mixed_7a = Reduction(self.mixed_6a.width, ends)
        narrow: Branches = [[(w(192), 1)], [(w(192), 1), (w(192), (1, 3)), (w(192), (3, 1))]]
        self.repeat_3 = _blocks(repeats[2], self.mixed_7a.width, narrow, SCALES["repeat_3"])
        self.block8 = Residual(self.mixed_7a.width, narrow, SCALES["block8"], relu=False)
        self.dropout = nn.Dropout(dropout)
        self.last_linear = nn.Linear(self.mixed_7a.width, dimension, bias=False)
        self.last_bn = nn.BatchNorm1d(dimension, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_3b(nn.functional.max_pool2d(x, 3, 2))
        x = self.conv2d_4b(self.conv2d_4a(x))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x))
        return self.last_bn(self.last_linear(self.dropout(x.mean((2, 3)))))


def _blocks(count: int, channels: int, branches: Branches, scale: float) -> nn.Sequential:
    return nn.Sequential(*(Residual(channels, branches, scale) for _ in range(count)))
