"""Expand the user's arguments into a stream of files and URLs, without keeping all names in memory."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from nitakao.errors import MisuseError
from nitakao.photos import formats, video
from nitakao.system.locked_files import is_locked

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
Predicate: TypeAlias = "Callable[[os.DirEntry[str]], bool]"

_CHUNK = 65_536  # bytes read from standard input at a time


def is_url(source: str) -> bool:
    """Whether this is an http or https URL, not a path."""
    match = _URL.match(source)
    return bool(match) and match[1].lower() in ("http", "https")  # type: ignore[index]


def find(
    arguments: Iterable[str], *, allow_urls: bool = False, videos: bool = False, stdin: BinaryIO | None = None
) -> Iterator[str]:
    """Find all photographs that the arguments name, in order.

    Files named directly are returned whatever they contain. In folders (recursive, sorted by name), only files with a
    picture's extension or header are returned; hidden files and folders are skipped. Duplicates are kept.

    Args:
        arguments: Files, folders, globs, URLs, or '-' for a list on standard input, one path per line or NUL-separated.
        allow_urls: Accept URLs.
        videos: Include videos found in folders.
        stdin: Replaces standard input.

    Raises:
        MisuseError: Immediately, if an argument does not exist, or a folder or glob contains no picture.
    """
    accept = _is_picture_or_video if videos else _is_picture
    names = list(arguments)
    if not names:
        raise MisuseError("name at least one photograph, folder, or '-' for a list on standard input")
    if names.count("-") > 1:
        raise MisuseError("'-' stands for standard input, which can be read only once")
    for argument in names:
        _check(argument, allow_urls, accept)
    return _each(names, stdin, accept)


def _check(argument: str, allow_urls: bool, accept: Predicate) -> None:
    """Raise MisuseError unless this argument leads to at least one source."""
    if argument == "-":
        return
    if not argument or "\0" in argument:
        raise MisuseError(f"{argument!r} is not a valid path")
    if is_url(argument):
        if not allow_urls:
            raise MisuseError(f"'{argument}' is a URL: URLs are fetched only if they are allowed")
    elif os.path.isdir(argument):
        _check_folder(argument, accept)
    elif not os.path.lexists(argument):
        if _URL.match(argument):
            raise MisuseError(f"'{argument}': only http and https URLs are supported")
        if not glob.has_magic(argument):
            raise MisuseError(f"no such file or folder: '{argument}'")
        if next(_matches(argument, accept), None) is None:
            raise MisuseError(f"no file matches '{argument}'")


def _check_folder(folder: str, accept: Predicate) -> None:
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise MisuseError(
            f"the folder '{folder}' cannot be read: {error.strerror or error}", code="folder-unreadable", folder=folder
        ) from error
    if next(_walk(folder, accept), None) is None:
        what = "picture" if accept is _is_picture else "picture or video"
        raise MisuseError(f"no {what} in the folder '{folder}' or below it", code="folder-empty", folder=folder)


def _each(names: list[str], stdin: BinaryIO | None, accept: Predicate) -> Iterator[str]:
    for argument in names:
        if argument == "-":
            yield from _listed(sys.stdin.buffer if stdin is None else stdin, accept)
        elif is_url(argument) or os.path.lexists(argument):
            yield from _expanded(argument, accept)
        else:
            yield from _matches(argument, accept)


def _listed(stdin: BinaryIO, accept: Predicate) -> Iterator[str]:
    """The list on standard input. Missing files are reported when they are read, so that the others are processed."""
    empty = True
    for name in _names(stdin):
        empty = False
        yield from _expanded(name, accept)
    if empty:
        raise MisuseError("the list on standard input is empty")


def _expanded(name: str, accept: Predicate) -> Iterator[str]:
    if not is_url(name) and os.path.isdir(name):
        yield from _walk(name, accept)
    elif is_locked(name):
        raise MisuseError(f"'{name}' is the gallery, not a photograph")
    else:
        yield name


def _names(stdin: BinaryIO) -> Iterator[str]:
    """Split bytes into paths: at NUL if the first chunk has one, else at line ends."""
    read = getattr(
        stdin, "read1", stdin.read
    )  # read1 returns what is available, so slow lists are processed as they come
    first = read(_CHUNK)
    end = b"\0" if b"\0" in first else b"\n"
    *whole, rest = first.removeprefix(b"\xef\xbb\xbf").split(end)  # UTF-8 byte order mark
    while True:
        yield from (_name(line, end) for line in whole if _name(line, end))
        more = read(_CHUNK)
        if not more:
            break
        *whole, rest = (rest + more).split(end)
    if _name(rest, end):
        yield _name(rest, end)


def _name(line: bytes, end: bytes) -> str:
    return os.fsdecode(line.rstrip(b"\r") if end == b"\n" else line)


def _matches(pattern: str, accept: Predicate) -> Iterator[str]:
    """Files that match a glob, sorted; matching folders are walked.

    Leading folders that exist literally are not treated as patterns, so that 'holiday [2019]/*.jpg' works.
    """
    literal, rest = _literal_part(pattern)
    for match in sorted(glob.glob(os.path.join(glob.escape(literal), rest), recursive=True)):
        yield from _expanded(match, accept)


def _literal_part(pattern: str) -> tuple[str, str]:
    parts = Path(pattern).parts
    for count in range(len(parts) - 1, 0, -1):
        folder = str(Path(*parts[:count]))
        if os.path.isdir(folder):
            return folder, str(Path(*parts[count:]))
    return "", pattern


def _walk(folder: str, accept: Predicate, seen: set[tuple[int, int]] | None = None) -> Iterator[str]:
    """Walk a folder recursively, sorted by name. Each folder is visited once, even if several links lead to it."""
    seen = set() if seen is None else seen
    try:
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            return
        seen.add((state.st_dev, state.st_ino))
        with os.scandir(folder) as entries:
            visible = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        yield folder  # reading it then fails and is reported like any unreadable photograph
        return
    for entry in visible:
        if _is_folder(entry):
            yield from _walk(entry.path, accept, seen)
        elif accept(entry):
            yield entry.path


def walk_folder(folder: str) -> Iterator[str]:
    """Pictures and videos in a folder, recursively, as `find` returns them."""
    return _walk(folder, _is_picture_or_video)


def is_photo_or_video(path: str) -> bool:
    """Whether `find` would return this file from a folder."""
    folder, name = os.path.split(path)
    with os.scandir(folder or os.curdir) as entries:
        return any(_is_picture_or_video(entry) for entry in entries if entry.name == name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Uses the directory entry, which needs no system call except for links."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a regular file: pipes, sockets and devices would block."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_picture(entry: os.DirEntry[str]) -> bool:
    """By extension, else by header."""
    if os.path.splitext(entry.name)[1].lower() in formats.SUFFIXES:
        return _is_file(entry) or entry.is_symlink()  # a broken link is reported as an unreadable picture
    return formats.sniff(_head(entry, formats.HEADER_BYTES)) is not None


def _is_picture_or_video(entry: os.DirEntry[str]) -> bool:
    return _is_picture(entry) or video.is_video(_head(entry, video.HEADER_BYTES))


def _head(entry: os.DirEntry[str], count: int) -> bytes:
    """The first bytes of a file; empty if it is unreadable or belongs to an open gallery."""
    if not _is_file(entry) or is_locked(entry.path):
        return b""
    try:
        with open(entry.path, "rb") as file:
            return file.read(count)
    except OSError:
        return b""
