"""OpenFace's nn4.small2, as its published weights nn4.small2.v1 were trained.

The pools are those before commit 49fffb3 of cmusatyalab/openface, which corrected them after v1: their outputs are
smaller than those of the parallel branches, and nn.DepthConcat pads them with zeros. Cross-map LRN is Torch7's, which
divides alpha by the number of maps as PyTorch does. `nitakao.models.networks.openface` builds the same network as an
ONNX graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nitakao.models.networks.openface import BLOCKS, LRN, NORM_EPSILON, Block


class Unit(nn.Module):
    """Convolution with a bias, batch normalisation, ReLU."""

    def __init__(self, channels: int, width: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2)
        self.bn = nn.BatchNorm2d(width, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Parallel convolutions, pool and reduction; smaller outputs are padded with zeros."""

    def __init__(self, channels: int, block: Block, factor: float) -> None:
        super().__init__()

        def w(width: int) -> int:
            return max(4, round(width * factor))

        branches: list[nn.Module] = [
            nn.Sequential(Unit(channels, w(reduced), 1), Unit(w(reduced), w(width), kernel, stride=block.stride))
            for kernel, reduced, width in block.kernels
        ]
        pool = Pool(block.power)
        branches.append(nn.Sequential(pool, Unit(channels, w(block.pooled), 1)) if block.pooled else pool)
        if block.reduced:
            branches.append(nn.Sequential(Unit(channels, w(block.reduced), 1)))
        self.branches = nn.ModuleList(branches)
        self.width = sum(w(width) for _, _, width in block.kernels) + (w(block.pooled) if block.pooled else channels)
        self.width += w(block.reduced) if block.reduced else 0

    def forward(self, x: Tensor) -> Tensor:
        return _concatenate([branch(x) for branch in self.branches])


class Pool(nn.Module):
    """Max pooling of 3x3 with stride 2, or L2 pooling of 3x3 with stride 3. No padding."""

    def __init__(self, power: bool) -> None:
        super().__init__()
        self._power = power

    def forward(self, x: Tensor) -> Tensor:
        if not self._power:
            return nn.functional.max_pool2d(x, 3, 2)
        # The clamp keeps the gradient finite where all nine are zero; Torch7's is infinite there.
        return (nn.functional.avg_pool2d(x * x, 3, 3) * 9).clamp_min(1e-12).sqrt()


def _concatenate(parts: Sequence[Tensor]) -> Tensor:
    high, wide = (max(p.shape[axis] for p in parts) for axis in (2, 3))
    padded = []
    for part in parts:
        down, right = high - part.shape[2], wide - part.shape[3]
        padded.append(nn.functional.pad(part, (right // 2, right - right // 2, down // 2, down - down // 2)))
    return torch.cat(padded, 1)


class NN4Small2(nn.Module):
    """(N, 3, 96, 96) RGB from 0 to 1 to (N, dimension), not of unit length. width: factor on all channels."""

    def __init__(self, dimension: int = 128, *, width: float = 1.0) -> None:
        super().__init__()

        def w(channels: int) -> int:
            return max(4, round(channels * width))

        self.conv1 = Unit(3, w(64), 7, stride=2)
        self.conv2 = Unit(w(64), w(64), 1)
        self.conv3 = Unit(w(64), w(192), 3)
        channels = w(192)
        for block in BLOCKS:
            inception = Inception(channels, block, width)
            self.add_module(f"inception_{block.name}", inception)
            channels = inception.width
        self.linear = nn.Linear(channels, dimension)
        self.lrn = nn.LocalResponseNorm(**LRN)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lrn(nn.functional.max_pool2d(self.conv1(x), 3, 2, 1))
        x = nn.functional.max_pool2d(self.lrn(self.conv3(self.conv2(x))), 3, 2, 1)
        for block in BLOCKS:
            x = getattr(self, f"inception_{block.name}")(x)
        return self.linear(nn.functional.avg_pool2d(x, 3).flatten(1))
