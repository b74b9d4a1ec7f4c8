"""nitakao serve: REST, the page and Microsoft's Face API from one process."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice
from nitakao.errors import MissingExtraError

NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "threadpoolctl")


@click.command(epilog=options.example("nitakao serve --gallery family.db"))
@options.gallery_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; others need keys.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0: any.")
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="Another name of this server.")
@click.option(
    "--allow-url", "allow_urls", multiple=True, metavar="HOST", help="Face API: pictures may be fetched from HOST."
)
@click.option("--uploads", type=click.Path(file_okay=False), metavar="DIR", help="Where uploads go (by the gallery).")
@click.option("--max-body", type=float, default=32, show_default=True, metavar="MB", help="Largest request.")
@click.option("--max-pixels", type=float, default=100, show_default=True, metavar="MP", help="Largest picture.")
@click.option("--max-requests", type=int, default=64, show_default=True, help="Requests at once.")
@click.option("--max-seconds", type=float, default=30, show_default=True, help="Longest that a request may take.")
@options.model_option("The model of a gallery that is not there yet (dlib-resnet).")
@click.option("--detector", type=click.Choice(options.DETECTORS), help="How faces are found (mtcnn).")
@options.voiced
def serve(
    voice: Voice,
    gallery: str | None,
    host: str,
    port: int,
    allow_hosts: tuple[str, ...],
    allow_urls: tuple[str, ...],
    uploads: str | None,
    max_body: float,
    max_pixels: float,
    max_requests: int,
    max_seconds: float,
    model: str | None,
    detector: str | None,
) -> None:
    """Serve the page, REST (/api/v1) and Microsoft's Face API (/face) until Ctrl-C.

    Only this machine may call, and needs no key, unless there are keys ('nitakao keys create'). Listening at another
    address, or being called by another name, needs keys first.
    """
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
        allow_urls=allow_urls,
        uploads=None if uploads is None else Path(uploads).absolute(),
        body=int(max_body * 1024 * 1024),
        pixels=int(max_pixels * 1_000_000),
        requests=max_requests,
        seconds=max_seconds,
        **found,
    )
    logs.start(voice.level)

    def prepare(card: Any) -> None:
        output.notice(voice, card)
        output.fetched(voice, card)

    serve.serve(settings, prepare=prepare, ready=lambda address: click.echo(f"nitakao is at {address}", err=True))
