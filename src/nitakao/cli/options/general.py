"""Options that most commands share: verbosity, JSON, gallery and model; and the example that ends each help."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from nitakao.cli.output.voice import Voice

Command = TypeVar("Command", bound=Callable[..., Any])

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")


def with_voice(command: Command) -> Command:
    """Add -v and -q, which also work before the command's name, and pass a Voice as the first argument."""

    @click.option("-v", "--verbose", count=True, help="Print details; twice: tracebacks too.")
    @click.option("-q", "--quiet", is_flag=True, help="Print errors only, no progress or warnings.")
    @wraps(command)
    def wrapped(*arguments: Any, verbose: int, quiet: bool, **options: Any) -> Any:
        context = click.get_current_context()
        voice = context.find_object(Voice) or Voice()
        voice.level = -1 if quiet else max(voice.level, verbose) if verbose else voice.level
        return command(voice, *arguments, **options)

    return wrapped  # type: ignore[return-value]


def example(line: str) -> str:
    """The epilog of a command's help: one line that can be pasted."""
    return f"\b\nExample:\n  {line}"


def complete_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete names of models, or files if the text looks like a path."""
    from nitakao.errors import NitakaoError
    from nitakao.models.cards import registry

    if "/" in incomplete or "\\" in incomplete or incomplete.startswith("."):
        return [CompletionItem(incomplete, type="file")]
    try:
        cards = [*registry.cards(), *registry.user_cards()[0]]
    except (NitakaoError, OSError):
        return []
    return [CompletionItem(card.name, help=card.title) for card in cards if card.name.startswith(incomplete)]


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete files and folders."""
    return [CompletionItem(incomplete, type="file")]


def photos_argument(command: Command) -> Command:
    """Add the argument PHOTO..."""
    return click.argument("photos", nargs=-1, required=True, metavar="PHOTO...", shell_complete=complete_files)(command)


def vectors_option(text: str) -> Callable[[Command], Command]:
    return click.option("--vectors", type=click.Path(), metavar="FILE", help=text)


def model_option(text: str) -> Callable[[Command], Command]:
    return click.option("--model", metavar="MODEL", shell_complete=complete_models, help=text)


def gallery_option(command: Command) -> Command:
    """Add --gallery."""
    return click.option(
        "--gallery",
        metavar="FILE",
        shell_complete=complete_files,
        help="The gallery: a file or a postgresql:// URL (NITAKAO_GALLERY, or the one in your data folder).",
    )(command)


def parse_face_number(text: str) -> int:
    """The number of a face. Raises UsageError if the text is not one."""
    if not text.isdecimal() or len(text) > 18:
        raise click.UsageError(f"'{text}' is not the number of a face: use the numbers that listings show")
    return int(text)
