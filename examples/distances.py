"""Which faces in a file of vectors are alike: all distances of a few faces, or the closest and farthest pairs of many.

python examples/distances.py out/faces.npz [MODEL]
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import nitakao
from nitakao import vectors

FEW = 15  # faces that fit a page as a table
MOST = 500  # faces: 124,750 pairs; this is a look at a folder, not a search through one
SHOWN = 6  # pairs at each end of the list

Pair = tuple[float, int, int]  # distance, face, face


def table(names: list[str], pairs: list[Pair]) -> None:
    known = {(a, b): distance for distance, a, b in pairs}
    for a, name in enumerate(names):
        row = [f"{known[min(a, b), max(a, b)]:.2f}" if a != b else "-" for b in range(len(names))]
        print(" ".join(f"{cell:>4}" for cell in row), "", name)


def ends(names: list[str], pairs: list[Pair]) -> None:
    for number, (distance, a, b) in enumerate(sorted(pairs)):
        if number < SHOWN or number >= len(pairs) - SHOWN:
            print(f"{distance:5.2f}  {names[a]}  {names[b]}")
        elif number == SHOWN:
            print("  ...")


def show(path: str, model: str = "") -> None:
    found = vectors.read(path)
    card = nitakao.models.card(model or found.model)
    numbers = found.numbers or (0,) * len(found.names)
    names = [Path(n).name + (f"#{i}" if i else "") for n, i in zip(found.names, numbers, strict=True)][:MOST]
    faces = range(len(names))
    pairs = [
        (nitakao.distance(found.vectors[a], found.vectors[b], card.metric), a, b) for a, b in combinations(faces, 2)
    ]
    (table if len(names) <= FEW else ends)(names, pairs)
    same = sum(distance < card.threshold for distance, _, _ in pairs)
    print(f"{same} of {len(pairs)} pairs are closer than {card.threshold:g}, {card.name}'s threshold for one person")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit("name one file of vectors, as in: python examples/distances.py out/faces.npz")
    show(*sys.argv[1:])
