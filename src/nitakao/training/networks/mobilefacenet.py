"""MobileFaceNet: a small network for faces, fast on CPUs.

Layers: Chen et al. 2018, arXiv:1804.07573, table 1. `nitakao.models.networks.mobilefacenet` builds it as an ONNX graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))  # table 1: t, c, n, s
LAST = 512  # table 1: channels before the global depthwise convolution
REDUCTION = 16  # pixels per position of the last feature map


class Unit(nn.Module):
    """Convolution, batch normalisation and, unless `linear`, PReLU. pad: None pads to keep the size."""

    def __init__(
        self,
        channels: int,
        width: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        padding = kernel // 2 if pad is None else pad
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.prelu = None if linear else nn.PReLU(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return x if self.prelu is None else self.prelu(x)


class Bottleneck(nn.Module):
    """Inverted bottleneck: expand, depthwise convolution, linear projection; residual where the shape is unchanged."""

    def __init__(self, channels: int, width: int, *, factor: int, stride: int) -> None:
        super().__init__()
        inner = channels * factor
        self.expand = Unit(channels, inner, 1)
        self.depthwise = Unit(inner, inner, 3, stride=stride, groups=inner)
        self.project = Unit(inner, width, 1, linear=True)
        self.register_buffer("stride", torch.tensor(stride))  # saved with the weights: no shape shows it
        self._residual = stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self._residual else y


class MobileFaceNet(nn.Module):
    """(N, 3, size, size) normalised RGB to (N, dimension), not of unit length. width: factor on all channels."""

    def __init__(
        self,
        dimension: int = 128,
        *,
        size: int = 112,
        width: float = 1.0,
        stages: Sequence[tuple[int, int, int, int]] = STAGES,
    ) -> None:
        super().__init__()

        def w(channels: int) -> int:
            return max(4, round(channels * width))

        self.stem = Unit(3, w(64), 3, stride=2)
        self.depthwise = Unit(w(64), w(64), 3, groups=w(64))
        blocks, channels = [], w(64)
        for factor, out, count, stride in stages:
            for number in range(count):
                blocks.append(Bottleneck(channels, w(out), factor=factor, stride=stride if number == 0 else 1))
                channels = w(out)
        self.blocks = nn.Sequential(*blocks)
        self.last = Unit(channels, w(LAST), 1)
        side = math.ceil(size / REDUCTION)
        self.whole = Unit(w(LAST), w(LAST), side, pad=0, groups=w(LAST), linear=True)
        self.embedding = nn.Linear(w(LAST), dimension, bias=False)
        self.embedding_bn = nn.BatchNorm1d(dimension)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.blocks(self.depthwise(self.stem(x))))
        return self.embedding_bn(self.embedding(self.whole(x).flatten(1)))
