"""nitakao classify: a classifier of named people, used without the gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.classifiers import Report
    from nitakao.tasks.search.classify import ClassifiedPhoto, Guess

METHODS = ("logistic", "svm", "nearest")  # spelled out for a quick --help; a test compares
METHOD = click.option(
    "--method", type=click.Choice(METHODS), default="logistic", show_default=True, help="The kind of classifier."
)
REFUSE = click.option(
    "--refuse",
    type=float,
    default=0.99,
    show_default=True,
    metavar="SHARE",
    help="Share of strangers to refuse, 0 to 1.",
)
MODEL = options.model_option("The card of the model, if it is not installed by name.")
JSON = options.JSON
VECTORS = options.vectors_option("Use this file of vectors instead of a gallery, with --labels-from.")
LABELS = click.option(
    "--labels-from",
    type=click.Choice(["name", "folder", "person"]),
    help="With --vectors: label faces by photo name ('Ada_1.jpg'), by folder, or by the file's column of persons.",
)
UNKNOWN = "unknown"


@click.group(cls=Group, epilog=options.example("nitakao classify train -o people.skops"))
def classify() -> None:
    """Train a classifier of named people, and use it.

    A classifier recognises people in photos without the gallery. Requires an extra: pip install "nitakao[learn]".
    """


@classify.command(epilog=options.example("nitakao classify train -o people.skops"))
@click.option("-o", "--out", required=True, type=click.Path(), metavar="FILE", help="The file to write.")
@METHOD
@REFUSE
@options.gallery_option
@VECTORS
@LABELS
@MODEL
@JSON
@options.with_voice
def train(
    voice: Voice,
    out: str,
    method: Any,
    refuse: float,
    gallery: str | None,
    vectors: str | None,
    labels_from: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Train a classifier on the named people of a gallery.

    FILE holds names and weights computed from faces, but no pictures; 'nitakao forget' does not change it. Faces with a
    low score are classified as unknown: the threshold is chosen by cross-validation so that SHARE of strangers is
    refused.

    With --vectors, it trains on a file that 'nitakao embed' or the article's script wrote.
    """
    from nitakao.tasks.search import classify as task

    labels = _labels(gallery, vectors, labels_from)
    if vectors is not None:
        from nitakao.tasks.vectors.classify import train_on_vectors

        classifier = train_on_vectors(vectors, labels, method=method, refuse=refuse, model=model)
    else:
        classifier = task.train_classifier(gallery, method=method, refuse=refuse, model=model)
    task.save_classifier(classifier, out)
    record = {"output": out, "method": classifier.method, "people": len(classifier.people), "faces": classifier.faces}
    record |= {"threshold": classifier.threshold, "refused": classifier.refused, "model": classifier.model}
    if as_json:
        output.json_line(record)
        return
    click.echo(f"{plural(classifier.faces, 'face')} of {len(classifier.people)} people, saved in '{out}'")
    click.echo(f"{classifier.model}, {classifier.method}; unknown at scores up to {classifier.threshold:.3f}")


@classify.command(epilog=options.example("nitakao classify predict people.skops photos"))
@click.argument("file", type=click.Path())
@options.photos_argument
@options.faces_option("Which faces of a photo to classify (all).")
@options.model_option("The card of the classifier's model, if it is not installed by name.")
@options.detector_options
@options.device_options
@options.form_options
@options.with_voice
def predict(voice: Voice, file: str, photos: tuple[str, ...], form: str | None, **given: Any) -> None:
    """Classify the faces in photos.

    FILE is a classifier of 'nitakao classify train'. PHOTO is a file, a folder, a glob, or - for a list on standard
    input.
    """
    from nitakao.errors import PhotoError
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.photos.embed import PhotoCounts
    from nitakao.tasks.search import classify as task

    model, settings = given.pop("model"), options.pipeline_options(**given)
    known = task.read_classifier(file)
    card = load_card(model or known.model)
    known.check(card)
    output.show_notice(voice, card)
    output.fetch_weights(voice, card)
    found = task.classify(known, photos, model=model, options=settings, stdin=options.standard_input(photos))
    if form is None:
        click.echo(HEADER)
    elif form == "csv":
        click.echo(",".join(FIELDS))
    tally = PhotoCounts()
    with voice.progress("photos") as steps:
        output.count_in_background(voice, steps, photos, settings.allow_urls)
        for one in found:
            tally.add(one.outcome)
            output.show_outcome(voice, steps, one.outcome)
            _show(one, form)
    if tally.unreadable and tally.unreadable == tally.photos:
        raise PhotoError(f"none of the {tally.photos} photos could be read")
    if form is None:
        click.echo(f"{known.model}, {known.method}; unknown at scores up to {known.threshold:.3f}")


HEADER = f"{'face':>4}  {'score':>7}  {'name':<24}  photo"
FIELDS = ("photo", "number", "box", "name", "likeliest", "score")


def _show(one: ClassifiedPhoto, form: str | None) -> None:
    for number, guess in enumerate(one.guesses):
        if form is None:
            name = output.pad(guess.name or UNKNOWN, 24)
            click.echo(f"{number:4}  {guess.score:7.3f}  {name}  {output.harmless(one.outcome.source)}")
        else:
            output.write_one(_record(one, number, guess), form)


def _record(one: ClassifiedPhoto, number: int, guess: Guess) -> dict[str, Any]:
    record = {"photo": one.outcome.source, "number": number, "box": output.round_box(one.outcome.faces[number].box)}
    return record | {"name": guess.name or None, "likeliest": guess.likeliest, "score": guess.score}


@classify.command(epilog=options.example("nitakao classify report --method svm"))
@METHOD
@REFUSE
@options.gallery_option
@VECTORS
@LABELS
@MODEL
@JSON
@options.with_voice
def report(
    voice: Voice,
    method: Any,
    refuse: float,
    gallery: str | None,
    vectors: str | None,
    labels_from: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Cross-validate a classifier of these people.

    Each face is classified by a classifier trained without its photo; strangers are people left out of the training.
    People with only one photo are not tested.
    """
    from nitakao.tasks.search import classify as task

    labels = _labels(gallery, vectors, labels_from)
    with voice.progress("classifiers") as steps:
        if vectors is not None:
            from nitakao.tasks.vectors.classify import report_on_vectors

            found = report_on_vectors(vectors, labels, method=method, refuse=refuse, model=model, step=steps.step)
        else:
            found = task.report(gallery, method=method, refuse=refuse, model=model, step=steps.step)
    if as_json:
        for person in found.people:
            record = {"name": person.name, "faces": person.faces, "tried": person.tried, "right": person.right}
            output.json_line(record | {"refused": person.refused, "wrong": person.wrong})
        return
    rows = [[p.tried, p.right, p.refused, p.wrong, p.name] for p in found.people if p.tried]
    output.table(["faces", "right", "refused", "wrong", "person"], rows)
    _summary(found)


def _labels(gallery: str | None, vectors: str | None, labels_from: str | None) -> Any:
    """Where labels come from. Raises UsageError if the options contradict each other."""
    if vectors is not None and gallery is not None:
        raise click.UsageError("give --gallery or --vectors, not both")
    if (vectors is None) != (labels_from is None):
        raise click.UsageError("--vectors and --labels-from require each other")
    return labels_from


def _summary(found: Report) -> None:
    if found.tried:
        refused = found.tried - found.right - found.wrong
        click.echo(
            f"{found.method}: of {plural(found.tried, 'face')} {found.right / found.tried:.1%} right, "
            f"{refused / found.tried:.1%} refused, {found.wrong / found.tried:.1%} wrong"
        )
    if found.left_out:
        click.echo(f"not tested, since they have only one photo: {found.left_out} of {len(found.people)}")
    click.echo(
        f"strangers: {found.refused / found.strangers:.1%} of {found.strangers} refused ({found.share:.1%} requested)"
    )
