"""The HTML report of pairs, of one model or several."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nitakao.report.evaluation import Curves, EvaluationSection, Histogram, ImagePairs, Table
from nitakao.tasks.evaluate import report as pages
from nitakao.tasks.evaluate.comparison import Difference
from nitakao.tasks.evaluate.pairs import PairsResult, worst_errors
from nitakao.tasks.evaluate.report import interval_text, percent

MAX_ERRORS = 12  # of each kind


def save(path: str | os.PathLike[str], results: Sequence[PairsResult], differences: Sequence[Difference]) -> None:
    """Write the report of these models, all measured on the same pairs."""
    models = [each.embedded.model or "unnamed model" for each in results]
    parts = [_summary(results, models)]
    if differences:
        parts.append(pages.comparison(differences))
    for each, model in zip(results, models, strict=True):
        parts.append(_details(each, model))
    pages.save(path, f"Pairs: {', '.join(models)}", parts, _notes(results))


def _summary(results: Sequence[PairsResult], models: Sequence[str]) -> EvaluationSection:
    rows = []
    for each, model in zip(results, models, strict=True):
        figures = each.verification
        rates = [percent(rate.val) for rate in figures.rates]
        accuracy = f"{percent(figures.accuracy)} ± {percent(figures.standard_error)}"
        interval = interval_text(each.intervals.get("accuracy"))
        auc, eer, threshold = f"{figures.auc:.5f}", percent(figures.eer), f"{figures.threshold:.4f}"
        rows.append((model, accuracy, interval, auc, eer, *rates, threshold))
    rates = [f"VAL at FAR {rate.far:g}" for rate in results[0].verification.rates]
    header = ("model", "accuracy", "95% over people", "AUC", "EER", *rates, "best threshold")
    histograms = [_histogram(each, model) for each, model in zip(results, models, strict=True)]
    return EvaluationSection(
        "Figures", (Table(header, tuple(rows)), _curves(results, models), *histograms), _counts(results[0])
    )


def _histogram(result: PairsResult, model: str) -> Histogram:
    label = f"{result.embedded.metric} distance"
    if result.rules.grid:
        label = "squared distance" if result.embedded.metric == "euclidean" else "angle, in half turns"
    caption = f"{model}: distances of pairs, as shares of each kind, and the best threshold for all folds together."
    return pages.distance_histogram(result.distances, result.pairs.same, result.threshold, label, caption)


def _curves(results: Sequence[PairsResult], models: Sequence[str]) -> Curves:
    least = min(1 / max(1, each.verification.pairs - each.verification.same) for each in results)
    lines, lowest = [], 1.0
    for each, model in zip(results, models, strict=True):
        fars = [rate.far for rate in each.verification.rates if not rate.few]
        intervals = [(rate, each.intervals[f"val@{rate:g}"]) for rate in fars if f"val@{rate:g}" in each.intervals]
        bars = tuple((rate, interval.low, interval.high) for rate, interval in intervals)
        line = pages.roc(model, each.distances, each.pairs.same, bars)
        lines.append(line)
        lowest = min([lowest, float(line.y[line.x <= least].max()), *(low for _, low, _ in bars)])
    caption = (
        "ROC over all folds: share of pairs of one person accepted (VAL) by share of pairs of two people accepted "
        "(FAR). Whiskers: 95% intervals over people, where there are enough pairs for the rate."
    )
    axes = pages.rate_axis("FAR: pairs of two people accepted", least), pages.share_axis("VAL", lowest)
    return Curves(tuple(lines), *axes, caption)


def _counts(result: PairsResult) -> str:
    pairs, figures = result.pairs, result.verification
    people = f"{result.people} people" if pairs.named else "unnamed people"
    skipped = f"; {pairs.skipped} pairs skipped for missing pictures" if pairs.skipped else ""
    return (
        f"{figures.pairs} pairs, {figures.same} of one person, in {len(figures.folds)} folds; "
        f"{len(pairs.pictures)} pictures of {people}{skipped}"
    )


def _details(result: PairsResult, model: str) -> EvaluationSection:
    figures = result.verification
    folds = tuple(
        (str(fold.fold + 1), str(fold.pairs), f"{fold.threshold:.4f}", percent(fold.accuracy)) for fold in figures.folds
    )
    rates = tuple(
        (
            f"{rate.far:g}{' *' if rate.few else ''}",
            f"{percent(rate.val)} ± {percent(rate.val_std)}",
            interval_text(result.intervals.get(f"val@{rate.far:g}")),
            f"{rate.far_found:.5f} ± {rate.far_std:.5f}",
            f"{rate.threshold:.4f}",
        )
        for rate in figures.rates
    )
    header = ("target FAR", "VAL ± std over folds", "95% over people", "FAR ± std", "threshold")
    false_matches, false_non_matches = worst_errors(result, MAX_ERRORS)
    blocks = (
        Table(("fold", "pairs", "threshold from other folds", "accuracy"), folds, words=()),
        Table(header, rates, words=()),
        _couples(result, false_matches, "False matches: the nearest", "There are no false matches."),
        _couples(result, false_non_matches, "False non-matches: the farthest", "There are no false non-matches."),
    )
    extrapolated = any(rate.few for rate in figures.rates)
    return EvaluationSection(model, blocks, "* too few pairs for this rate: extrapolated" if extrapolated else "")


def _couples(result: PairsResult, rows: Sequence[int], heading: str, none: str) -> ImagePairs:
    couples = []
    for row in rows:
        sides = int(result.pairs.first[row]), int(result.pairs.second[row])
        names = result.pairs.pictures[sides[0]], result.pairs.pictures[sides[1]]
        couples.append(pages.couple(result.embedded, sides, names, f"distance {result.distances[row]:.3f}"))
    return ImagePairs(heading, tuple(couples), none)


def _notes(results: Sequence[PairsResult]) -> list[str]:
    lines = []
    for each in results:
        embedded = each.embedded
        words = [f"{embedded.model or 'unnamed model'}, {embedded.metric} distance"]
        words += ["vectors averaged with those of mirrored crops"] if embedded.flip else []
        words += ["mean of the other folds subtracted"] if each.rules.subtract_mean else []
        words += ["thresholds on facenet's grid"] if each.rules.grid else []
        if embedded.faceless or embedded.problems:
            words.append(
                f"{embedded.faceless} pictures without a face and {len(embedded.problems)} unreadable: their pairs "
                "count as two people"
            )
        lines.append("; ".join(words))
    lines.append("Each fold is measured at the best threshold of the other folds; ± is the standard error over folds.")
    return [*lines, *([pages.OVER_PEOPLE] if results[0].intervals else [])]
