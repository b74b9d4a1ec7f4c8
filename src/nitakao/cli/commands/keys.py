"""nitakao serve keys: the access keys of the server."""

from __future__ import annotations

import time

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group
from nitakao.cli.output import Voice

ROLES = ("read", "write", "admin")


@click.group(cls=Group, epilog=options.example('nitakao serve keys create "the album" --role write'))
def keys() -> None:
    """Create, list and revoke the access keys of the server.

    Roles: read may search, write may also add and change, admin may also delete, export and index folders. Once a key
    exists, every client needs one, on this machine too.
    """


@keys.command(epilog=options.example('nitakao serve keys create "the album" --role write'))
@click.argument("name")
@options.gallery_option
@click.option("--role", type=click.Choice(ROLES), default="read", show_default=True, help="What the key allows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.with_voice
def create(voice: Voice, name: str, gallery: str | None, role: str, as_json: bool) -> None:
    """Create a key and print its secret.

    The secret is shown only once, since the gallery stores only its hash. NAME describes the key.
    """
    from nitakao.tasks.gallery import api_keys as tasks

    key, secret = tasks.create(gallery, name, role)  # type: ignore[arg-type]  # one of the option's words
    if as_json:
        output.json_line({"id": key.id, "name": key.name, "role": key.role, "key": secret})
        return
    click.echo(secret)
    voice.warn(f"key {key.id}, {key.role}: the secret is shown only once")


@keys.command("list", epilog=options.example("nitakao serve keys list"))
@options.gallery_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.with_voice
def list_(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """List active and revoked keys, never the secrets."""
    from nitakao.tasks.gallery import api_keys as tasks

    found = tasks.keys(gallery)
    if as_json:
        for key in found:
            told = {"id": key.id, "name": key.name, "role": key.role, "created": key.created, "revoked": key.revoked}
            output.json_line(told)
        return
    rows = [(key.id, key.role, _day(key.created), _day(key.revoked), key.name) for key in found]
    output.table(("key", "role", "created", "revoked", "name"), rows)


@keys.command(epilog=options.example("nitakao serve keys revoke 2"))
@click.argument("key", type=int)
@options.gallery_option
@options.with_voice
def revoke(voice: Voice, key: int, gallery: str | None) -> None:
    """Revoke a key by its number.

    It stops working within one second.
    """
    from nitakao.tasks.gallery import api_keys as tasks

    found = tasks.revoke(gallery, key)
    click.echo(f"revoked key {found.id} ('{found.name}')")


def _day(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d", time.localtime(at))
