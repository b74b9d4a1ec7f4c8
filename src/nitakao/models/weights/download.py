"""Fetching one weights file: https only, resumed where it broke off, checked, and put in place whole or not at all."""

from __future__ import annotations

import bz2
import errno
import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import urlsplit

from nitakao.errors import MisuseError, WeightsError
from nitakao.values import WeightsFile

Progress: TypeAlias = Callable[[int, int], None]  # bytes so far, bytes in all (0 where the server does not say)

ATTEMPTS = 3  # per address: each goes on where the last broke off
CHUNK = 256 * 1024  # bytes read at once: four progress reports per MiB
MAX_BYTES = 1024**3  # bytes, for files whose size the card does not say; the largest known here is near 0.1 GiB
STALL_SECONDS = 30.0  # seconds without a byte before an address is given up
LOCK_SECONDS = 3600.0  # seconds to wait for another process that fetches the same file


class _UnusableError(Exception):
    """This address does not give the file; another may."""


class _WrongFileError(_UnusableError):
    """What this address gave is not the file; none of it is kept."""


class _BrokenOffError(Exception):
    """The connection ended early; what came is kept, and going on may work."""


def fetch(
    file: WeightsFile,
    folder: Path,
    *,
    progress: Progress | None = None,
    opener: urllib.request.OpenerDirector | None = None,
) -> Path:
    """The file's path in `folder`, fetched from the first address that gives it. Raises WeightsError.

    Two processes may ask for one file at once: the second waits and finds it there.
    """
    import filelock  # some versions try out links on the disk as they are imported: not before there is work

    target = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f".{file.name}.lock", timeout=LOCK_SECONDS):
            return target if target.is_file() else _fetch(file, target, progress, opener or https_opener())
    except filelock.Timeout as error:
        raise WeightsError(f"{file.name}: another process has been fetching it for an hour: stop that one") from error
    except OSError as error:
        raise _disk(error, target) from error


def download_urls(file: WeightsFile) -> tuple[str, ...]:
    """Where the file may come from, in order: NITAKAO_MIRROR, a folder on an https server, comes first."""
    mirror = os.environ.get("NITAKAO_MIRROR", "").rstrip("/")
    if mirror and not mirror.startswith("https://"):
        raise MisuseError(f"NITAKAO_MIRROR is an https address, not {mirror!r}")
    return (*([f"{mirror}/{file.name}"] if mirror else []), *file.urls)


def https_opener(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Opens https addresses and no others, through the system's proxies, also after a redirection.

    handlers: come before the usual one for https; for tests.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        *handlers,
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _HttpsRedirects(),
    ):
        opener.add_handler(handler)
    return opener


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise _UnusableError(f"sends on to {newurl[:200]}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(file: WeightsFile, target: Path, progress: Progress | None, opener: urllib.request.OpenerDirector) -> Path:
    failures = []
    for url in download_urls(file):
        try:
            _fetch_from(url, file, target, progress, opener)
            return target
        except (_UnusableError, _BrokenOffError) as error:
            failures.append(f"{urlsplit(url).hostname} {error}")
    raise WeightsError(f"{file.name} could not be fetched: {'; '.join(failures) or 'no address is known for it'}")


def _fetch_from(
    url: str, file: WeightsFile, target: Path, progress: Progress | None, opener: urllib.request.OpenerDirector
) -> None:
    part = _Part(target, url)
    packed = url.endswith(".bz2") and not file.name.endswith(".bz2")
    for attempt in range(ATTEMPTS):
        try:
            _download(part, 0 if packed else file.size, progress, opener)
            whole = part.unpacked(file.size or MAX_BYTES) if packed else part.path
            digest = sha256(whole)
            if file.sha256 not in ("", digest):
                raise _WrongFileError(f"gives another file: sha256 {digest[:16]}..., not {file.sha256[:16]}...")
        except _BrokenOffError:
            if attempt + 1 == ATTEMPTS:
                raise
        except _WrongFileError:
            was_joined = part.was_joined
            part.remove()
            if not was_joined or attempt + 1 == ATTEMPTS:  # one joined from two downloads is tried from its start
                raise
        else:
            os.replace(whole, target)
            part.remove()
            return


class _Part:
    """What has come so far of one file, with the address and version that it came from."""

    def __init__(self, target: Path, url: str) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._origin = target.with_name(f"{target.name}.part.json")
        self._unpacked = target.with_name(f"{target.name}.unpacked")
        self.url = url
        self.was_joined = False

    def resumable(self) -> tuple[int, str]:
        """Bytes here and the server's mark of their version, or (0, '') where they cannot be gone on from."""
        try:
            origin = json.loads(self._origin.read_text("utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0, ""
        if not isinstance(origin, dict) or origin.get("url") != self.url or not isinstance(origin.get("mark"), str):
            return 0, ""
        return (size, origin["mark"]) if origin["mark"].isprintable() else (0, "")

    def begin(self, mark: str) -> None:
        self.path.unlink(missing_ok=True)
        self._origin.write_text(json.dumps({"url": self.url, "mark": mark}), "utf-8")

    def unpacked(self, most: int) -> Path:
        """The .bz2 that came, unpacked beside itself."""
        try:
            with bz2.open(self.path) as source, self._unpacked.open("wb") as out:
                while chunk := source.read(CHUNK):
                    if out.tell() + len(chunk) > most:
                        raise _WrongFileError(f"unpacks to more than the {most:,} bytes that are taken")
                    _write(out, chunk)
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's fault; a damaged archive has no number
            raise _WrongFileError("gives a damaged .bz2 file") from error
        return self._unpacked

    def remove(self) -> None:
        for path in (self.path, self._origin, self._unpacked):
            path.unlink(missing_ok=True)


def _download(part: _Part, expected: int, progress: Progress | None, opener: urllib.request.OpenerDirector) -> None:
    """Brings the part to its full length, going on from an earlier one where the server says it is the same file."""
    start, mark = part.resumable()
    headers = {"User-Agent": "nitakao", "Accept-Encoding": "identity"}
    if start and mark:
        headers |= {"Range": f"bytes={start}-", "If-Range": mark}
    with _open(part, headers, opener) as answer:
        part.was_joined = answer.status == 206 and _starts_at(answer, start)
        start = start if part.was_joined else 0
        total = _total(answer, start, expected)
        if not part.was_joined:
            part.begin(_mark(answer))
        _copy(answer, part.path, start, total, expected or MAX_BYTES, progress)


def _open(part: _Part, headers: dict[str, str], opener: urllib.request.OpenerDirector) -> Any:
    try:
        return opener.open(urllib.request.Request(part.url, headers=headers), timeout=STALL_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # the part is longer than the file: it was of another version
                part.remove()
                raise _BrokenOffError("has no such part of the file") from error
            raise _UnusableError(f"answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _UnusableError(f"cannot be reached: {error.reason}") from error
    except (http.client.HTTPException, OSError) as error:
        raise _BrokenOffError(f"broke off: {error or type(error).__name__}") from error


def _starts_at(answer: Any, start: int) -> bool:
    if not re.match(rf"bytes {start}-", answer.headers.get("Content-Range", "")):
        raise _UnusableError("gives another part of the file than was asked for")
    return True


def _mark(answer: Any) -> str:
    """The version of what is sent: a strong ETag, else its date, else nothing, and then nothing is gone on from."""
    etag = str(answer.headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))


def _total(answer: Any, start: int, expected: int) -> int:
    """Bytes of the whole file as the server says, or 0."""
    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isascii() and length.isdigit() else 0
    if expected and total and total != expected:
        raise _UnusableError(f"gives a file of {total:,} bytes, the card says {expected:,}")
    if total > MAX_BYTES and not expected:
        raise _UnusableError(f"gives a file of {total:,} bytes, more than the {MAX_BYTES:,} that are taken")
    return total


def _copy(answer: Any, path: Path, start: int, total: int, most: int, progress: Progress | None) -> None:
    done = start
    with path.open("ab") as out:
        while chunk := _read(answer):
            done += len(chunk)
            if done > most:
                raise _WrongFileError(f"gives more than the {most:,} bytes that are taken")
            _write(out, chunk)
            if progress is not None:
                progress(done, total)
        out.flush()
        os.fsync(out.fileno())
    if total and done < total:
        raise _BrokenOffError(f"broke off after {done:,} of {total:,} bytes: run again to go on from there")


def _read(answer: Any) -> bytes:
    try:
        return bytes(answer.read(CHUNK))
    except (http.client.HTTPException, OSError) as error:  # told apart here from what the disk says
        raise _BrokenOffError(f"broke off: {error or type(error).__name__}") from error


def _write(out: IO[bytes], chunk: bytes) -> None:
    out.write(chunk)


def sha256(path: Path) -> str:
    """Lower-case hex of the file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while chunk := data.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()


def _disk(error: OSError, target: Path) -> WeightsError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return WeightsError(
            f"{target.name} could not be fetched: the disk with {target.parent} is full; what came is kept, so make "
            "room and run again, or set NITAKAO_CACHE to a folder elsewhere"
        )
    return WeightsError(
        f"{target.name} could not be fetched into {target.parent}: {error.strerror or error}; set NITAKAO_CACHE to a "
        "folder that can be written"
    )
