"""Download photographs from http and https URLs, only if the caller allows it.

URLs may come from untrusted lists, so requests to the user's own network are refused: each host is resolved first, all
its addresses must be public, and the connection goes to the address that was checked. The same applies to redirects.
Proxy settings in the environment are ignored, because a proxy would resolve names itself.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from nitakao.errors import PhotoTooLargeError, UnreadablePhotoError

STALL_SECONDS = 20.0  # longest silence of a server
TOTAL_SECONDS = 120.0  # per photograph, against servers that send very slowly
DEFAULT_PORTS = (80, 443)
_CHUNK = 65_536  # bytes

Resolver: TypeAlias = Callable[[str, int], Sequence[tuple[Any, ...]]]  # returns what socket.getaddrinfo returns
Connector: TypeAlias = Callable[[tuple[Any, ...], float], socket.socket]  # one of its entries, and a timeout in seconds


def resolve_host(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """All addresses of a host."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def open_connection(entry: tuple[Any, ...], timeout: float) -> socket.socket:
    """Connect to an address from `resolve_host`."""
    family, kind, protocol, _, address = entry
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


@dataclass(frozen=True)
class FetchPolicy:
    """Which URLs may be fetched, and for how long.

    Attributes:
        hosts: Allowed hosts, also after redirects: 'example.com' (default ports) or 'example.com:8080'. None allows
            every public host.
        types: Allowed prefixes of the Content-Type; empty allows all.
        stall_timeout: Longest silence of the server, in seconds.
        total_timeout: Longest time for the whole download, in seconds.
        resolve, connect: Replaced only by tests.
    """

    hosts: frozenset[str] | None = None
    types: tuple[str, ...] = ()
    stall_timeout: float = STALL_SECONDS
    total_timeout: float = TOTAL_SECONDS
    resolve: Resolver = resolve_host
    connect: Connector = open_connection

    def check(self, host: str, port: int) -> None:
        """Raise UnreadablePhotoError if this host is not allowed."""
        name = host.lower()
        by_default_port = port in DEFAULT_PORTS and name in (self.hosts or ())
        if self.hosts is not None and not by_default_port and f"{name}:{port}" not in self.hosts:
            raise UnreadablePhotoError(f"'{host}' at port {port} is not an allowed host")


def fetch(url: str, max_bytes: int, fetch_policy: FetchPolicy | None = None) -> bytes:
    """Download the bytes at a URL.

    Args:
        url: An http or https URL.
        max_bytes: Larger files are refused.
        fetch_policy: Allowed hosts, types and timeouts; by default every public host.

    Raises:
        UnreadablePhotoError: If the URL cannot be fetched or is not allowed.
        PhotoTooLargeError: If the file is larger than `max_bytes`.
    """
    download = _Download(fetch_policy or FetchPolicy())
    try:
        request = urllib.request.Request(
            _to_ascii(url), headers={"User-Agent": "nitakao", "Accept": "image/*,*/*;q=0.5"}
        )
        with (
            download,
            contextlib.closing(
                _opener(download).open(request, timeout=download.fetch_policy.stall_timeout)
            ) as response,
        ):
            download.check_type(response)
            return _body(response, max_bytes, download)
    except urllib.error.HTTPError as error:
        error.close()
        raise UnreadablePhotoError(f"the server responds {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        download.check_time()
        raise UnreadablePhotoError(f"it cannot be fetched ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        download.check_time()
        raise UnreadablePhotoError(f"it cannot be fetched ({error or type(error).__name__})") from error


class _Download:
    """One download with its redirects; when the time is over, its connections are closed."""

    def __init__(self, fetch_policy: FetchPolicy) -> None:
        self.fetch_policy = fetch_policy
        self.deadline = time.monotonic() + fetch_policy.total_timeout
        self.open: list[socket.socket] = []
        self._alarm = threading.Timer(fetch_policy.total_timeout, self._shut_down)
        self._alarm.daemon = True

    def __enter__(self) -> _Download:
        self._alarm.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._alarm.cancel()

    def _shut_down(self) -> None:
        for connection in self.open:
            with contextlib.suppress(OSError):  # already closed
                connection.shutdown(socket.SHUT_RDWR)

    def check_time(self) -> None:
        if time.monotonic() >= self.deadline:
            raise UnreadablePhotoError(
                f"it cannot be fetched (not complete after {self.fetch_policy.total_timeout:.0f} seconds)"
            ) from None

    def check_type(self, response: Any) -> None:
        kind = response.headers.get("Content-Type", "").strip().lower()
        if self.fetch_policy.types and kind and not kind.startswith(self.fetch_policy.types):
            raise UnreadablePhotoError(f"the server sends '{kind[:80]}', which is not a picture")

    def open_socket(self, host: str, port: int) -> socket.socket:
        """Connect to one of the host's addresses after checking that all of them are public."""
        self.fetch_policy.check(host, port)
        entries = self.fetch_policy.resolve(host, port)
        for *_, address in entries:
            if not _is_public(str(address[0])):
                raise UnreadablePhotoError(
                    f"'{host}' is inside this machine or its network ({address[0]}): not fetched"
                )
        last_error: OSError = OSError(f"'{host}' has no address")
        for entry in entries:
            self.check_time()
            try:
                connection = self.fetch_policy.connect(entry, self.fetch_policy.stall_timeout)
            except OSError as error:
                last_error = error
                continue
            self.open.append(connection)
            self.check_time()  # the timer may have fired before this connection was in the list
            return connection
        raise last_error


def _body(response: Any, max_bytes: int, download: _Download) -> bytes:
    chunks, size = [], 0
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise PhotoTooLargeError(f"larger than the limit of {max_bytes} bytes")
        download.check_time()
        chunks.append(chunk)
    download.check_time()
    if response.length:  # fewer bytes than Content-Length
        raise UnreadablePhotoError(f"it cannot be fetched (the connection broke after {size} bytes)")
    return b"".join(chunks)


def _to_ascii(url: str) -> str:
    """Encode a URL in ASCII: IDNA host, percent-encoded path. Raises ValueError if there is no host."""
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname:
        raise ValueError("the URL has no host")
    if parts.username or parts.password:
        raise ValueError("URLs with a password are not fetched")
    host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode("ascii")
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urllib.parse.urlunsplit((parts.scheme, host + port, path, query, ""))


def _opener(download: _Download) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()  # build_opener would add ftp, file, data and proxies
    for handler in (
        _Http(download),
        _Https(download),
        _Redirect(),
        urllib.request.HTTPErrorProcessor(),
        _ErrorResponses(),
    ):
        opener.add_handler(handler)
    return opener


class _ErrorResponses(urllib.request.HTTPDefaultErrorHandler):
    """Raises HTTPError for every status except 200 and redirects."""


class _Redirect(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise UnreadablePhotoError(f"it redirects to '{newurl}', which is neither http nor https")
        return super().redirect_request(req, fp, code, msg, headers, _to_ascii(newurl))


class _Http(urllib.request.HTTPHandler):
    def __init__(self, download: _Download) -> None:
        super().__init__()
        self.download = download

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, download=self.download), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, download: _Download) -> None:
        super().__init__()
        self.download = download

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_SecureConnection, download=self.download), req)


class _Connection(http.client.HTTPConnection):
    def __init__(self, *arguments: Any, download: _Download, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.download = download

    def connect(self) -> None:
        self.sock = self.download.open_socket(self.host, self.port)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, download: _Download, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.download = download

    def connect(self) -> None:
        plain = self.download.open_socket(self.host, self.port)
        try:
            self.sock = ssl.create_default_context().wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
        except BaseException:
            plain.close()
            raise
        self.download.open.append(self.sock)  # wrapping detaches the plain socket
        self.sock.do_handshake()


_UNICAST = ipaddress.ip_network("2000::/3")  # IPv6 global unicast
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_RELAYS = ipaddress.ip_network("192.88.99.0/24")  # 6to4 relays, deprecated by RFC 7526


def _is_public(address: str) -> bool:
    """Whether an address is public: not loopback, private, link-local, reserved or multicast, even within IPv6."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
        return ip.is_global and ip in _UNICAST
    return ip.is_global and not ip.is_multicast and ip not in _RELAYS
