"""nitakao doctor: checks of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    pass


@click.command(epilog=options.example("nitakao doctor"))
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.with_voice
def doctor(voice: Voice, device: str | None, gpu_memory_fraction: float | None, as_json: bool) -> None:
    """Check the installation, the device and the default model.

    Lists the installed libraries, the devices that run networks and the weights on this machine, and compares the
    default model's output with its reference vector. Downloads nothing. The exit code is 1 if a required check fails.
    """
    from nitakao.tasks.models import doctor as task

    output.print_checks(task.examine(options.device_of(device, gpu_memory_fraction)), as_json)
