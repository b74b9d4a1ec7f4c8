"""Which faces in a file of vectors are alike: the closest pairs and the farthest.

python examples/distances.py out/faces.npz [MODEL]
"""

from __future__ import annotations

import sys
from itertools import combinations

import nitakao
from nitakao import vectors

MOST_FACES = 500  # 124,750 pairs: a look at a folder, not a search through one
SHOWN = 6  # pairs at each end of the list


def pairs(found: vectors.Vectors, card: nitakao.ModelCard) -> list[tuple[float, str, str]]:
    """(distance, name, name) of every two faces, closest first."""
    numbers = found.numbers or (0,) * len(found.names)
    names = [f"{name}#{number}" if number else name for name, number in zip(found.names, numbers, strict=True)]
    known = list(zip(names, found.vectors, strict=True))[:MOST_FACES]
    return sorted((nitakao.distance(u, v, card.metric), a, b) for (a, u), (b, v) in combinations(known, 2))


def show(path: str, model: str = "") -> None:
    found = vectors.read(path)
    card = nitakao.card(model or found.model)
    listed = pairs(found, card)
    ends = listed if len(listed) <= 2 * SHOWN else [*listed[:SHOWN], None, *listed[-SHOWN:]]
    print("distance  faces")
    for row in ends:
        print("     ..." if row is None else f"{row[0]:8.3f}  {row[1]}  {row[2]}")
    same = sum(distance < card.threshold for distance, _, _ in listed)
    print(f"{same} of {len(listed)} pairs are closer than {card.threshold:g}, {card.name}'s threshold for one person")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit("name one file of vectors, as in: python examples/distances.py out/faces.npz")
    show(*sys.argv[1:])
