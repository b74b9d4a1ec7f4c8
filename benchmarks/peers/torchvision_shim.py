"""The three names that facenet-pytorch takes from torchvision, for a PyTorch that no torchvision was built for.

torchvision's Linux wheels on PyPI are built against the CUDA build of PyTorch and do not load beside the CPU build.
Where a torchvision does load it is used, and this file does nothing. `nms` here keeps the same boxes as torchvision's
(greedy by descending score, float32 overlaps) with the same loop, compiled by Numba, and is not slower than the loop in
C++: `python benchmarks/run.py shim` verifies both. Numba's own memory is measured and taken off the peer's account.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Loop = Callable[..., int]
_loop: list[Loop] = []


def install() -> str:
    """Makes `import torchvision` work; returns whose NMS is in use."""
    try:
        torchvision = importlib.import_module("torchvision")
        torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
        return f"torchvision {torchvision.__version__}"
    except (ImportError, RuntimeError, AttributeError, OSError):
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    functional = _module("torchvision.transforms.functional", to_tensor=_to_tensor)
    transforms = _module("torchvision.transforms", functional=functional)
    boxes = _module("torchvision.ops.boxes", batched_nms=batched_nms, nms=nms)
    ops = _module("torchvision.ops", boxes=boxes, batched_nms=batched_nms, nms=nms)
    datasets = _module("torchvision.datasets")
    _module("torchvision", transforms=transforms, ops=ops, datasets=datasets, __version__="shim")
    compiled()
    return "the same loop compiled by Numba " + str(importlib.import_module("numba").__version__)


def _module(name: str, **members: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module
    return module


def _to_tensor(picture: Any) -> torch.Tensor:
    """As torchvision does for float arrays (h, w, c): axes moved, values untouched."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def batched_nms(boxes: torch.Tensor, scores: torch.Tensor, groups: torch.Tensor, threshold: float) -> torch.Tensor:
    """Kept indices by descending score; boxes of different groups never suppress each other."""
    if boxes.numel() == 0:
        return torch.empty(0, dtype=torch.int64)
    if int(groups.min()) == int(groups.max()):
        return nms(boxes, scores, threshold)
    members = [(groups == group).nonzero()[:, 0] for group in torch.unique(groups)]
    kept = torch.cat([at[nms(boxes[at], scores[at], threshold)] for at in members])
    return kept[torch.argsort(scores[kept], descending=True, stable=True)]


def nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Kept indices (int64) of boxes (n, 4) x1, y1, x2, y2, by descending score."""
    order = torch.argsort(scores, descending=True, stable=True)
    limit = np.float32(threshold)
    if float(limit) > threshold:  # torchvision compares a float32 overlap with a double threshold
        limit = np.nextafter(limit, np.float32(-1))
    x1, y1, x2, y2 = boxes[order].float().numpy().T.copy()
    kept = np.empty(len(order), np.int64)
    count = compiled()(x1, y1, x2, y2, limit, np.zeros(len(order), np.uint8), kept)
    return order[torch.from_numpy(kept[:count])]


def compiled() -> Loop:
    """The greedy loop over boxes by descending score, as machine code; compiled once, about a second."""
    if not _loop:
        numba = importlib.import_module("numba")
        kind = "int64(float32[::1],float32[::1],float32[::1],float32[::1],float32,uint8[::1],int64[::1])"
        # no NaN comes out of P-Net's floors and sums, so comparisons may be vectorised; sums keep their order
        _loop.append(numba.njit(kind, error_model="numpy", fastmath={"nnan", "nsz"})(greedy))
    return _loop[0]


def greedy(x1: Any, y1: Any, x2: Any, y2: Any, limit: Any, gone: Any, kept: Any) -> int:
    """Writes the kept positions into `kept` and returns their number; plain Python, for Numba to compile."""
    count = 0
    zero = np.float32(0)
    area = (x2 - x1) * (y2 - y1)
    for i in range(len(x1)):
        if gone[i]:
            continue
        kept[count] = i
        count += 1
        a1, b1, a2, b2, own = x1[i], y1[i], x2[i], y2[i], area[i]
        for j in range(i + 1, len(x1)):
            right = x2[j] if x2[j] < a2 else a2  # selects become vector code, min() does not
            left = x1[j] if x1[j] > a1 else a1
            bottom = y2[j] if y2[j] < b2 else b2
            top = y1[j] if y1[j] > b1 else b1
            width = right - left
            height = bottom - top
            width = width if width > zero else zero
            height = height if height > zero else zero
            inter = width * height
            if inter / (own + area[j] - inter) > limit:
                gone[j] = 1
    return count
