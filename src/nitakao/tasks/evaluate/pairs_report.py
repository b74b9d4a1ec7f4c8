"""What pairs came to as a page, one model or several side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nitakao.report.evaluation import Curves, EvaluationSection, Histogram, ImagePairs, Table
from nitakao.tasks.evaluate import report as pages
from nitakao.tasks.evaluate.comparison import Difference
from nitakao.tasks.evaluate.pairs import PairsEvaluated, worst
from nitakao.tasks.evaluate.report import percent, within

MOST = 12  # mistakes of either kind that are shown


def save(path: str | os.PathLike[str], found: Sequence[PairsEvaluated], differences: Sequence[Difference]) -> None:
    """Write the page of these models, all measured on the same pairs."""
    models = [each.measured.model or "model not named" for each in found]
    parts = [_together(found, models)]
    if differences:
        parts.append(pages.compared(differences))
    for each, model in zip(found, models, strict=True):
        parts.append(_one(each, model))
    pages.save(path, f"Pairs: {', '.join(models)}", parts, _notes(found))


def _together(found: Sequence[PairsEvaluated], models: Sequence[str]) -> EvaluationSection:
    rows = []
    for each, model in zip(found, models, strict=True):
        told = each.verification
        rates = [percent(rate.val) for rate in told.rates]
        accuracy = f"{percent(told.accuracy)} ± {percent(told.standard_error)}"
        interval = within(each.intervals.get("accuracy"))
        rows.append((model, accuracy, interval, f"{told.auc:.5f}", percent(told.eer), *rates, f"{told.threshold:.4f}"))
    rates = [f"VAL at FAR {rate.far:g}" for rate in found[0].verification.rates]
    header = ("model", "accuracy", "95% over people", "AUC", "EER", *rates, "best threshold")
    histograms = [_histogram(each, model) for each, model in zip(found, models, strict=True)]
    return EvaluationSection(
        "Figures", (Table(header, tuple(rows)), _curves(found, models), *histograms), _counts(found[0])
    )


def _histogram(found: PairsEvaluated, model: str) -> Histogram:
    label = f"{found.measured.metric} distance"
    if found.rules.grid:
        label = "squared distance" if found.measured.metric == "euclidean" else "angle, in half turns"
    caption = (
        f"{model}: how far apart pairs lie, as shares of each kind, and the best threshold for all folds together."
    )
    return pages.distances_of(found.apart, found.pairs.same, found.threshold, label, caption)


def _curves(found: Sequence[PairsEvaluated], models: Sequence[str]) -> Curves:
    least = min(1 / max(1, each.verification.pairs - each.verification.same) for each in found)
    lines, lowest = [], 1.0
    for each, model in zip(found, models, strict=True):
        far = [rate.far for rate in each.verification.rates if not rate.few]
        known = [(rate, each.intervals[f"val@{rate:g}"]) for rate in far if f"val@{rate:g}" in each.intervals]
        bars = tuple((rate, interval.low, interval.high) for rate, interval in known)
        line = pages.roc(model, each.apart, each.pairs.same, bars)
        lines.append(line)
        lowest = min([lowest, float(line.y[line.x <= least].max()), *(low for _, low, _ in bars)])
    caption = (
        "Share of the pairs of one person that are accepted (VAL), by the share of the pairs of two that are "
        "accepted with them (FAR), all folds together. Whiskers: 95% over people, where the pairs can show the rate."
    )
    axes = pages.rate_axis("FAR: pairs of two people accepted", least), pages.share_axis("VAL", lowest)
    return Curves(tuple(lines), *axes, caption)


def _counts(found: PairsEvaluated) -> str:
    pairs, told = found.pairs, found.verification
    people = f"{found.people} people" if pairs.named else "people who are not named"
    skipped = f"; {pairs.skipped} more pairs were skipped, whose pictures are not there" if pairs.skipped else ""
    return (
        f"{told.pairs} pairs, {told.same} of one person, in {len(told.folds)} folds; {len(pairs.pictures)} pictures "
        f"of {people}{skipped}"
    )


def _one(found: PairsEvaluated, model: str) -> EvaluationSection:
    told = found.verification
    folds = tuple(
        (str(fold.fold + 1), str(fold.pairs), f"{fold.threshold:.4f}", percent(fold.accuracy)) for fold in told.folds
    )
    rates = tuple(
        (
            f"{rate.far:g}{' *' if rate.few else ''}",
            f"{percent(rate.val)} ± {percent(rate.val_std)}",
            within(found.intervals.get(f"val@{rate.far:g}")),
            f"{rate.far_found:.5f} ± {rate.far_std:.5f}",
            f"{rate.threshold:.4f}",
        )
        for rate in told.rates
    )
    header = ("FAR wanted", "VAL ± spread over folds", "95% over people", "FAR found ± spread", "threshold")
    false, refused = worst(found, MOST)
    blocks = (
        Table(("fold", "pairs", "threshold from the others", "accuracy"), folds, words=()),
        Table(header, rates, words=()),
        _couples(found, false, "Two people, taken for one: the nearest", "No pair of two people was accepted."),
        _couples(found, refused, "One person, taken for two: the farthest", "No pair of one person was refused."),
    )
    few = any(rate.few for rate in told.rates)
    return EvaluationSection(model, blocks, "* too few pairs for this rate: extrapolated" if few else "")


def _couples(found: PairsEvaluated, rows: Sequence[int], heading: str, none: str) -> ImagePairs:
    couples = []
    for row in rows:
        sides = int(found.pairs.first[row]), int(found.pairs.second[row])
        names = found.pairs.pictures[sides[0]], found.pairs.pictures[sides[1]]
        couples.append(pages.couple(found.measured, sides, names, f"distance {found.apart[row]:.3f}"))
    return ImagePairs(heading, tuple(couples), none)


def _notes(found: Sequence[PairsEvaluated]) -> list[str]:
    lines = []
    for each in found:
        measured = each.measured
        ways = [f"{measured.model or 'model not named'}, {measured.metric} distance"]
        ways += ["vectors averaged with the mirrored crop's"] if measured.flip else []
        ways += ["the other folds' mean subtracted"] if each.rules.subtract_mean else []
        ways += ["thresholds on facenet's grid"] if each.rules.grid else []
        if measured.faceless or measured.problems:
            ways.append(
                f"{measured.faceless} pictures without a face and {len(measured.problems)} unreadable: their pairs "
                "count as two people"
            )
        lines.append("; ".join(ways))
    lines.append("Each fold is judged by the threshold that is best on the others; ± is the standard error over folds.")
    return [*lines, *([pages.OVER_PEOPLE] if found[0].intervals else [])]
