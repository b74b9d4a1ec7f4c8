"""nitakao completion: the script that completes commands in a shell."""

from __future__ import annotations

import click

from nitakao.cli import options

SHELLS = ("bash", "zsh", "fish")


@click.command(epilog=options.example('eval "$(nitakao completion bash)"'))
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, their values, names of models, and files. To use it in every session, add the
    example's line to ~/.bashrc or ~/.zshrc; for fish: nitakao completion fish | source
    """
    from click.shell_completion import get_completion_class

    shell_class = get_completion_class(shell)
    assert shell_class is not None  # click has these three
    main = click.get_current_context().find_root().command
    click.echo(shell_class(main, {}, "nitakao", "_NITAKAO_COMPLETE").source())
