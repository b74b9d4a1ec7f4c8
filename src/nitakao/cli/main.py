"""The command `nitakao`: its subcommands, and how errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import click

from nitakao.cli.commands import doctor, models
from nitakao.cli.commands.align import align
from nitakao.cli.commands.calibrate import calibrate
from nitakao.cli.commands.classify import classify
from nitakao.cli.commands.cluster import cluster
from nitakao.cli.commands.detect import detect
from nitakao.cli.commands.embed import embed
from nitakao.cli.commands.evaluate import cohorts, pairs
from nitakao.cli.commands.evaluate import people as evaluate_people
from nitakao.cli.commands.evaluate.group import evaluate
from nitakao.cli.commands.export import export, import_
from nitakao.cli.commands.forget import forget
from nitakao.cli.commands.gallery import gallery
from nitakao.cli.commands.identify import identify
from nitakao.cli.commands.index import index
from nitakao.cli.commands.keys import keys
from nitakao.cli.commands.people import people
from nitakao.cli.commands.reindex import reindex
from nitakao.cli.commands.search import search
from nitakao.cli.commands.serve import serve
from nitakao.cli.commands.train import train
from nitakao.cli.commands.verify import verify
from nitakao.cli.options import example
from nitakao.cli.output import Voice
from nitakao.errors import MisuseError, NitakaoError
from nitakao.system.cpu import limit_malloc_arenas

FAILED, MISUSED, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141  # the last two: 128 + the signal's number, as shells have it


class Commands(click.Group):
    """A group that answers everything nitakao refuses with one sentence on standard error."""

    def invoke(self, context: click.Context) -> Any:
        _write_any_name()
        limit_malloc_arenas()
        try:
            return super().invoke(context)
        except NitakaoError as error:
            _trace(context)
            click.echo(f"nitakao: {error}", err=True)
            context.exit(MISUSED if isinstance(error, MisuseError) else FAILED)
        except KeyboardInterrupt:
            click.echo("nitakao: interrupted", err=True)
            context.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader, such as `head`, has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            context.exit(PIPE_CLOSED)
        except OSError as error:
            _trace(context)
            click.echo(f"nitakao: {_plain(error)}", err=True)
            context.exit(FAILED)


def _write_any_name() -> None:
    """A file's name that the terminal cannot show must not end a run: it is shown with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _trace(context: click.Context) -> None:
    voice = context.find_object(Voice)
    if voice is not None and voice.level >= 2:
        traceback.print_exc()


def _plain(error: OSError) -> str:
    name = f"'{error.filename}': " if error.filename else ""
    return f"{name}{error.strerror or error}"


def _version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"nitakao {version('nitakao')}")
        context.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("nitakao embed photos -o faces.npz"),
)
@click.option("-v", "--verbose", count=True, help="Say more; twice: tracebacks too.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no warnings, only errors.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(context: click.Context, verbose: int, quiet: bool) -> None:
    """Find faces in photographs, turn them into vectors, and ask who is alike.

    Results go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 failed, 2 misused,
    130 interrupted.
    """
    context.obj = Voice(-1 if quiet else verbose)


SHELLS = ("bash", "zsh", "fish")


@main.command(epilog=example('eval "$(nitakao completion bash)"'))
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and model names in a shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # click has these three
    click.echo(found(main, {}, "nitakao", "_NITAKAO_COMPLETE").source())


# Its subcommands, which each have a file of their own
for below in (
    pairs.pairs,
    evaluate_people.identification,
    evaluate_people.retrieval,
    evaluate_people.clustering,
    cohorts.cohorts,
):
    evaluate.add_command(below)
for command in (
    embed,
    index,
    detect,
    verify,
    calibrate,
    reindex,
    search,
    identify,
    cluster,
    classify,
    people,
    serve,
    keys,
    forget,
    gallery,
    evaluate,
    align,
    export,
    import_,
    models.models,
    train,
    doctor.doctor,
):
    main.add_command(command)
