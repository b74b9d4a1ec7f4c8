"""`nitakao evaluate pairs` on LFW's folds: compare its figures with independent ones, check cards, and time it.

    NITAKAO_SHARED=... python benchmarks/evaluation.py figures [MODEL or VECTORS...]
    NITAKAO_SHARED=... python benchmarks/evaluation.py timing MODEL [PAIRS OF A KIND] [ROUNDS]

figures: runs the command on all pairs of pairs.txt, or on vectors of `nitakao embed LFW --faces central -o FILE`, which
takes seconds in place of minutes. Compares its figures with scikit-learn's ROC, AUC and accuracy, with `accuracy.py`,
which shares no code with nitakao, and with the model's card. Exits with 1 if a figure differs by more than 1e-6, or
a card's threshold differs.
timing: times the whole command, including intervals, and `pipeline.run` on the same pictures in a process that has
everything loaded; in turn, medians of rounds. Both write results/evaluation-*.json.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import Pairs, read_pairs, score
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics
from sklearn.model_selection import LeaveOneGroupOut

from nitakao import pipeline
from nitakao.models.cards import registry
from nitakao.pipeline import PipelineOptions
from nitakao.vectors import read

CLOSE = 1e-6
GOAL = 1.2  # times the pipeline's own time
MODELS = ("facenet-vggface2", "dlib-resnet")
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str]) -> int:
    if not arguments or "--help" in arguments:
        print(__doc__)
        return 2 if not arguments else 0
    data = Path(os.environ["NITAKAO_SHARED"]) / "data" / "lfw"
    if arguments[:1] == ["timing"]:
        model = arguments[1]
        each, rounds = (int(n) for n in (*arguments[2:4], *("300", "3")[len(arguments[2:4]) :]))
        found = timed(data, model, each, rounds)
        save(f"timing-{model}", found)
        return 0 if found["ratio"] <= GOAL else 1
    told = dict(checked(data, named) for named in arguments[1:] or MODELS)
    save("figures", told)
    return 0 if all(each["fine"] for each in told.values()) else 1


def command(images: Path, pairs: Path, named: str) -> dict[str, Any]:
    """The command's JSON. named: a model, or a file of vectors."""
    program = shutil.which("nitakao", path=str(Path(sys.executable).parent)) or "nitakao"
    which = ["--vectors" if os.path.isfile(named) else "--model", named]
    asked = [program, "-q", "evaluate", "pairs", str(images), "--pairs", str(pairs), *which, "--json"]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def checked(data: Path, named: str) -> tuple[str, dict[str, Any]]:
    """The model, and how the command's figures compare with independent ones and with the card."""
    said = command(data / "images", data / "pairs.txt", named)
    model = said["model"]
    pairs = read_pairs(data / "pairs.txt", data / "images")
    vectors = of_file(named) if os.path.isfile(named) else embedded(pairs.pictures, model)
    theirs = {**of_sklearn(pairs, vectors), "accuracy": score(pairs, vectors).accuracy}
    theirs |= {f"val@{far:g}": score(pairs, vectors, far).val for far in (0.1, 0.01, 0.001)}
    ours = {name: said[name] for name in ("accuracy", "auc", "eer")}
    ours["accuracy_by_folds"] = said["accuracy"]
    ours |= {f"val@{rate['far']:g}": rate["val"] for rate in said["rates"]}
    off = {name: abs(ours[name] - value) for name, value in theirs.items()}
    card = registry.card(model)
    digits = len(f"{card.threshold:g}".partition(".")[2])
    promised = re.search(r"([\d.]+)%", card.threshold_source)
    same = round(said["threshold"], digits) == card.threshold
    same &= promised is not None and f"{100 * said['accuracy']:.2f}" == promised[1]
    fine = bool(same) and max(off.values()) <= CLOSE
    print(f"{model}: accuracy {100 * said['accuracy']:.2f}%, threshold {said['threshold']:.6f}", flush=True)
    print(f"  card: {card.threshold:g}, {card.threshold_source}: {'the same' if same else 'DIFFERENT'}")
    print(f"  largest difference: {max(off.values()):.2g} ({max(off, key=lambda name: off[name])})")
    said.pop("seconds")
    return model, {"fine": fine, "card": bool(same), "off": off, "said": said}


def of_file(path: str) -> dict[str, Any]:
    found = read(path)
    return dict(zip(found.names, found.vectors, strict=True))


def embedded(pictures: list[str], model: str) -> dict[str, Any]:
    outcomes = pipeline.run(pictures, card=registry.card(model), options=PipelineOptions(faces="central"))
    nothing = np.full(registry.card(model).dimension, np.nan)
    return {outcome.source: outcome.vectors[0] if outcome.faces else nothing for outcome in outcomes}


def of_sklearn(pairs: Pairs, vectors: dict[str, Any]) -> dict[str, float]:
    """AUC, equal error rate, and accuracy over folds at the best of scikit-learn's thresholds."""
    first, second = (np.array([vectors[p] for p in side], np.float64) for side in (pairs.first, pairs.second))
    apart = np.nan_to_num(np.linalg.norm(first - second, axis=1), nan=1e9)
    far, val, _ = metrics.roc_curve(pairs.same, -apart, drop_intermediate=False)
    eer = brentq(lambda x: 1 - x - interp1d(far, val)(x), 0.0, 1.0, xtol=1e-12)
    rights = []
    for rest, test in LeaveOneGroupOut().split(apart, pairs.same, pairs.fold):
        fars, vals, limits = metrics.roc_curve(pairs.same[rest], -apart[rest], drop_intermediate=False)
        gained = vals * pairs.same[rest].sum() - fars * (~pairs.same[rest]).sum()
        best = np.flatnonzero(np.isclose(gained, gained.max()))
        at = best[len(best) // 2]  # the middle one of equally good thresholds, as in nitakao
        after = -limits[at + 1] if at + 1 < len(limits) else -limits[at]
        rights.append(metrics.accuracy_score(pairs.same[test], apart[test] < (-limits[at] + after) / 2))
    return {"auc": float(metrics.auc(far, val)), "eer": float(eer), "accuracy_by_folds": float(np.mean(rights))}


def timed(data: Path, model: str, each: int, rounds: int) -> dict[str, Any]:
    """Seconds of the command and of the pipeline alone, on the first `each` pairs of each kind of every fold."""
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "pairs.txt"
        header, *lines = (data / "pairs.txt").read_text(encoding="utf-8").splitlines()
        folds, whole = (int(n) for n in header.split())
        starts = [n * whole for n in range(2 * folds)]
        chosen = [line for start in starts for line in lines[start : start + each]]
        few.write_text("\n".join([f"{folds} {each}", *chosen]) + "\n", encoding="utf-8")
        pictures = read_pairs(few, data / "images").pictures
        card = registry.card(model)
        alone(pictures[:64], card)  # loads everything once
        seconds: dict[str, list[float]] = {"pipeline": [], "command": []}
        for _ in range(rounds):
            seconds["pipeline"].append(clocked(lambda: alone(pictures, card)))
            seconds["command"].append(clocked(lambda: command(data / "images", few, model)))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["command"] / medians["pipeline"]
    print(
        f"{model}: {len(pictures)} pictures, {folds} folds of {2 * each} pairs; pipeline {medians['pipeline']:.2f} s, "
        f"command {medians['command']:.2f} s, {ratio:.3f} times ({'met' if ratio <= GOAL else 'NOT MET'}: {GOAL})",
        flush=True,
    )
    return {"model": model, "pictures": len(pictures), "pairs": 2 * each * folds, "seconds": seconds, "ratio": ratio}


def alone(pictures: list[str], card: Any) -> None:
    for _ in pipeline.run(pictures, card=card, options=PipelineOptions(faces="central")):
        pass


def clocked(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def save(name: str, found: Any) -> None:
    (RESULTS / f"evaluation-{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
