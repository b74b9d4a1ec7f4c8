"""Download a weights file: https only, resumable, verified, and stored atomically."""

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

Progress: TypeAlias = Callable[[int, int], None]  # bytes so far, total bytes (0 if unknown)

ATTEMPTS = 3  # per URL; each resumes the previous one
CHUNK = 256 * 1024  # bytes per read: four progress reports per MiB
MAX_BYTES = 1024**3  # for files without a size on the card; the largest known is near 0.1 GiB
STALL_SECONDS = 30.0  # without data before a URL is given up
LOCK_SECONDS = 3600.0  # to wait for another process that downloads the same file


class _UnusableUrlError(Exception):
    """This URL does not provide the file; another may."""


class _WrongFileError(_UnusableUrlError):
    """This URL provides a wrong file; the download is deleted."""


class _InterruptedError(Exception):
    """The connection ended early; the partial download is kept and can be resumed."""


def fetch(
    file: WeightsFile,
    folder: Path,
    *,
    progress: Progress | None = None,
    opener: urllib.request.OpenerDirector | None = None,
) -> Path:
    """Download a file into `folder` from the first URL that provides it, and return its path.

    If two processes download the same file, the second waits for the first.

    Raises:
        WeightsError: If no URL provides the file, or the disk is full.
    """
    import filelock  # some versions create links on import, so import it only when needed

    target = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f".{file.name}.lock", timeout=LOCK_SECONDS):
            return target if target.is_file() else _fetch(file, target, progress, opener or https_opener())
    except filelock.Timeout as error:
        raise WeightsError(
            f"{file.name}: another process has been downloading it for an hour: stop that process"
        ) from error
    except OSError as error:
        raise _disk(error, target) from error


def download_urls(file: WeightsFile) -> tuple[str, ...]:
    """A file's URLs in order; NITAKAO_MIRROR, a folder on an https server, comes first."""
    mirror = os.environ.get("NITAKAO_MIRROR", "").rstrip("/")
    if mirror and not mirror.startswith("https://"):
        raise MisuseError(f"NITAKAO_MIRROR must be an https URL, not {mirror!r}")
    return (*([f"{mirror}/{file.name}"] if mirror else []), *file.urls)


def https_opener(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """An opener for https URLs only, even after redirects, through system proxies. handlers: added first, for tests."""
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
            raise _UnusableUrlError(f"redirects to {newurl[:200]}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(file: WeightsFile, target: Path, progress: Progress | None, opener: urllib.request.OpenerDirector) -> Path:
    failures = []
    for url in download_urls(file):
        try:
            _fetch_from(url, file, target, progress, opener)
            return target
        except (_UnusableUrlError, _InterruptedError) as error:
            failures.append(f"{urlsplit(url).hostname} {error}")
    raise WeightsError(f"{file.name} could not be downloaded: {'; '.join(failures) or 'it has no URL'}")


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
                raise _WrongFileError(f"provides another file: sha256 {digest[:16]}..., not {file.sha256[:16]}...")
        except _InterruptedError:
            if attempt + 1 == ATTEMPTS:
                raise
        except _WrongFileError:
            was_resumed = part.was_resumed
            part.remove()
            if not was_resumed or attempt + 1 == ATTEMPTS:  # a resumed download is retried from the start
                raise
        else:
            os.replace(whole, target)
            part.remove()
            return


class _Part:
    """A partial download with its URL and version."""

    def __init__(self, target: Path, url: str) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._origin = target.with_name(f"{target.name}.part.json")
        self._unpacked = target.with_name(f"{target.name}.unpacked")
        self.url = url
        self.was_resumed = False

    def resumable(self) -> tuple[int, str]:
        """Bytes downloaded and the server's version tag, or (0, '') if the download cannot be resumed."""
        try:
            origin = json.loads(self._origin.read_text("utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0, ""
        if not isinstance(origin, dict) or origin.get("url") != self.url or not isinstance(origin.get("mark"), str):
            return 0, ""
        return (size, origin["mark"]) if origin["mark"].isprintable() else (0, "")

    def begin(self, version: str) -> None:
        self.path.unlink(missing_ok=True)
        self._origin.write_text(json.dumps({"url": self.url, "mark": version}), "utf-8")

    def unpacked(self, max_bytes: int) -> Path:
        """Unpack the downloaded .bz2 next to it."""
        try:
            with bz2.open(self.path) as source, self._unpacked.open("wb") as out:
                while chunk := source.read(CHUNK):
                    if out.tell() + len(chunk) > max_bytes:
                        raise _WrongFileError(f"unpacks to more than {max_bytes:,} bytes")
                    _write(out, chunk)
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # a disk error; damaged archives have no errno
            raise _WrongFileError("provides a damaged .bz2 file") from error
        return self._unpacked

    def remove(self) -> None:
        for path in (self.path, self._origin, self._unpacked):
            path.unlink(missing_ok=True)


def _download(part: _Part, expected: int, progress: Progress | None, opener: urllib.request.OpenerDirector) -> None:
    """Complete a partial download, resuming it if the server confirms that the file is unchanged."""
    start, version = part.resumable()
    headers = {"User-Agent": "nitakao", "Accept-Encoding": "identity"}
    if start and version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    with _open(part, headers, opener) as response:
        part.was_resumed = response.status == 206 and _starts_at(response, start)
        start = start if part.was_resumed else 0
        total = _total(response, start, expected)
        if not part.was_resumed:
            part.begin(_version(response))
        _copy(response, part.path, start, total, expected or MAX_BYTES, progress)


def _open(part: _Part, headers: dict[str, str], opener: urllib.request.OpenerDirector) -> Any:
    try:
        return opener.open(urllib.request.Request(part.url, headers=headers), timeout=STALL_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # the partial download is longer than the file, so it is of another version
                part.remove()
                raise _InterruptedError("cannot resume the file") from error
            raise _UnusableUrlError(f"responds {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _UnusableUrlError(f"cannot be reached: {error.reason}") from error
    except (http.client.HTTPException, OSError) as error:
        raise _InterruptedError(f"closed the connection: {error or type(error).__name__}") from error


def _starts_at(response: Any, start: int) -> bool:
    if not re.match(rf"bytes {start}-", response.headers.get("Content-Range", "")):
        raise _UnusableUrlError("sends a different range than requested")
    return True


def _version(response: Any) -> str:
    """The version tag of a response: a strong ETag, else the date, else empty; then it cannot be resumed."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _total(response: Any, start: int, expected: int) -> int:
    """Total size of the file according to the server, or 0."""
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isascii() and length.isdigit() else 0
    if expected and total and total != expected:
        raise _UnusableUrlError(f"provides a file of {total:,} bytes, but the card says {expected:,}")
    if total > MAX_BYTES and not expected:
        raise _UnusableUrlError(f"provides a file of {total:,} bytes, more than the limit of {MAX_BYTES:,}")
    return total


def _copy(response: Any, path: Path, start: int, total: int, max_bytes: int, progress: Progress | None) -> None:
    done = start
    with path.open("ab") as out:
        while chunk := _read(response):
            done += len(chunk)
            if done > max_bytes:
                raise _WrongFileError(f"sends more than {max_bytes:,} bytes")
            _write(out, chunk)
            if progress is not None:
                progress(done, total)
        out.flush()
        os.fsync(out.fileno())
    if total and done < total:
        raise _InterruptedError(f"closed the connection after {done:,} of {total:,} bytes: run again to resume")


def _read(response: Any) -> bytes:
    try:
        return bytes(response.read(CHUNK))
    except (http.client.HTTPException, OSError) as error:  # network errors, not disk errors
        raise _InterruptedError(f"closed the connection: {error or type(error).__name__}") from error


def _write(out: IO[bytes], chunk: bytes) -> None:
    out.write(chunk)


def sha256(path: Path) -> str:
    """sha256 of a file's content, lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while chunk := data.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()


def _disk(error: OSError, target: Path) -> WeightsError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return WeightsError(
            f"{target.name} could not be downloaded: the disk with {target.parent} is full; free some space and run "
            "again to resume, or set NITAKAO_CACHE to another folder"
        )
    return WeightsError(
        f"{target.name} could not be downloaded to {target.parent}: {error.strerror or error}; set NITAKAO_CACHE to a "
        "writable folder"
    )
