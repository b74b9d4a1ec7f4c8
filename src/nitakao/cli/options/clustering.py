"""Options of clustering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

METHODS = ("dbscan", "hdbscan", "agglomerative")  # spelled out for a quick --help; a test compares them


def clustering_options(command: Command) -> Command:
    """Add --method and --min-faces."""
    command = click.option(
        "--min-faces",
        type=int,
        default=3,
        show_default=True,
        help="With --method: DBSCAN's min_samples, HDBSCAN's min_cluster_size.",
    )(command)
    return click.option(
        "--method", type=click.Choice(METHODS), help="A scikit-learn method instead of nitakao's own clustering."
    )(command)
