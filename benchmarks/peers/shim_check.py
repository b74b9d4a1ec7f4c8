"""Check that the shim's NMS equals greedy NMS and is as fast as a loop in C++, on candidates like P-Net's."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision_shim

# The greedy loop as torchvision's CPU kernel runs it: scalar, over indices by descending score.
SOURCE = """
#include <algorithm>
#include <cstdint>
extern "C" int64_t nms(const float* b, const int64_t* order, int64_t n, double limit, uint8_t* gone, int64_t* kept) {
  const float *x1 = b, *y1 = b + n, *x2 = b + 2 * n, *y2 = b + 3 * n, *area = b + 4 * n;
  int64_t count = 0;
  for (int64_t p = 0; p < n; p++) {
    int64_t i = order[p];
    if (gone[i]) continue;
    kept[count++] = i;
    for (int64_t q = p + 1; q < n; q++) {
      int64_t j = order[q];
      if (gone[j]) continue;
      float w = std::max(0.f, std::min(x2[i], x2[j]) - std::max(x1[i], x1[j]));
      float h = std::max(0.f, std::min(y2[i], y2[j]) - std::max(y1[i], y1[j]));
      float inter = w * h;
      if (inter / (area[i] + area[j] - inter) > limit) gone[j] = 1;
    }
  }
  return count;
}
"""
CASES = ((500, 0.5), (3000, 0.5), (12000, 0.5), (12000, 0.7), (30000, 0.5))  # candidates, threshold
Nms = Callable[[torch.Tensor, torch.Tensor, float], Any]


def check(seed: int) -> dict[str, Any]:
    """Rows (candidates, threshold, kept, ms of the shim, ms of C++ or None); raises if any kept set differs."""
    draw = np.random.default_rng(seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        plain = _in_cpp(Path(folder))
        for count, threshold in CASES:
            boxes, scores = candidates(draw, count)
            reference, spent = _timed(plain or _in_python, boxes, scores, threshold)
            kept, own = _timed(torchvision_shim.nms, boxes, scores, threshold)
            if not np.array_equal(np.asarray(kept), np.asarray(reference)):
                raise AssertionError(f"the shim keeps other boxes than greedy NMS: {count} candidates at {threshold}")
            rows.append([count, threshold, len(kept), own * 1e3, spent * 1e3 if plain else None])
    return {"rows": rows, "compiler": bool(plain)}


def candidates(draw: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Clusters of windows on P-Net's grid: stride 2 and 12 px at one level, whole pixels, scores 0.6 to 1."""
    scale = 0.6
    centres = draw.integers(0, 1500, (max(1, count // 8), 2))
    cells = centres[draw.integers(0, len(centres), count)] + draw.integers(-4, 5, (count, 2))
    corner = np.floor((2 * cells + 1) / scale)
    boxes = np.concatenate([corner, np.floor((2 * cells + 12) / scale)], axis=1).astype(np.float32)
    return torch.from_numpy(boxes), torch.from_numpy(draw.uniform(0.6, 1, count).astype(np.float32))


def _timed(nms: Nms, boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> tuple[Any, float]:
    spent = []
    for _ in range(3):
        started = time.perf_counter()
        kept = nms(boxes, scores, threshold)
        spent.append(time.perf_counter() - started)
    return kept, min(spent)


def _in_python(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> Any:
    order = torch.argsort(scores, descending=True, stable=True).numpy()
    x1, y1, x2, y2 = boxes.numpy().T.copy()
    area, kept, zero = (x2 - x1) * (y2 - y1), [], np.float32(0)
    while order.size:
        i, rest = order[0], order[1:]
        kept.append(i)
        width = np.maximum(zero, np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest]))
        inter = width * np.maximum(zero, np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest]))
        order = rest[(inter / (area[i] + area[rest] - inter)).astype(np.float64) <= threshold]
    return np.array(kept)


def _in_cpp(folder: Path) -> Nms | None:
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    (folder / "nms.cpp").write_text(SOURCE, encoding="ascii")
    built = folder / "nms.so"
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", str(built), str(folder / "nms.cpp")], check=True)
    library = ctypes.CDLL(str(built))
    library.nms.restype = ctypes.c_int64

    def nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> Any:
        order = torch.argsort(scores, descending=True, stable=True).numpy()
        x1, y1, x2, y2 = boxes.numpy().T
        table = np.ascontiguousarray([x1, y1, x2, y2, (x2 - x1) * (y2 - y1)])
        gone, kept = np.zeros(len(order), np.uint8), np.empty(len(order), np.int64)
        at = [ctypes.c_void_p(a.ctypes.data) for a in (table, order, gone, kept)]
        count = library.nms(at[0], at[1], ctypes.c_int64(len(order)), ctypes.c_double(threshold), at[2], at[3])
        return kept[:count]

    return nms
