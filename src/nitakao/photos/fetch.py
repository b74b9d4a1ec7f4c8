"""Photographs at http and https addresses, fetched only where that was asked for.

An address may come from a list that somebody else wrote, so nothing inside the user's own network is asked: every name
is resolved first, each address it stands for must be public, and the connection goes to the very address checked.
The same at every redirect. Proxies named in the environment are not used, since they would resolve names out of our
sight.
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

STALL_SECONDS = 20.0  # seconds that a server may stay silent
TOTAL_SECONDS = 120.0  # seconds for one photograph, so that a trickle of bytes holds nothing up
DEFAULT_PORTS = (80, 443)
_PIECE = 65_536

Resolver: TypeAlias = Callable[[str, int], Sequence[tuple[Any, ...]]]  # as socket.getaddrinfo gives them
Connector: TypeAlias = Callable[[tuple[Any, ...], float], socket.socket]  # one of these, and seconds to wait


def resolve_host(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """Every address that a host has."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def open_connection(found: tuple[Any, ...], wait: float) -> socket.socket:
    """A connection to one of the addresses that `resolve_host` gave."""
    family, kind, protocol, _, address = found
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(wait)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


@dataclass(frozen=True)
class FetchPolicy:
    """What may be fetched, and how long that may take.

    hosts: the only ones that are asked, also after a redirect, each as 'example.com' (at the usual ports) or
    'example.com:8080'; None: any that is public.  types: what the answer's Content-Type may begin with; empty: any.
    wait: seconds that a server may stay silent.  longest: seconds in all.
    resolve, connect: replaced by tests, and by nothing else.
    """

    hosts: frozenset[str] | None = None
    types: tuple[str, ...] = ()
    wait: float = STALL_SECONDS
    longest: float = TOTAL_SECONDS
    resolve: Resolver = resolve_host
    connect: Connector = open_connection

    def check(self, host: str, port: int) -> None:
        """Raises UnreadablePhotoError where this host is not among those that may be asked."""
        named = host.lower()
        usual = port in DEFAULT_PORTS and named in (self.hosts or ())
        if self.hosts is not None and not usual and f"{named}:{port}" not in self.hosts:
            raise UnreadablePhotoError(f"'{host}' at port {port} is not among the hosts that may be asked")


def fetch(url: str, most: int, fetch_policy: FetchPolicy | None = None) -> bytes:
    """The bytes at an address, at most `most`. Raises UnreadablePhotoError, PhotoTooLargeError."""
    trip = _Fetch(fetch_policy or FetchPolicy())
    try:
        request = urllib.request.Request(_plain(url), headers={"User-Agent": "nitakao", "Accept": "image/*,*/*;q=0.5"})
        with trip, contextlib.closing(_opener(trip).open(request, timeout=trip.fetch_policy.wait)) as answer:
            trip.check_type(answer)
            return _body(answer, most, trip)
    except urllib.error.HTTPError as error:
        error.close()
        raise UnreadablePhotoError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        trip.check_time()
        raise UnreadablePhotoError(f"it cannot be fetched ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        trip.check_time()
        raise UnreadablePhotoError(f"it cannot be fetched ({error or type(error).__name__})") from error


class _Fetch:
    """One errand under way, with all its redirects; when its time is over, its connections break off."""

    def __init__(self, fetch_policy: FetchPolicy) -> None:
        self.fetch_policy = fetch_policy
        self.ends = time.monotonic() + fetch_policy.longest
        self.open: list[socket.socket] = []
        self._alarm = threading.Timer(fetch_policy.longest, self._break_off)
        self._alarm.daemon = True

    def __enter__(self) -> _Fetch:
        self._alarm.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._alarm.cancel()

    def _break_off(self) -> None:
        for connection in self.open:
            with contextlib.suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)

    def check_time(self) -> None:
        if time.monotonic() >= self.ends:
            raise UnreadablePhotoError(
                f"it cannot be fetched (not complete after {self.fetch_policy.longest:.0f} seconds)"
            ) from None

    def check_type(self, answer: Any) -> None:
        told = answer.headers.get("Content-Type", "").strip().lower()
        if self.fetch_policy.types and told and not told.startswith(self.fetch_policy.types):
            raise UnreadablePhotoError(f"the server says that it is '{told[:80]}', which is no picture")

    def connected(self, host: str, port: int) -> socket.socket:
        """A connection to one of the host's addresses, all of which were found to be public."""
        self.fetch_policy.check(host, port)
        found = self.fetch_policy.resolve(host, port)
        for *_, address in found:
            if not _is_public(str(address[0])):
                raise UnreadablePhotoError(
                    f"'{host}' is inside this machine or its network ({address[0]}): not fetched"
                )
        trouble: OSError = OSError(f"'{host}' has no address")
        for one in found:
            self.check_time()
            try:
                connection = self.fetch_policy.connect(one, self.fetch_policy.wait)
            except OSError as error:
                trouble = error
                continue
            self.open.append(connection)
            self.check_time()  # the alarm may have rung while this one was not among the open ones
            return connection
        raise trouble


def _body(answer: Any, most: int, trip: _Fetch) -> bytes:
    pieces, size = [], 0
    while piece := answer.read1(_PIECE):
        size += len(piece)
        if size > most:
            raise PhotoTooLargeError(f"larger than the limit of {most} bytes")
        trip.check_time()
        pieces.append(piece)
    trip.check_time()
    if answer.length:  # bytes that were announced and did not come
        raise UnreadablePhotoError(f"it cannot be fetched (the connection broke after {size} bytes)")
    return b"".join(pieces)


def _plain(url: str) -> str:
    """The address in ASCII: names of hosts in IDNA, paths in percent signs. Raises ValueError if there is no host."""
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname:
        raise ValueError("the address names no host")
    if parts.username or parts.password:
        raise ValueError("addresses with a password are not fetched")
    host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode("ascii")
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urllib.parse.urlunsplit((parts.scheme, host + port, path, query, ""))


def _opener(trip: _Fetch) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()  # not build_opener: that adds ftp, file, data and the proxies
    for handler in (_Http(trip), _Https(trip), _Redirect(), urllib.request.HTTPErrorProcessor(), _ErrorResponses()):
        opener.add_handler(handler)
    return opener


class _ErrorResponses(urllib.request.HTTPDefaultErrorHandler):
    """Any answer but 200 and redirects raises HTTPError."""


class _Redirect(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise UnreadablePhotoError(f"it leads on to '{newurl}', which is neither http nor https")
        return super().redirect_request(req, fp, code, msg, headers, _plain(newurl))


class _Http(urllib.request.HTTPHandler):
    def __init__(self, trip: _Fetch) -> None:
        super().__init__()
        self.trip = trip

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, trip=self.trip), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, trip: _Fetch) -> None:
        super().__init__()
        self.trip = trip

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_SecureConnection, trip=self.trip), req)


class _Connection(http.client.HTTPConnection):
    def __init__(self, *arguments: Any, trip: _Fetch, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.trip = trip

    def connect(self) -> None:
        self.sock = self.trip.connected(self.host, self.port)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, trip: _Fetch, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.trip = trip

    def connect(self) -> None:
        plain = self.trip.connected(self.host, self.port)
        try:
            self.sock = ssl.create_default_context().wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
        except BaseException:
            plain.close()
            raise
        self.trip.open.append(self.sock)  # wrapping takes the plain one's connection away from it
        self.sock.do_handshake()


_UNICAST = ipaddress.ip_network("2000::/3")  # all that is given out to the world of IPv6
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_RELAYS = ipaddress.ip_network("192.88.99.0/24")  # 6to4's, given up by RFC 7526


def _is_public(address: str) -> bool:
    """Neither loopback, private, link-local, shared, reserved nor multicast, also inside an IPv6 wrapping."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
        return ip.is_global and ip in _UNICAST
    return ip.is_global and not ip.is_multicast and ip not in _RELAYS
