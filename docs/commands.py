"""Writes docs/commands.md from the commands' own help; with --check, says whether it is still true."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from nitakao.cli.main import main

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 100  # characters; wider help would need scrolling on the web


def pages(command: click.Command, name: str, above: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """(name, help) of a command and of all that are below it."""
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent=above, info_name=name, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from pages(found, below, context)


def text() -> str:
    parts = ["# Commands", "What `--help` prints. Written by `make docs`; the tests compare it."]
    for name, shown in pages(main, "nitakao"):
        parts += [f"## {name}", f"```text\n{shown.rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text():
            raise SystemExit("docs/commands.md is not what the commands print: run 'make docs'")
    else:
        PAGE.write_text(text(), encoding="utf-8")
