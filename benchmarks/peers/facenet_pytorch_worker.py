"""facenet-pytorch, used as in its README: MTCNN(keep_all=True), then InceptionResnetV1 on a photograph's faces."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision_shim
from PIL import Image, ImageOps
from worker_loop import memory, serve

before = memory()["resident"]
NMS = torchvision_shim.install()
SHIM_MEMORY = memory()["resident"] - before if "Numba" in NMS else 0.0

from facenet_pytorch import MTCNN, InceptionResnetV1  # noqa: E402  # needs the shim first

state: dict[str, Any] = {}


def about() -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in ("facenet-pytorch", "torch", "numpy", "pillow")}
    return {"versions": versions, "nms": NMS, "shim_memory": SHIM_MEMORY, "threads": torch.get_num_threads()}


def load(weights: str = "", smallest: int = 20) -> str:
    """The article's thresholds and factor are this library's defaults; they are passed anyway."""
    state["mtcnn"] = MTCNN(
        image_size=160, margin=44, min_face_size=smallest, thresholds=[0.6, 0.7, 0.7], factor=0.709, keep_all=True
    )
    if weights:
        network = InceptionResnetV1()
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=False)
        state["network"] = network.eval()
    return NMS


def threads(count: int) -> int:
    """PyTorch uses all cores by default."""
    torch.set_num_threads(count)
    return torch.get_num_threads()


def pipeline(pictures: list[str], batch: int = 1) -> dict[str, int]:
    """Photographs to vectors. batch above 1: that many pictures of one size go through MTCNN together."""
    faces = failed = 0
    with torch.no_grad():
        for group in _groups(pictures, batch):
            try:
                found = state["mtcnn"](group if batch > 1 else group[0])
            except (RuntimeError, ValueError, IndexError):  # it raises for some pictures without any candidate
                failed += len(group)
                continue
            crops = [c for c in (found if batch > 1 else [found]) if c is not None]
            if crops:
                faces += len(state["network"](torch.cat(crops)))
    return {"faces": faces, "failed": failed}


def _groups(pictures: list[str], batch: int) -> Iterator[list[Image.Image]]:
    group: list[Image.Image] = []
    for path in pictures:
        picture = _read(path)
        if group and (len(group) == batch or picture.size != group[0].size):
            yield group
            group = []
        group.append(picture)
    if group:
        yield group


def _read(path: str) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def detect(pictures: list[str], out: str) -> int:
    """Writes {picture: [[box, score, landmarks], ...]} as JSON; returns the number of faces."""
    answer: dict[str, list[Any]] = {}
    for path in pictures:
        try:
            boxes, scores, points = state["mtcnn"].detect(_read(path), landmarks=True)
        except (RuntimeError, ValueError, IndexError):
            boxes = None
        rows = [] if boxes is None else zip(boxes, scores, points, strict=True)
        answer[path] = [[np.ravel(b).tolist(), float(s), np.asarray(p, float).tolist()] for b, s, p in rows]
    Path(out).write_text(json.dumps(answer), encoding="utf-8")
    return sum(map(len, answer.values()))


def prepare(crops: str) -> list[int]:
    """Crops (n, 160, 160, 3) uint8, normalised beforehand, so that the network alone is timed."""
    pixels = torch.from_numpy(np.load(crops)).permute(0, 3, 1, 2).float()
    state["crops"] = ((pixels - 127.5) / 128).contiguous()
    return list(state["crops"].shape)


def embed(batch: int, out: str = "") -> int:
    with torch.no_grad():
        vectors = torch.cat([state["network"](part) for part in state["crops"].split(batch)])
    if out:
        np.save(out, vectors.numpy())
    return len(vectors)


def check_nms(seed: int = 0) -> dict[str, Any]:
    import shim_check

    return shim_check.check(seed)


if __name__ == "__main__":
    serve(
        {
            "about": about,
            "load": load,
            "threads": threads,
            "pipeline": pipeline,
            "detect": detect,
            "prepare": prepare,
            "embed": embed,
            "check_nms": check_nms,
        }
    )
