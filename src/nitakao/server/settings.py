"""Settings of the server."""

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

    Attributes:
        gallery: Path or URL of the gallery, as for the commands.
        model: Name, path or card of the model; needed to create a gallery.
        detector: Detector settings of requests without their own.
        host: Address to listen on.
        port: Port to listen on; 0 for any free port.
        allow_hosts: Host names that clients may use besides those of this machine.
        allow_urls: Hosts that the Face API may fetch pictures from.
        uploads: Folder for uploaded photographs; None for one beside the gallery.
        body: Limit of a request's body, in bytes.
        pixels: Limit of a picture, in pixels.
        requests: Limit of concurrent requests; more are answered 429.
        seconds: Limit for a request to arrive, and again for its answer.
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
    pixels: int = 100_000_000  # 300 MB when fully decoded
    requests: int = 64
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise MisuseError(f"a port is 0 to 65535, not {self.port}")
        if min(self.body, self.pixels, self.requests) < 1 or not self.seconds > 0:
            raise MisuseError("the server's limits must be greater than 0")

    @property
    def is_open(self) -> bool:
        """Whether other machines can connect, so that access keys are required."""
        return not is_loopback(self.host) or any(not is_loopback(name) for name in self.allow_hosts)


def is_loopback(name: str) -> bool:
    """Whether a name or address is a loopback address of this machine."""
    name = name.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
