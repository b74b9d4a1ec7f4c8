"""Identification with one enrolled picture per person: the 79 people of LFW's people.txt; all others are unenrolled.

    nitakao embed LFW --faces central --smallest-face 20 --model MODEL -o lfw.npz
    python benchmarks/identification.py lfw.npz people.txt

NAME_0001 is enrolled; all other pictures are probes. Compares `nitakao.identify` on a real gallery with exact distances
computed with NumPy.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.gallery import GalleryStore
from nitakao.gallery.enrol import FileInfo, ScannedFile, enrol
from nitakao.models.cards import registry
from nitakao.tasks.probes import SearchOptions
from nitakao.tasks.search.identify import identify
from nitakao.values import Face, Floats, ModelCard, NewFace, Quality
from nitakao.vectors import read

FPIR = 0.01
TOGETHER = 500  # probes per call
FACE = Face((0.0, 0.0, 100.0, 100.0), 1.0)


@dataclass(frozen=True, eq=False)
class Split:
    """Vectors (n, D) of enrolled pictures and probes, and the number of each probe's person, -1 if not enrolled."""

    people: tuple[str, ...]
    enrolled: Floats
    probes: Floats
    truth: NDArray[np.intp]


@dataclass(frozen=True)
class Score:
    """rank1: share of known probes whose nearest person is right.  tpir: of them right and nearer than the distance
    at which FPIR of the strangers have anybody nearer.
    """

    rank1: float
    tpir: float
    threshold: float


@dataclass(frozen=True)
class Figures:
    """ours, brute: through the gallery and by NumPy.  named, mistaken, let_in: what nitakao decides by itself at a
    prior of one half: known probes that get their right name and a wrong one, strangers who get any.
    """

    people: int
    known: int
    strangers: int
    ours: Score
    brute: Score
    named: float
    mistaken: float
    let_in: float


def measure(names: Sequence[str], vectors: Floats, people: Sequence[str], card: ModelCard) -> Figures:
    """Measure both sides. names: LFW's pictures, such as PERSON_0001. vectors: (n, D). people: the enrolled people."""
    split = parted(names, vectors, people)
    distances = np.stack([np.linalg.norm(split.enrolled - probe, axis=1) for probe in split.probes.astype(np.float64)])
    nearest, apart, decided = asked(split, card)
    known = split.truth >= 0
    return Figures(
        len(split.people),
        int(known.sum()),
        int((~known).sum()),
        score(nearest, apart, split.truth),
        score(distances.argmin(axis=1), distances.min(axis=1), split.truth),
        float((decided[known] == split.truth[known]).mean()),
        float(((decided[known] >= 0) & (decided[known] != split.truth[known])).mean()),
        float((decided[~known] >= 0).mean()),
    )


def parted(names: Sequence[str], vectors: Floats, people: Sequence[str]) -> Split:
    place = {person: number for number, person in enumerate(people)}
    whose = np.array([place.get(name.rsplit("_", 1)[0], -1) for name in names])
    first = {name: number for number, name in enumerate(names)}
    enrolled = [first[f"{person}_0001"] for person in people]
    probes = np.setdiff1d(np.arange(len(names)), enrolled)
    return Split(tuple(people), vectors[enrolled], vectors[probes], whose[probes])


def asked(split: Split, card: ModelCard) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """The nearest person of each probe, the distance, and nitakao's match (-1: none)."""
    place = {name: number for number, name in enumerate(split.people)}
    found = []
    with tempfile.TemporaryDirectory() as folder, GalleryStore(Path(folder) / "lfw.db", card=card) as gallery:
        enrol(gallery, [_looked(name, row) for name, row in zip(split.people, split.enrolled, strict=True)])
        for start in range(0, len(split.probes), TOGETHER):
            rows = list(split.probes[start : start + TOGETHER])
            found += identify(gallery, *rows, k=1, options=SearchOptions(model=card, each=True)).identities
    nearest = np.array([place[one.candidates[0].name] for one in found])
    decided = np.array([-1 if one.match is None else place[one.match.name] for one in found])
    return nearest, np.array([one.candidates[0].distance for one in found]), decided


def _looked(name: str, row: Floats) -> ScannedFile:
    content = name.encode().hex().ljust(64, "0")[:64]
    enrolled = NewFace(FACE, row, Quality())
    return ScannedFile(FileInfo(name, 1, 1), content, (250, 250), (enrolled,), detector="lfw", label=name)


def score(nearest: NDArray[np.intp], apart: NDArray[np.float64], truth: NDArray[np.intp]) -> Score:
    known = truth >= 0
    threshold = float(np.quantile(apart[~known], FPIR))
    right = nearest[known] == truth[known]
    return Score(float(right.mean()), float((right & (apart[known] < threshold)).mean()), threshold)


def main(vectors: str, people: str) -> None:
    file = read(vectors)
    listed = [line.split()[0] for line in Path(people).read_text("utf-8").splitlines() if line.strip()]
    found = measure([Path(name).stem for name in file.names], file.vectors, listed, registry.card(file.model))
    print(
        f"{file.model}: {found.people} people, {found.known} pictures of them, {found.strangers} of unenrolled people"
    )
    for told, one in (("nitakao identify", found.ours), ("NumPy, exact distances", found.brute)):
        print(
            f"  {told:<22} rank 1 {one.rank1:.2%}, TPIR {one.tpir:.2%} at FPIR {FPIR:.0%} (below {one.threshold:.4f})"
        )
    print(f"  matches: {found.named:.2%} correct, {found.mistaken:.2%} wrong, {found.let_in:.2%} of unenrolled probes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vectors", help="file of the vectors of LFW")
    parser.add_argument("people", help="people.txt, the people to enrol")
    arguments = parser.parse_args()
    main(arguments.vectors, arguments.people)
