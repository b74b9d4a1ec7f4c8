"""Photographs at http and https addresses, fetched only where that was asked for.

An address may come from a list that somebody else wrote, so nothing inside the user's own network is asked: every name
is resolved first, each address it stands for must be public, and the connection goes to the very address checked.
Proxies named in the environment are not used, since they would resolve names out of our sight.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from nitakao.errors import PhotoTooLargeError, UnreadablePhotoError

WAIT = 20.0  # seconds that a server may stay silent
LONGEST = 120.0  # seconds for one photograph, so that a trickle of bytes holds nothing up
_PIECE = 65_536


def fetch(url: str, most: int) -> bytes:
    """The bytes at an address, at most `most`. Raises UnreadablePhotoError, PhotoTooLargeError."""
    try:
        request = urllib.request.Request(_plain(url), headers={"User-Agent": "nitakao", "Accept": "image/*,*/*;q=0.5"})
        with contextlib.closing(_opener().open(request, timeout=WAIT)) as answer:
            return _body(answer, most)
    except urllib.error.HTTPError as error:
        error.close()
        raise UnreadablePhotoError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise UnreadablePhotoError(f"it cannot be fetched ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreadablePhotoError(f"it cannot be fetched ({error or type(error).__name__})") from error


def _body(answer: Any, most: int) -> bytes:
    deadline, pieces, size = time.monotonic() + LONGEST, [], 0
    while piece := answer.read1(_PIECE):
        size += len(piece)
        if size > most:
            raise PhotoTooLargeError(f"larger than the limit of {most} bytes")
        if time.monotonic() > deadline:
            raise UnreadablePhotoError(f"it cannot be fetched (not complete after {LONGEST:.0f} seconds)")
        pieces.append(piece)
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


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()  # not build_opener: that adds ftp, file, data and the proxies
    for handler in (_Http(), _Https(), _Redirect(), urllib.request.HTTPErrorProcessor(), _Refusals()):
        opener.add_handler(handler)
    return opener


class _Refusals(urllib.request.HTTPDefaultErrorHandler):
    """Any answer but 200 and redirects raises HTTPError."""


class _Redirect(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise UnreadablePhotoError(f"it leads on to '{newurl}', which is neither http nor https")
        return super().redirect_request(req, fp, code, msg, headers, _plain(newurl))


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = _connected(self.host, self.port, self.timeout)


class _SecureConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        plain = _connected(self.host, self.port, self.timeout)
        try:
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _connected(host: str, port: int, timeout: float | None) -> socket.socket:
    """A connection to one of the host's addresses, all of which were found to be public."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not _is_public(str(address[0])):
            raise UnreadablePhotoError(f"'{host}' is inside this machine or its network ({address[0]}): not fetched")
    trouble: OSError = OSError(f"'{host}' has no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            trouble = error
    raise trouble


def _is_public(address: str) -> bool:
    """Neither loopback, private, link-local, shared, reserved nor multicast, also inside an IPv6 wrapping."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64, RFC 6052
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    return ip.is_global and not ip.is_multicast
