"""What the server is told when it starts."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from nitakao.errors import MisuseError
from nitakao.values import DetectorSettings, ModelCard


@dataclass(frozen=True)
class Settings:
    """How to serve.

    gallery: as for the commands.  model: a card in place of the gallery's by its name; it makes a gallery where there
    is none.  allow_hosts: names by which others may call the server, besides this machine's own.  allow_urls: hosts
    that pictures may be fetched from (Face API only).  uploads: folder for photographs that are handed in; None: beside
    the gallery.
    body: bytes of a request.  pixels: of a picture.  requests: at once; one more is told to come again.  seconds: for a
    request to arrive, and again to be answered.
    """

    gallery: str | os.PathLike[str] | None = None
    model: str | ModelCard | None = None
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    host: str = "127.0.0.1"
    port: int = 8000
    allow_hosts: tuple[str, ...] = ()
    allow_urls: tuple[str, ...] = ()
    uploads: Path | None = None
    body: int = 32 * 1024 * 1024
    pixels: int = 100_000_000  # 300 MB once decoded whole, which a JPEG rarely is
    requests: int = 64
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise MisuseError(f"a port is 0 to 65535, not {self.port}")
        if min(self.body, self.pixels, self.requests) < 1 or not self.seconds > 0:
            raise MisuseError("limits of the server are numbers above 0")

    @property
    def is_open(self) -> bool:
        """Whether others than this machine's users may call, so that there must be keys."""
        return not is_loopback(self.host) or any(not is_loopback(name) for name in self.allow_hosts)


def is_loopback(name: str) -> bool:
    """Whether a name or an address means this machine and nothing else."""
    name = name.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
