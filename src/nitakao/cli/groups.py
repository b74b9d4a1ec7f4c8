"""Groups of commands, which load a command when it is called and list their commands in sections."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from nitakao.cli import defaults


class Lazy(NamedTuple):
    """A command in another module.

    Args:
        place: 'module:attribute', below nitakao.cli.commands.
        summary: The first sentence of its help, so that a list of commands loads none of them; a test compares it.
    """

    place: str
    summary: str


Sections = Mapping[str, Mapping[str, Lazy]]


class Group(click.Group):
    """A group whose commands also take their options from the environment and the configuration file.

    Args:
        sections: Commands in other modules, by the title that stands above them in the help, then by name.
    """

    def __init__(self, *arguments: Any, sections: Sections | None = None, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.sections = sections or {}
        self._lazy = {name: lazy for commands in self.sections.values() for name, lazy in commands.items()}

    def list_commands(self, context: click.Context) -> list[str]:
        return [*self.commands, *self._lazy]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self._lazy:
            return super().get_command(context, name)
        module, _, attribute = self._lazy[name].place.partition(":")
        found: click.Command = getattr(import_module(f"nitakao.cli.commands.{module}"), attribute)
        return found

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(context, arguments)
        if name is not None and command is not None:
            asks_for_help = any(argument in context.help_option_names for argument in rest)
            defaults.prepare(context, name, command, read_file=not (asks_for_help or context.resilient_parsing))
        return name, command, rest

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        own = {name: Lazy("", command.get_short_help_str(200)) for name, command in self.commands.items()}
        sections = {**({"Commands": own} if own else {}), **self.sections}
        width = max(len(name) for commands in sections.values() for name in commands)
        for title, commands in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), lazy.summary) for name, lazy in commands.items()])
