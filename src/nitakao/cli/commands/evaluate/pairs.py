"""nitakao evaluate pairs: the LFW protocol, and others of its kind."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.commands.evaluate import group as shared
from nitakao.cli.commands.evaluate.group import between, percent
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.evaluate.labelled import LabelledSet
    from nitakao.tasks.evaluate.pairs import PairRules, PairsResult


@click.command(epilog=options.example("nitakao evaluate pairs lfw --pairs pairs.txt --html lfw.html"))
@click.argument("folder", required=False, metavar="[DIR]")
@click.argument("more", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--pairs", required=True, type=click.Path(), metavar="FILE", help="Pairs like LFW's pairs.txt, or a .bin."
)
@click.option("--compare", is_flag=True, help="Compare the models named after DIR.")
@click.option("--folds", type=int, metavar="N", help="Split the pairs into N folds (as in the file).")
@click.option("--skip-missing", is_flag=True, help="Skip pairs with missing pictures.")
@click.option("--subtract-mean", is_flag=True, help="Subtract the mean of the other folds from every vector.")
@click.option("--grid", is_flag=True, help="Choose thresholds like facenet, on a grid of squared distances.")
@shared.measuring_options
@options.with_voice
def pairs(
    voice: Voice,
    folder: str | None,
    more: tuple[str, ...],
    pairs: str,
    compare: bool,
    folds: int | None,
    skip_missing: bool,
    subtract_mean: bool,
    grid: bool,
    model: str | None,
    vectors: tuple[str, ...],
    metric: str | None,
    draws: int,
    html: str | None,
    as_json: bool,
    **looking: Any,
) -> None:
    """Verify pairs of pictures, as in LFW.

    Each fold uses the threshold chosen on the other folds. DIR has a folder for each person, as LFW has. A .bin of
    InsightFace contains aligned pictures, which are used whole unless --detector is given. Pairs with a picture without
    a face count as different people.
    """
    from nitakao.tasks.evaluate import pairs_report, report
    from nitakao.tasks.evaluate.labelled import LabelledSet
    from nitakao.tasks.evaluate.pairs import PairRules, compare_pairs

    models = shared.several(model, more, compare, vectors)
    if html is not None:
        report.check(html)
    rules = PairRules(folds, skip_missing, subtract_mean, grid)
    data = LabelledSet(folder, aligned=looking["centre_crop"], metric=metric, draws=draws)  # type: ignore[arg-type]
    found = [_one(voice, data, pairs, rules, name, looking) for name in models] if not vectors else []
    found += [_one(voice, replace(data, vectors=file), pairs, rules, model, looking) for file in vectors]
    differences = compare_pairs([each for each, _ in found])
    if as_json:
        records = [_record(each, seconds) for each, seconds in found]
        difference_records = [shared.difference(each) for each in differences]
        output.json_line(records[0] if len(records) == 1 else {"models": records, "differences": difference_records})
    else:
        for place, (each, _) in enumerate(found):
            click.echo() if place else None
            _table(each)
        shared.tell_differences(differences)
    if html is not None:
        pairs_report.save(html, [each for each, _ in found], differences)


def _one(
    voice: Voice, data: LabelledSet, pairs: str, rules: PairRules, model: str | None, looking: dict[str, Any]
) -> tuple[PairsResult, float]:
    """The result of one model, and the seconds it took."""
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.evaluate import pairs as task

    default_detector = task.default_options(pairs).detector.name
    options = shared.embedding_options(**looking, default_detector=default_detector)
    start = time.monotonic()
    if data.vectors is not None:
        return task.pairs(data, pairs, rules=rules, model=model), time.monotonic() - start
    card = load_card(model)
    shared.ready(voice, card)
    start = time.monotonic()
    with voice.progress("pictures") as steps:
        progress = shared.progress(voice, steps)
        found = task.pairs(data, pairs, rules=rules, model=card, options=options, progress=progress)
    return found, time.monotonic() - start


def _table(found: PairsResult) -> None:
    verification, intervals = found.verification, found.intervals
    rows = [(fold.fold + 1, fold.pairs, f"{fold.threshold:.4f}", percent(fold.accuracy)) for fold in verification.folds]
    output.table(("fold", "pairs", "threshold", "accuracy"), rows)
    click.echo()
    rates = [
        (
            f"{rate.far:g}{' *' if rate.few else ''}",
            percent(rate.val),
            percent(rate.val_std),
            between(intervals.get(f"val@{rate.far:g}")),
            f"{rate.far_found:.5f}",
            f"{rate.far_std:.5f}",
            f"{rate.threshold:.4f}",
        )
        for rate in verification.rates
    ]
    output.table(("FAR", "VAL", "spread", "95%", "FAR found", "spread", "threshold"), rates)
    if any(rate.few for rate in verification.rates):
        click.echo("* fewer than one pair of two people in the other folds: extrapolated")
    click.echo()
    figures = [
        (
            "accuracy",
            f"{percent(verification.accuracy)} +- {percent(verification.standard_error)}",
            between(intervals.get("accuracy")),
        ),
        ("AUC", f"{verification.auc:.6f}", between(intervals.get("auc"), lambda value: f"{value:.6f}")),
        ("EER", percent(verification.eer), between(intervals.get("eer"))),
        ("threshold", f"{verification.threshold:.4f}", ""),
    ]
    output.table(("figure", "found", "95%"), figures)
    click.echo(_line(found))


def _line(found: PairsResult) -> str:
    """What makes the figures readable: model, metric, and how many of everything."""
    verification, pairs = found.verification, found.pairs
    named = f"{found.people} people" if pairs.named else "people not named"
    skipped = f"; {plural(pairs.skipped, 'pair')} skipped" if pairs.skipped else ""
    return (
        f"{shared.about(found.embedded)}{_ways(found.rules)}; {verification.pairs} pairs, "
        f"{verification.same} of one person, of {named}, {plural(len(pairs.pictures), 'picture')}"
        f"{shared.left_out(found.embedded)}{skipped}"
    )


def _ways(rules: PairRules) -> str:
    mean = ", mean subtracted" if rules.subtract_mean else ""
    return f"{mean}, facenet's grid of thresholds" if rules.grid else mean


def _record(found: PairsResult, seconds: float) -> dict[str, Any]:
    verification, measured, pairs = found.verification, found.embedded, found.pairs
    return {
        "model": measured.model,
        "metric": measured.metric,
        "flip": measured.flip,
        "subtract_mean": found.rules.subtract_mean,
        "grid": found.rules.grid,
        "accuracy": verification.accuracy,
        "std": verification.std,
        "standard_error": verification.standard_error,
        "auc": verification.auc,
        "eer": verification.eer,
        "threshold": verification.threshold,
        "accuracy_at_threshold": verification.pooled,
        "folds": [vars(fold) | {"fold": fold.fold + 1} for fold in verification.folds],
        "rates": [vars(rate) for rate in verification.rates],
        "intervals": {name: [each.low, each.high] for name, each in found.intervals.items()},
        "pairs": verification.pairs,
        "same": verification.same,
        "different": verification.pairs - verification.same,
        "people": found.people if pairs.named else None,
        "pictures": len(pairs.pictures),
        "skipped": pairs.skipped,
        "without_faces": measured.faceless,
        "unreadable": len(measured.problems),
        "seconds": round(seconds, 3),
    }
