"""nitakao keys: who may ask the server."""

from __future__ import annotations

import time

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

ROLES = ("read", "write", "admin")


@click.group(epilog=options.example('nitakao keys create "the album" --role write'))
def keys() -> None:
    """Keys to the server, with roles: read asks, write changes and adds, admin forgets, exports and indexes folders.

    Once there is a key, everybody needs one, on this machine, too.
    """


@keys.command(epilog=options.example('nitakao keys create "the album" --role write'))
@click.argument("name")
@options.gallery_option
@click.option("--role", type=click.Choice(ROLES), default="read", show_default=True, help="What it may do.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.voiced
def create(voice: Voice, name: str, gallery: str | None, role: str, as_json: bool) -> None:
    """Make a key, and print it: this once, as only its hash is kept. NAME says whose it is."""
    from nitakao.tasks.gallery import api_keys as tasks

    key, secret = tasks.create(gallery, name, role)  # type: ignore[arg-type]  # one of the option's words
    if as_json:
        output.json_line({"id": key.id, "name": key.name, "role": key.role, "key": secret})
        return
    click.echo(secret)
    voice.warn(f"key {key.id}, {key.role}: it is shown this once")


@keys.command("list", epilog=options.example("nitakao keys list"))
@options.gallery_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.voiced
def list_(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """List the keys there are and were; never what they are."""
    from nitakao.tasks.gallery import api_keys as tasks

    found = tasks.keys(gallery)
    if as_json:
        for key in found:
            told = {"id": key.id, "name": key.name, "role": key.role, "created": key.created, "revoked": key.revoked}
            output.json_line(told)
        return
    rows = [(key.id, key.role, _day(key.created), _day(key.revoked), key.name) for key in found]
    output.table(("key", "role", "made", "revoked", "name"), rows)


@keys.command(epilog=options.example("nitakao keys revoke 2"))
@click.argument("key", type=int)
@options.gallery_option
@options.voiced
def revoke(voice: Voice, key: int, gallery: str | None) -> None:
    """End a key, by its number: within a second it opens nothing any more."""
    from nitakao.tasks.gallery import api_keys as tasks

    found = tasks.revoke(gallery, key)
    click.echo(f"key {found.id} ('{found.name}') is revoked")


def _day(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d", time.localtime(at))
