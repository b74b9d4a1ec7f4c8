"""nitakao serve: the web page, REST and Microsoft's Face API from one process."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group, Lazy
from nitakao.cli.output import Voice
from nitakao.errors import MissingExtraError

NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "threadpoolctl")


SECTIONS = {"Access keys": {"keys": Lazy("keys:keys", "Create, list and revoke the access keys of the server.")}}


@click.group(
    cls=Group,
    sections=SECTIONS,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]...",
    epilog=options.example("nitakao serve --gallery family.db"),
)
@options.gallery_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; other addresses require a key."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0: a free one.")
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="Also accept this host name.")
@click.option("--allow-url-host", multiple=True, metavar="HOST", help="Face API: allow photo URLs on this host.")
@click.option(
    "--uploads", type=click.Path(file_okay=False), metavar="DIR", help="Folder for uploads (beside the gallery)."
)
@click.option("--max-body", type=float, default=32, show_default=True, metavar="MB", help="Largest request body.")
@click.option(
    "--max-pixels", type=float, default=100, show_default=True, metavar="MP", help="Largest photo, in megapixels."
)
@click.option("--max-requests", type=int, default=64, show_default=True, help="Concurrent requests.")
@click.option("--max-seconds", type=float, default=30, show_default=True, help="Timeout of a request.")
@options.model_option("Model of a new gallery (dlib-resnet).")
@click.option("--detector", type=click.Choice(options.DETECTORS), help="The face detector (mtcnn).")
@options.with_voice
def serve(
    voice: Voice,
    gallery: str | None,
    host: str,
    port: int,
    allow_hosts: tuple[str, ...],
    allow_url_host: tuple[str, ...],
    uploads: str | None,
    max_body: float,
    max_pixels: float,
    max_requests: int,
    max_seconds: float,
    model: str | None,
    detector: str | None,
) -> None:
    """Serve the web page and the REST APIs.

    The page is at /, the REST API at /api/v1 and Microsoft's Face API at /face, until Ctrl-C. Without keys, only this
    machine has access. To accept other machines or host names, create a key first: 'nitakao serve keys create NAME'.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        given = [name for name in context.params if _from_command_line(context, name)]
        if given:
            option = given[0].replace("_", "-")
            raise click.UsageError(f"give --{option} after the command: nitakao serve {context.invoked_subcommand} ...")
        return
    if any(find_spec(name) is None for name in NEEDED):
        raise MissingExtraError("serving", "serve")
    from nitakao.server import Settings, logs, serve
    from nitakao.values import DetectorSettings

    found: dict[str, Any] = {} if detector is None else {"detector": DetectorSettings(detector)}  # type: ignore[arg-type]
    settings = Settings(
        gallery=gallery,
        model=model,
        host=host,
        port=port,
        allow_hosts=allow_hosts,
        allow_urls=allow_url_host,
        uploads=None if uploads is None else Path(uploads).absolute(),
        body=int(max_body * 1024 * 1024),
        pixels=int(max_pixels * 1_000_000),
        requests=max_requests,
        seconds=max_seconds,
        **found,
    )
    logs.start(voice.level)

    def prepare(card: Any) -> None:
        output.show_notice(voice, card)
        output.fetch_weights(voice, card)

    serve.serve(settings, prepare=prepare, ready=lambda address: click.echo(f"nitakao is at {address}", err=True))


def _from_command_line(context: click.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE and name not in ("verbose", "quiet")
