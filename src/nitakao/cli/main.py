"""The command `nitakao`: its subcommands, and how errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import click

from nitakao.cli.groups import Group, Lazy
from nitakao.cli.options.general import example
from nitakao.cli.output.voice import Voice
from nitakao.errors import MisuseError, NitakaoError
from nitakao.system.cpu import limit_malloc_arenas

FAILED, MISUSED, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141  # the last two: 128 + the signal's number, as in shells

SECTIONS = {
    "Start here": {
        "doctor": Lazy("doctor:doctor", "Check the installation, the device and the default model."),
        "index": Lazy("index:index", "Add the faces of photos and videos to the gallery."),
        "cluster": Lazy("cluster:cluster", "Group the faces of the gallery by person."),
        "search": Lazy("search:search", "List the faces that look most like a probe."),
        "serve": Lazy("serve:serve", "Serve the web page and the REST APIs."),
    },
    "Photos without a gallery": {
        "detect": Lazy("detect:detect", "Find the faces in photos."),
        "embed": Lazy("embed:embed", "Write an embedding of every face to a file."),
        "verify": Lazy("verify:verify", "Compare two faces: are they the same person?"),
        "search-folder": Lazy("search_folder:search_folder", "Search photos for a face, without a gallery."),
        "align": Lazy("align:align", "Crop and align the faces of a dataset."),
    },
    "People": {
        "people": Lazy("people:people", "List, name and correct the people of a gallery."),
        "identify": Lazy("identify:identify", "Say which named person a face is."),
        "classify": Lazy("classify:classify", "Train a classifier of named people, and use it."),
    },
    "Gallery": {
        "gallery": Lazy("gallery:gallery", "Inspect, back up, repair and re-embed a gallery."),
        "export": Lazy("export:export", "Write faces and names to a file, or to XMP side-cars."),
        "import": Lazy("export:import_", "Add files of vectors, or names from XMP, to a gallery."),
        "forget": Lazy("forget:forget", "Delete people, photos or faces permanently."),
    },
    "Models and evaluation": {
        "models": Lazy("models:models", "List, download, import and check models."),
        "evaluate": Lazy("evaluate.group:evaluate", "Measure the accuracy of a model."),
        "train": Lazy("train:train", "Train a model on photos of people."),
    },
    "Help": {
        "help": Lazy("help:help_", "Show the help of a command."),
        "completion": Lazy("completion:completion", "Print the completion script of a shell."),
    },
}


class Main(Group):
    """A group that answers every error of nitakao with one sentence on standard error."""

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
        except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            context.exit(PIPE_CLOSED)
        except OSError as error:
            _trace(context)
            click.echo(f"nitakao: {_plain(error)}", err=True)
            context.exit(FAILED)


def _write_any_name() -> None:
    """Show file names that the terminal's encoding lacks with escapes, instead of failing."""
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


def _version(context: click.Context, parameter: click.Parameter, requested: bool) -> None:
    if requested and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"nitakao {version('nitakao')}")
        context.exit()


@click.group(
    cls=Main,
    sections=SECTIONS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("nitakao index photos"),
)
@click.option("-v", "--verbose", count=True, envvar="NITAKAO_VERBOSE", help="Print details; twice: tracebacks too.")
@click.option("-q", "--quiet", is_flag=True, envvar="NITAKAO_QUIET", help="Print errors only, no progress or warnings.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(context: click.Context, verbose: int, quiet: bool) -> None:
    """Find faces in photos, embed them, and search them.

    Results go to standard output; progress and warnings go to standard error. Every option can also be set by an
    environment variable (NITAKAO_SEARCH_LIMIT for 'search --limit') or in a configuration file: see
    docs/configuration.md. Exit codes: 0 done, 1 failed, 2 invalid arguments, 130 interrupted.
    """
    context.obj = voice = Voice(-1 if quiet else verbose)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        voice.next("'nitakao doctor' checks the installation, 'nitakao index PHOTOS' adds photos to a gallery")
