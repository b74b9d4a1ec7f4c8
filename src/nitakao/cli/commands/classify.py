"""nitakao classify: people learnt from the gallery's names, and recognised in photographs without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.classifiers import Report
    from nitakao.tasks.search.classify import Classified, Guess

METHODS = ("logistic", "svm", "nearest")  # spelled out for a quick --help; a test compares
METHOD = click.option(
    "--method", type=click.Choice(METHODS), default="logistic", show_default=True, help="How it learns."
)
REFUSE = click.option(
    "--refuse", type=float, default=0.99, show_default=True, metavar="SHARE", help="Share of strangers to be refused."
)
MODEL = options.model_option("A card or network in place of the gallery's model by its name.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
NOBODY = "nobody known"


@click.group(epilog=options.example("nitakao classify train -o people.skops"))
def classify() -> None:
    """Learn who people are from the gallery's names, and recognise them in photographs without the gallery.

    Needs an extra: pip install "nitakao[learn]".
    """


@classify.command(epilog=options.example("nitakao classify train -o people.skops"))
@click.option("-o", "--out", required=True, type=click.Path(), metavar="FILE", help="Where the classifier is kept.")
@METHOD
@REFUSE
@options.gallery_option
@MODEL
@JSON
@options.voiced
def train(
    voice: Voice, out: str, method: str, refuse: float, gallery: str | None, model: str | None, as_json: bool
) -> None:
    """Train a classifier on the people who have a name, and keep it in FILE.

    The file holds their names and numbers made from their faces, no pictures; it outlives what is forgotten in the
    gallery. Faces that score too low are nobody known: where that begins is chosen so that SHARE of strangers is
    refused, seen on people who were left out of the training in turn.
    """
    from nitakao.tasks.search import classify as task

    made = task.train_classifier(gallery, method=method, refuse=refuse, model=model)  # type: ignore[arg-type]  # an option's word
    task.save_classifier(made, out)
    told = {"output": out, "method": made.method, "people": len(made.people), "faces": made.faces}
    told |= {"threshold": made.threshold, "refused": made.refused, "model": made.model}
    if as_json:
        output.json_line(told)
        return
    click.echo(f"{plural(made.faces, 'face')} of {len(made.people)} people learnt, in '{out}'")
    click.echo(f"{made.model}, {made.method}; nobody known at a score of {made.threshold:.3f} or less")


@classify.command(epilog=options.example("nitakao classify predict people.skops photos"))
@click.argument("file", type=click.Path())
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@options.faces_option("Which faces of a photograph are recognised (all).")
@options.model_option("The card or network of the classifier's model, where it is not known by its name.")
@options.detector_options
@options.device_options
@options.form_options
@options.voiced
def predict(voice: Voice, file: str, photos: tuple[str, ...], form: str | None, **given: Any) -> None:
    """Say who is in photographs, with a classifier that 'train' made. PHOTO is a file, a folder, a glob, or -."""
    from nitakao.errors import PhotoError
    from nitakao.tasks.arguments import card_of
    from nitakao.tasks.photos.embed import Tally
    from nitakao.tasks.search import classify as task

    look = options.look(**given)
    known = task.read_classifier(file)
    card = card_of(look.model or known.model)
    known.check(card)
    output.notice(voice, card)
    output.fetched(voice, card)
    found = task.classify(known, photos, look=look, stdin=options.standard_input(photos))
    if form is None:
        click.echo(HEADER)
    elif form == "csv":
        click.echo(",".join(FIELDS))
    tally = Tally()
    with voice.progress("photos") as steps:
        output.count_aside(voice, steps, photos, look.allow_urls)
        for one in found:
            tally.add(one.outcome)
            output.watched(voice, steps, one.outcome)
            _show(one, form)
    if tally.unreadable and tally.unreadable == tally.photos:
        raise PhotoError(f"none of the {tally.photos} photographs could be read")
    if form is None:
        click.echo(f"{known.model}, {known.method}; nobody known at a score of {known.threshold:.3f} or less")


HEADER = f"{'face':>4}  {'score':>7}  {'who':<24}  photo"
FIELDS = ("photo", "number", "box", "who", "likeliest", "score")


def _show(one: Classified, form: str | None) -> None:
    for number, guess in enumerate(one.guesses):
        if form is None:
            who = output.padded(guess.name or NOBODY, 24)
            click.echo(f"{number:4}  {guess.score:7.3f}  {who}  {output.harmless(one.outcome.source)}")
        else:
            output.write_one(_record(one, number, guess), form)


def _record(one: Classified, number: int, guess: Guess) -> dict[str, Any]:
    told = {"photo": one.outcome.source, "number": number, "box": output.box(one.outcome.faces[number].box)}
    return told | {"who": guess.name or None, "likeliest": guess.likeliest, "score": guess.score}


@classify.command(epilog=options.example("nitakao classify report --method svm"))
@METHOD
@REFUSE
@options.gallery_option
@MODEL
@JSON
@options.voiced
def report(voice: Voice, method: str, refuse: float, gallery: str | None, model: str | None, as_json: bool) -> None:
    """Say how well a classifier of these people does, by cross-validation.

    Each face is tried by a classifier that has not seen its photograph, and strangers are people whom a classifier has
    not seen at all. People who are in one photograph only cannot be tried.
    """
    from nitakao.tasks.search import classify as task

    with voice.progress("classifiers") as steps:
        found = task.report(gallery, method=method, refuse=refuse, model=model, step=steps.step)  # type: ignore[arg-type]
    if as_json:
        for person in found.people:
            told = {"name": person.name, "faces": person.faces, "tried": person.tried, "right": person.right}
            output.json_line(told | {"refused": person.refused, "wrong": person.wrong})
        return
    rows = [[p.tried, p.right, p.refused, p.wrong, p.name] for p in found.people if p.tried]
    output.table(["tried", "right", "refused", "wrong", "person"], rows)
    _summary(found)


def _summary(found: Report) -> None:
    if found.tried:
        refused = found.tried - found.right - found.wrong
        click.echo(
            f"{found.method}: of {plural(found.tried, 'face')} {found.right / found.tried:.1%} right, "
            f"{refused / found.tried:.1%} refused, {found.wrong / found.tried:.1%} wrong"
        )
    if found.left_out:
        click.echo(f"not tried, since all their faces are in one photograph: {found.left_out} of {len(found.people)}")
    click.echo(
        f"strangers: {found.refused / found.strangers:.1%} of {found.strangers} refused ({found.share:.1%} asked for)"
    )
