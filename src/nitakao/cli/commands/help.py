"""nitakao help: the help of any command."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from nitakao.cli import options


def _below(context: click.Context, names: list[str]) -> click.Context:
    """The context of a command that is named word by word. Raises UsageError where there is none."""
    for name in names:
        group = context.command
        command = group.get_command(context, name) if isinstance(group, click.Group) else None
        if command is None:
            known = ", ".join(group.list_commands(context)) if isinstance(group, click.Group) else "none"
            raise click.UsageError(f"'{context.command_path}' has no command '{name}': it has {known}")
        context = click.Context(command, parent=context, info_name=name)
    return context


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    try:
        above = _below(context.find_root(), list(context.params.get("command") or ()))
    except click.UsageError:
        return []
    names = above.command.list_commands(above) if isinstance(above.command, click.Group) else []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("help", epilog=options.example("nitakao help people name"))
@click.argument("command", nargs=-1, metavar="[COMMAND]...", shell_complete=_complete)
def help_(command: tuple[str, ...]) -> None:
    """Show the help of a command."""
    click.echo(_below(click.get_current_context().find_root(), list(command)).get_help())
