"""nitakao doctor: what is installed, what runs, and whether the numbers come out right."""

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
@options.voiced
def doctor(voice: Voice, device: str | None, gpu_memory_fraction: float | None, as_json: bool) -> None:
    """Say what is installed, which device runs, which weights are here, and check the default model's numbers.

    Fetches nothing. The exit code is 1 if something is wrong that nitakao cannot do without.
    """
    from nitakao.tasks.models import doctor as task

    output.report(task.examine(options.device_of(device, gpu_memory_fraction)), as_json)
