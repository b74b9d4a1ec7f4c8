"""Options that most commands share: verbosity, JSON, gallery and model; and the example that ends each help."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from nitakao.cli.output.voice import Voice

Command = TypeVar("Command", bound=Callable[..., Any])

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


def voiced(command: Command) -> Command:
    """-v and -q, which may stand before or after the command's name; the command gets a Voice as its first argument."""

    @click.option("-v", "--verbose", count=True, help="Say more; twice: tracebacks too.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress and no warnings, only errors.")
    @wraps(command)
    def wrapped(*arguments: Any, verbose: int, quiet: bool, **options: Any) -> Any:
        context = click.get_current_context()
        voice = context.find_object(Voice) or Voice()
        voice.level = -1 if quiet else max(voice.level, verbose) if verbose else voice.level
        return command(voice, *arguments, **options)

    return wrapped  # type: ignore[return-value]


def example(line: str) -> str:
    """The epilog: one line that can be pasted."""
    return f"\b\nExample:\n  {line}"


def models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models for the shell, or files where a path is begun."""
    from nitakao.errors import NitakaoError
    from nitakao.models.cards import registry

    if "/" in incomplete or "\\" in incomplete or incomplete.startswith("."):
        return [CompletionItem(incomplete, type="file")]
    try:
        cards = [*registry.cards(), *registry.user_cards()[0]]
    except (NitakaoError, OSError):
        return []
    return [CompletionItem(card.name, help=card.title) for card in cards if card.name.startswith(incomplete)]


def model_option(text: str) -> Callable[[Command], Command]:
    return click.option("--model", metavar="MODEL", shell_complete=models, help=text)


def gallery_option(command: Command) -> Command:
    """--gallery, which means the same for every command that has it."""
    return click.option(
        "--gallery",
        metavar="FILE",
        help="The gallery: a file, or a postgresql:// address (NITAKAO_GALLERY, else one in your data folder).",
    )(command)


def face_number(text: str) -> int:
    """The face that is meant. Raises UsageError for what is no number."""
    if not text.isdecimal() or len(text) > 18:
        raise click.UsageError(f"'{text}' is no face: faces are given by the numbers that listings show")
    return int(text)
