"""nitakao people: who is in a gallery, and putting right who is who."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.gallery.people.corrections import Done
    from nitakao.gallery.people.reviews import Doubt

ANSWERS = ("yes", "no", "skip")


class ListFirst(click.Group):
    """A group that lists where no command is named."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        helped = context.help_option_names
        if not arguments or (arguments[0].startswith("-") and arguments[0] not in helped):
            arguments = ["list", *arguments]
        return super().parse_args(context, arguments)


NUMBER = click.IntRange(1, 2**63 - 1)  # what a database can count
FACES = click.argument("faces", nargs=-1, required=True, type=NUMBER, metavar="FACE...")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@click.group(cls=ListFirst, epilog=options.example("nitakao people"))
def people() -> None:
    """The people of a gallery: list them, name them, put right who is who, and take it back.

    A person is given as a name or as '#12', in quotes; a face as the number that listings show. Without a command, the
    people are listed.
    """


@people.command("list", epilog=options.example("nitakao people list --named"))
@click.option("--named", is_flag=True, help="Only those with a name.")
@click.option("--hidden", is_flag=True, help="Hidden ones too.")
@options.gallery_option
@JSON
@options.voiced
def list_(voice: Voice, named: bool, hidden: bool, gallery: str | None, as_json: bool) -> None:
    """List the people: number, name, how many faces in how many photographs, and the face that shows them best."""
    from nitakao.tasks.gallery import people as task

    found = task.people(gallery, hidden=hidden, named=named)
    header = ("person", "name", "faces", "photos", "cover", "hidden")
    rows = [(f"#{p.id}", p.name, p.faces, p.photos, p.cover, p.hidden) for p in found]
    if as_json:
        for person, row in zip(found, rows, strict=True):
            output.json_line(dict(zip(header, (person.id, *row[1:]), strict=True)))
        return
    shown = header if hidden else header[:-1]
    output.table(shown, [[output.cell(value) for value in row[: len(shown)]] for row in rows])


@people.command(epilog=options.example("nitakao people name '#12' \"Ada Lovelace\""))
@click.argument("who")
@click.argument("name")
@options.gallery_option
@JSON
@options.voiced
def name(voice: Voice, who: str, name: str, gallery: str | None, as_json: bool) -> None:
    """Give somebody a name, or another one.

    WHO is a face's number, or a person: '#12' or the name until now. A face that belongs to nobody founds a person.
    """
    from nitakao.tasks.gallery import people as task

    _show(voice, task.name(gallery, options.face_number(who) if who.isdecimal() else who, name), as_json)


@people.command(epilog=options.example("nitakao people merge Ada '#12' '#15'"))
@click.argument("into")
@click.argument("others", nargs=-1, required=True)
@options.gallery_option
@JSON
@options.voiced
def merge(voice: Voice, into: str, others: tuple[str, ...], gallery: str | None, as_json: bool) -> None:
    """Make several persons one: INTO stays, with its name; if it has none, the other's name is kept."""
    from nitakao.tasks.gallery import people as task

    _show(voice, task.merge(gallery, into, *others), as_json)


@people.command(epilog=options.example('nitakao people split 17 23 --name "Eda"'))
@FACES
@click.option("--name", help="What the new person is called (nothing yet).")
@options.gallery_option
@JSON
@options.voiced
def split(voice: Voice, faces: tuple[int, ...], name: str | None, gallery: str | None, as_json: bool) -> None:
    """Make a new person of these faces. They are not given back by later grouping."""
    from nitakao.tasks.gallery import people as task

    _show(voice, task.split(gallery, faces, name), as_json)


@people.command(epilog=options.example("nitakao people move 17 23 Ada"))
@click.argument("faces", nargs=-1, required=True, metavar="FACE... PERSON")
@click.option("--nobody", is_flag=True, help="Give them to nobody; all arguments are faces then.")
@options.gallery_option
@JSON
@options.voiced
def move(voice: Voice, faces: tuple[str, ...], nobody: bool, gallery: str | None, as_json: bool) -> None:
    """Give faces to another person, or to nobody. They are not given back by later grouping."""
    from nitakao.tasks.gallery import people as task

    *numbers, person = [*faces, None] if nobody else faces
    if not numbers:
        raise click.UsageError("name the faces, by their numbers, then the person: 17 23 Ada")
    _show(voice, task.move(gallery, [options.face_number(str(number)) for number in numbers], person), as_json)


@people.command(epilog=options.example("nitakao people hide '#31'"))
@click.argument("persons", nargs=-1, required=True, metavar="PERSON...")
@options.gallery_option
@JSON
@options.voiced
def hide(voice: Voice, persons: tuple[str, ...], gallery: str | None, as_json: bool) -> None:
    """Leave persons out of listings and answers: strangers, faces on posters."""
    from nitakao.tasks.gallery import people as task

    _show(voice, task.hide(gallery, *persons), as_json)


@people.command("show", epilog=options.example("nitakao people show '#31'"))
@click.argument("persons", nargs=-1, required=True, metavar="PERSON...")
@options.gallery_option
@JSON
@options.voiced
def show_(voice: Voice, persons: tuple[str, ...], gallery: str | None, as_json: bool) -> None:
    """Take hidden persons in again."""
    from nitakao.tasks.gallery import people as task

    _show(voice, task.hide(gallery, *persons, hidden=False), as_json)


@people.command(epilog=options.example("nitakao people undo"))
@click.argument("entry", required=False, type=NUMBER)
@options.gallery_option
@JSON
@options.voiced
def undo(voice: Voice, entry: int | None, gallery: str | None, as_json: bool) -> None:
    """Take back the last entry of the journal, or the one of this number.

    Undoing is an entry, too: give its number, and what it took back stands again.
    """
    from nitakao.tasks.gallery import people as task

    undone = task.undo(gallery, entry)
    if as_json:
        output.json_line({"entry": undone.entry, "verb": undone.verb, "by": undone.by})
        return
    click.echo(f"entry {undone.entry} ({undone.verb}) is undone; 'nitakao people undo {undone.by}' brings it back")


@people.command(epilog=options.example("nitakao people journal -n 20"))
@click.option("-n", "most", type=click.IntRange(min=1), metavar="N", help="Only the last N entries.")
@options.gallery_option
@JSON
@options.voiced
def journal(voice: Voice, most: int | None, gallery: str | None, as_json: bool) -> None:
    """List who did what when, the latest first."""
    from nitakao.tasks.gallery import people as task

    found = task.journal(gallery, most)
    header = ("entry", "when", "who", "verb", "undone", "what")
    if as_json:
        for entry in found:
            row = (entry.id, entry.at, entry.who, entry.verb, entry.undone, entry.texts)
            output.json_line(dict(zip(header, row, strict=True)))
        return
    rows = [(e.id, _when(e.at), e.who, e.verb, e.undone is not None, "; ".join(e.texts)) for e in found]
    output.table(header, [[output.cell(value) for value in row] for row in rows])


@people.command(epilog=options.example("nitakao people review yes 17 Ada"))
@click.argument("answer", required=False, type=click.Choice(ANSWERS))
@click.argument("face", required=False, type=NUMBER)
@click.argument("person", required=False)
@options.gallery_option
@JSON
@options.voiced
def review(
    voice: Voice, answer: str | None, face: int | None, person: str | None, gallery: str | None, as_json: bool
) -> None:
    """List the faces in doubt, or answer: is FACE this PERSON?

    yes: it is theirs. no: it is not, and is never suggested for them again. skip: leave it out until it is suggested
    again. PERSON may be left out where the face is in doubt for one person only.
    """
    from nitakao.tasks.gallery import people as task

    if answer is None:
        _list_doubts(task.doubts(gallery), as_json)
        return
    if face is None:
        raise click.UsageError(f"which face? 'nitakao people review {answer} 17'")
    number = task.answer(gallery, face, person, answer)  # type: ignore[arg-type]  # one of the argument's words
    row = {"face": face, "person": number, "answer": answer}
    output.json_line(row) if as_json else output.table(list(row), [[face, f"#{number}", answer]])


def _list_doubts(doubts: list[Doubt], as_json: bool) -> None:
    header = ("face", "person", "name", "distance", "photo")
    for doubt in doubts if as_json else ():
        row = (doubt.kept.id, doubt.person, doubt.name, doubt.distance, doubt.kept.path)
        output.json_line(dict(zip(header, row, strict=True)))
    if not as_json:
        rows = [
            (d.kept.id, f"#{d.person}", d.name, f"{d.distance:.3f}", output.path_from_here(d.kept.path)) for d in doubts
        ]
        output.table(header, [[output.cell(value) for value in row] for row in rows])


def _show(voice: Voice, done: Done, as_json: bool) -> None:
    """What a correction came to."""
    if not done.entry:
        voice.warn("nothing to change: it is so already")
    for warning in done.warnings:
        voice.warn(f"warning: {output.cell(warning)}")
    if as_json:
        output.json_line({"entry": done.entry, "person": done.person, "name": done.name, "faces": done.faces})
        return
    person = "nobody" if done.person is None else f"#{done.person}"
    output.table(("entry", "person", "name", "moved"), [[done.entry, person, output.cell(done.name), done.faces]])


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
