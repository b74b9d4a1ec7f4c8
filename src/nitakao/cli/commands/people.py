"""nitakao people: who is in a gallery, and putting right who is who."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.gallery.people.corrections import Correction
    from nitakao.gallery.people.reviews import Review

ANSWERS = ("yes", "no", "skip")


class ListFirst(Group):
    """A group that lists when no command is named."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        helped = context.help_option_names
        if context.resilient_parsing:  # completion needs the names of the commands
            return super().parse_args(context, arguments)
        if not arguments or (arguments[0].startswith("-") and arguments[0] not in helped):
            arguments = ["list", *arguments]
        return super().parse_args(context, arguments)


NUMBER = click.IntRange(1, 2**63 - 1)  # what a database can count
FACES = click.argument("faces", nargs=-1, required=True, type=NUMBER, metavar="FACE...")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@click.group(cls=ListFirst, epilog=options.example("nitakao people"))
def people() -> None:
    """List, name and correct the people of a gallery.

    A person is a name or '#12', in quotes; a face is the number that listings show. Without a command, people are
    listed. Every change is an entry of the journal, and 'nitakao people undo' reverts it.
    """


@people.command("list", epilog=options.example("nitakao people list --named"))
@click.option("--named", is_flag=True, help="Only people with a name.")
@click.option("--hidden", is_flag=True, help="Include hidden people.")
@options.gallery_option
@JSON
@options.with_voice
def list_(voice: Voice, named: bool, hidden: bool, gallery: str | None, as_json: bool) -> None:
    """List people with their number, name, faces, photos and cover.

    The cover is the number of the person's best face.
    """
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
@options.with_voice
def name(voice: Voice, who: str, name: str, gallery: str | None, as_json: bool) -> None:
    """Name or rename a person.

    WHO is a face's number, or a person: '#12' or the current name. Naming an unassigned face makes a new person.
    """
    from nitakao.tasks.gallery import people as task

    _show(voice, task.name(gallery, options.parse_face_number(who) if who.isdecimal() else who, name), as_json)


@people.command(epilog=options.example("nitakao people merge Ada '#12' '#15'"))
@click.argument("into")
@click.argument("others", nargs=-1, required=True)
@options.gallery_option
@JSON
@options.with_voice
def merge(voice: Voice, into: str, others: tuple[str, ...], gallery: str | None, as_json: bool) -> None:
    """Merge people into one.

    INTO keeps its number and its name. If it has no name, it takes the name of the others.
    """
    from nitakao.tasks.gallery import people as task

    _show(voice, task.merge(gallery, into, *others), as_json)


@people.command(epilog=options.example('nitakao people split 17 23 --name "Eda"'))
@FACES
@click.option("--name", help="Name of the new person (none).")
@options.gallery_option
@JSON
@options.with_voice
def split(voice: Voice, faces: tuple[int, ...], name: str | None, gallery: str | None, as_json: bool) -> None:
    """Make a new person of these faces.

    Later clustering does not move them back.
    """
    from nitakao.tasks.gallery import people as task

    _show(voice, task.split(gallery, faces, name), as_json)


@people.command(epilog=options.example("nitakao people move 17 23 Ada"))
@click.argument("faces", nargs=-1, required=True, metavar="FACE... PERSON")
@click.option("--unassign", is_flag=True, help="Unassign the faces; all arguments are then faces.")
@options.gallery_option
@JSON
@options.with_voice
def move(voice: Voice, faces: tuple[str, ...], unassign: bool, gallery: str | None, as_json: bool) -> None:
    """Move faces to another person, or unassign them.

    Later clustering does not move them back.
    """
    from nitakao.tasks.gallery import people as task

    *numbers, person = [*faces, None] if unassign else faces
    if not numbers:
        raise click.UsageError("give the numbers of the faces, then the person: 17 23 Ada")
    _show(voice, task.move(gallery, [options.parse_face_number(str(number)) for number in numbers], person), as_json)


@people.command(epilog=options.example("nitakao people hide '#31'"))
@click.argument("persons", nargs=-1, required=True, metavar="PERSON...")
@options.gallery_option
@JSON
@options.with_voice
def hide(voice: Voice, persons: tuple[str, ...], gallery: str | None, as_json: bool) -> None:
    """Hide people, such as strangers or faces on posters.

    Hidden people are left out of lists and search results. 'nitakao people unhide' reverts it.
    """
    from nitakao.tasks.gallery import people as task

    _show(voice, task.hide(gallery, *persons), as_json)


@people.command(epilog=options.example("nitakao people unhide '#31'"))
@click.argument("persons", nargs=-1, required=True, metavar="PERSON...")
@options.gallery_option
@JSON
@options.with_voice
def unhide(voice: Voice, persons: tuple[str, ...], gallery: str | None, as_json: bool) -> None:
    """Unhide people."""
    from nitakao.tasks.gallery import people as task

    _show(voice, task.hide(gallery, *persons, hidden=False), as_json)


@people.command(epilog=options.example("nitakao people undo"))
@click.argument("entry", required=False, type=NUMBER)
@options.gallery_option
@JSON
@options.with_voice
def undo(voice: Voice, entry: int | None, gallery: str | None, as_json: bool) -> None:
    """Revert the last entry of the journal, or entry ENTRY.

    An undo is an entry too: undo it by its number to redo the change.
    """
    from nitakao.tasks.gallery import people as task

    undone = task.undo(gallery, entry)
    if as_json:
        output.json_line({"entry": undone.entry, "verb": undone.verb, "by": undone.by})
        return
    click.echo(f"entry {undone.entry} ({undone.verb}) is undone; redo it with 'nitakao people undo {undone.by}'")


@people.command(epilog=options.example("nitakao people journal --limit 20"))
@click.option("-k", "--limit", type=click.IntRange(min=1), metavar="N", help="Only the last N entries.")
@options.gallery_option
@JSON
@options.with_voice
def journal(voice: Voice, limit: int | None, gallery: str | None, as_json: bool) -> None:
    """List the changes to people, newest first."""
    from nitakao.tasks.gallery import people as task

    found = task.journal(gallery, limit)
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
@options.with_voice
def review(
    voice: Voice, answer: str | None, face: int | None, person: str | None, gallery: str | None, as_json: bool
) -> None:
    """List the faces to review, or answer one: is FACE this PERSON?

    yes assigns the face to the person; no rejects it, and the pair is never suggested again; skip removes it from the
    list until it is suggested again. PERSON may be omitted if the face is suggested for one person only.
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


def _list_doubts(doubts: list[Review], as_json: bool) -> None:
    header = ("face", "person", "name", "distance", "photo")
    for doubt in doubts if as_json else ():
        row = (doubt.face.id, doubt.person, doubt.name, doubt.distance, doubt.face.path)
        output.json_line(dict(zip(header, row, strict=True)))
    if not as_json:
        rows = [
            (d.face.id, f"#{d.person}", d.name, f"{d.distance:.3f}", output.path_from_here(d.face.path)) for d in doubts
        ]
        output.table(header, [[output.cell(value) for value in row] for row in rows])


def _show(voice: Voice, done: Correction, as_json: bool) -> None:
    """Print what a correction changed."""
    if not done.entry:
        voice.warn("nothing changed")
    for warning in done.warnings:
        voice.warn(f"warning: {output.cell(warning)}")
    if as_json:
        output.json_line({"entry": done.entry, "person": done.person, "name": done.name, "faces": done.faces})
        return
    person = "unassigned" if done.person is None else f"#{done.person}"
    output.table(("entry", "person", "name", "moved"), [[done.entry, person, output.cell(done.name), done.faces]])


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
