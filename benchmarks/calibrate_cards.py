"""The [calibration] table of a model's card, fitted on LFW, and its calibration error.

    nitakao embed LFW --faces central --smallest-face 20 --model MODEL -o lfw.npz
    python benchmarks/calibrate_cards.py lfw.npz pairs.txt

LFW: folder with one subfolder of pictures per person; pairs.txt: pairs of the restricted protocol. Prints the table and
the calibration errors (ECE, 10 bins of equal weight, half of the weight on each kind of pair). Takes 2 GB and a minute.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from accuracy import Floats, read_pairs

from nitakao import calibration
from nitakao.models.cards import registry
from nitakao.tasks.gallery.calibrate import Labelled, cross_validated, pairs
from nitakao.values import Calibration
from nitakao.vectors import read

# One person under two names, found by eye among the nearest pairs; the first is even the same picture.
TWICE = (
    "Gabrielle_Rose_0001",  # Martha_Bowen_0002
    "Dai_Chul_Chyung_0001",  # Chyung_Dai-chul
    "Hasan_Wirayuda_0001",  # Hassan_Wirajuda
    "Recep_Tayyip_Erdogan_0004",  # Abdullah_Gul
)
DRAWS = 200  # of labels drawn with these probabilities, for the expected error of a perfect calibration


def main(vectors: str, pairs_file: str) -> None:
    file = read(vectors)
    card = registry.card(file.model)
    if card.metric != "euclidean":
        sys.exit(f"{card.name} is compared by {card.metric}; this script knows Euclidean distances only")
    known = {Path(name).stem: row for name, row in zip(file.names, file.vectors, strict=True)}
    names = [name for name in known if name not in TWICE]
    everybody = np.unique([name.rsplit("_", 1)[0] for name in names], return_inverse=True)[1]
    rows = np.stack([known[name] for name in names])
    labelled = Labelled(rows, everybody, np.arange(len(names)), np.full(len(names), np.nan))

    sample = pairs(labelled, "euclidean")
    far = all_different(rows, everybody)
    same = int(sample.same.sum())
    source = (
        f"LFW folds 1-5 and people with ten pictures or more, end to end with MTCNN at 20 px: {same:,} pairs of one "
        f"person and {len(sample.same) - same:,} of two; rates of false matches from {len(far):,} pairs of two"
    )
    fitted = sample.fit(np.ones(len(sample.same), bool), source)
    print_table(replace(fitted, false_matches=calibration.false_matches(far)))

    told, judged = cross_validated(sample)
    tell("all pairs, five groups of people", told, sample.same[judged])
    told, true = over_folds(Path(pairs_file), known)
    tell("pairs.txt, leaving out one fold", told, true)


def all_different(rows: Floats, people: np.ndarray) -> Floats:
    """Distances of all pairs of two people."""
    found = []
    for number in range(1, len(rows)):
        others = rows[:number][people[:number] != people[number]]
        found.append(np.linalg.norm(others - rows[number], axis=1))
    return np.concatenate(found).astype(np.float64)


def over_folds(file: Path, known: dict[str, np.ndarray]) -> tuple[Floats, np.ndarray]:
    """Probabilities of the protocol's pairs, each fold calibrated on the others, and whether they are one person."""
    listed = read_pairs(file, Path())
    first, second = (np.stack([known[Path(p).stem] for p in side]) for side in (listed.first, listed.second))
    apart, same = np.linalg.norm(first - second, axis=1).astype(np.float64), listed.same
    told = np.empty(len(apart))
    for fold in np.unique(listed.fold):
        here = listed.fold == fold
        told[here] = calibration.probability(apart[here], calibration.fit(apart[~here & same], apart[~here & ~same]))
    return told, same


def tell(what: str, told: Floats, true: np.ndarray) -> None:
    bins = calibration.reliability(told, true)
    draw = np.random.default_rng(1)
    # Even perfect probabilities have an error in a sample; it is negligible with hundreds of thousands of pairs.
    perfect = [ece(told, draw.random(len(told)) < told) for _ in range(DRAWS if len(told) < 10_000 else 0)]
    floor = f", {np.mean(perfect):.2%} for a perfect calibration" if perfect else ""
    print(f"# {what}: ECE {calibration.calibration_error(bins):.2%} over {len(told):,} pairs{floor}")
    for b in bins:
        print(f"#   probability {b.told:.4f}  share {b.true:.4f}  weight {b.weight:.2f}  {b.pairs:,} pairs")


def ece(told: Floats, true: np.ndarray) -> float:
    return calibration.calibration_error(calibration.reliability(told, true))


def print_table(made: Calibration) -> None:
    print("[calibration]")
    print(f"slope = {made.slope:.4f}\nintercept = {made.intercept:.4f}\nlimit = {made.limit:.3f}")
    points = ", ".join(f"[{rate:g}, {apart:.4f}]" for rate, apart in made.false_matches)
    print(f'false_matches = [{points}]\nsource = "{made.source}"\n')


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vectors", help="file of the vectors of LFW")
    parser.add_argument("pairs_file", help="LFW's pairs.txt")
    arguments = parser.parse_args()
    main(arguments.vectors, arguments.pairs_file)
