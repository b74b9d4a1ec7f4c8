"""Pictures and arrays for benchmarks, the same in each run.

python sample_images.py FOLDER COUNT     writes COUNT photos of all sizes for the memory benchmark
"""

from __future__ import annotations

import argparse
import importlib.resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SIDES = (240, 320, 480, 640, 300, 800, 400, 960, 560, 720)  # px, longer side, in turn
LARGE_EVERY, LARGE_SIDE = 50, 2400  # photos between two large ones
HUGE_EVERY, HUGE_SIDE = 250, 4000  # 12 megapixels


def photographs(folder: Path, count: int) -> None:
    """JPEGs of scikit-image's astronaut and matplotlib's Grace Hopper, shifted, rotated, with other light and noise."""
    folder.mkdir(parents=True, exist_ok=True)
    faces = [astronaut(), hopper()]
    for number in range(count):
        picture = variant(faces[number % 2], number)
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def variant(face: Pixels, number: int) -> Pixels:
    """The face at another place, size, angle and brightness, with noise; deterministic in `number`."""
    draw = np.random.default_rng(number)
    side = HUGE_SIDE if number % HUGE_EVERY == 0 else LARGE_SIDE if number % LARGE_EVERY == 0 else SIDES[number % 10]
    width, height = (side, side * 3 // 4) if number % 4 else (side * 3 // 4, side)
    scale = min(width, height) / max(face.shape[:2]) * draw.uniform(0.6, 1.3)
    turn = cv2.getRotationMatrix2D((face.shape[1] / 2, face.shape[0] / 3), draw.uniform(-15, 15), scale)
    turn[:, 2] += (
        width * draw.uniform(0.4, 0.6) - face.shape[1] / 2,
        height * draw.uniform(0.4, 0.6) - face.shape[0] / 3,
    )
    moved = cv2.warpAffine(face, turn, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    grain = cv2.resize(draw.normal(0, 10, (height // 2, width // 2)).astype(np.float32), (width, height))
    lit = moved * np.float32(draw.uniform(0.7, 1.2)) + grain[:, :, None]
    return np.clip(lit, 0, 255).astype(np.uint8)


def astronaut() -> Pixels:
    from skimage.data import astronaut as picture

    return np.asarray(picture(), np.uint8)


def hopper() -> Pixels:
    file = importlib.resources.files("matplotlib").joinpath("mpl-data/sample_data/grace_hopper.jpg")
    data = np.frombuffer(file.read_bytes(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def centres(pictures: list[str], side: int, out: Path) -> Path:
    """The centre of each picture (in LFW: the face), as crops (n, side, side, 3) uint8 RGB in an .npy file."""
    crops = []
    for path in pictures:
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        height, width = picture.shape[:2]
        middle = picture[height // 4 : height - height // 4, width // 4 : width - width // 4]
        crops.append(cv2.resize(middle, (side, side), interpolation=cv2.INTER_LINEAR)[:, :, ::-1])
    np.save(out, np.array(crops, np.uint8))
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    photographs(arguments.folder, arguments.count)
