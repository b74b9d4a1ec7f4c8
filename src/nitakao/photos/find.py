"""What the user named, as a stream of files and addresses; a folder's names are held only while it is walked."""

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
Wanted: TypeAlias = "Callable[[os.DirEntry[str]], bool]"

_CHUNK = 65_536  # bytes of the list on standard input taken at a time


def is_url(source: str) -> bool:
    """Whether this is an address to be fetched (http or https), and not a path."""
    found = _URL.match(source)
    return bool(found) and found[1].lower() in ("http", "https")  # type: ignore[index]


def find(
    arguments: Iterable[str], *, allow_urls: bool = False, videos: bool = False, stdin: BinaryIO | None = None
) -> Iterator[str]:
    """Every photograph named, in order: files, folders (all below, sorted by name), globs, addresses, '-'.

    '-' is a list on standard input, one path a line, or separated by NUL.  What is named outright is given back
    whatever it is; of a folder only what has a picture's ending or begins like one.  Hidden files and folders are
    passed by.  What is named twice comes twice.  videos: of a folder what begins like a video, too.
    Raises MisuseError at once if something named is not there, or a folder or glob has no picture.
    """
    wanted = _picture_or_video if videos else _picture
    named = list(arguments)
    if not named:
        raise MisuseError("name at least one photograph, folder, or '-' for a list on standard input")
    if named.count("-") > 1:
        raise MisuseError("'-' stands for standard input, which can be read only once")
    for argument in named:
        _check(argument, allow_urls, wanted)
    return _each(named, stdin, wanted)


def _check(argument: str, allow_urls: bool, wanted: Wanted) -> None:
    """Raises MisuseError unless this argument leads to at least one source."""
    if argument == "-":
        return
    if not argument or "\0" in argument:
        raise MisuseError(f"{argument!r} is no path")
    if is_url(argument):
        if not allow_urls:
            raise MisuseError(f"'{argument}' is an address: addresses are fetched only where URLs are allowed")
    elif os.path.isdir(argument):
        _check_folder(argument, wanted)
    elif not os.path.lexists(argument):
        if _URL.match(argument):
            raise MisuseError(f"'{argument}': only http and https addresses are read")
        if not glob.has_magic(argument):
            raise MisuseError(f"no such file or folder: '{argument}'")
        if next(_matches(argument, wanted), None) is None:
            raise MisuseError(f"no file matches '{argument}'")


def _check_folder(folder: str, wanted: Wanted) -> None:
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise MisuseError(f"the folder '{folder}' cannot be read: {error.strerror or error}") from error
    if next(_below(folder, wanted), None) is None:
        what = "picture" if wanted is _picture else "picture or video"
        raise MisuseError(f"no {what} in the folder '{folder}' or below it")


def _each(named: list[str], stdin: BinaryIO | None, wanted: Wanted) -> Iterator[str]:
    for argument in named:
        if argument == "-":
            yield from _listed(sys.stdin.buffer if stdin is None else stdin, wanted)
        elif is_url(argument) or os.path.lexists(argument):
            yield from _expanded(argument, wanted)
        else:
            yield from _matches(argument, wanted)


def _listed(stdin: BinaryIO, wanted: Wanted) -> Iterator[str]:
    """The list on standard input. What is missing there is found out when it is read, so that the rest is done."""
    empty = True
    for name in _names(stdin):
        empty = False
        yield from _expanded(name, wanted)
    if empty:
        raise MisuseError("the list on standard input is empty")


def _expanded(name: str, wanted: Wanted) -> Iterator[str]:
    if not is_url(name) and os.path.isdir(name):
        yield from _below(name, wanted)
    elif is_locked(name):
        raise MisuseError(f"'{name}' is the gallery, not a photograph")
    else:
        yield name


def _names(stdin: BinaryIO) -> Iterator[str]:
    """Paths out of bytes: separated by NUL if the first piece has one, else by line ends."""
    take = getattr(stdin, "read1", stdin.read)  # read1: what is there now, so that a slow list is worked on as it comes
    first = take(_CHUNK)
    end = b"\0" if b"\0" in first else b"\n"
    *whole, rest = first.removeprefix(b"\xef\xbb\xbf").split(end)  # the byte order mark that Windows puts before UTF-8
    while True:
        yield from (_name(line, end) for line in whole if _name(line, end))
        more = take(_CHUNK)
        if not more:
            break
        *whole, rest = (rest + more).split(end)
    if _name(rest, end):
        yield _name(rest, end)


def _name(line: bytes, end: bytes) -> str:
    return os.fsdecode(line.rstrip(b"\r") if end == b"\n" else line)


def _matches(pattern: str, wanted: Wanted) -> Iterator[str]:
    """What a glob matches, sorted; folders among it are walked.

    The leading folders that exist under their literal name are taken so, or 'holiday [2019]/*.jpg' would find nothing.
    """
    literal, rest = _literal_part(pattern)
    for match in sorted(glob.glob(os.path.join(glob.escape(literal), rest), recursive=True)):
        yield from _expanded(match, wanted)


def _literal_part(pattern: str) -> tuple[str, str]:
    parts = Path(pattern).parts
    for count in range(len(parts) - 1, 0, -1):
        folder = str(Path(*parts[:count]))
        if os.path.isdir(folder):
            return folder, str(Path(*parts[count:]))
    return "", pattern


def _below(folder: str, wanted: Wanted, seen: set[tuple[int, int]] | None = None) -> Iterator[str]:
    """What is wanted in a folder and all folders below it, by name. Each folder once, however many links lead to it."""
    seen = set() if seen is None else seen
    try:
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            return
        seen.add((state.st_dev, state.st_ino))
        with os.scandir(folder) as entries:
            visible = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        yield folder  # reading it fails, and is then counted and named with its reason, as for any bad photograph
        return
    for entry in visible:
        if _is_folder(entry):
            yield from _below(entry.path, wanted, seen)
        elif wanted(entry):
            yield entry.path


def walk_folder(folder: str) -> Iterator[str]:
    """The pictures and videos in a folder and all below it, as `find` gives them."""
    return _below(folder, _picture_or_video)


def is_photo_or_video(path: str) -> bool:
    """Whether `find` would give this file, were it in a folder: a picture or a video."""
    folder, name = os.path.split(path)
    with os.scandir(folder or os.curdir) as entries:
        return any(_picture_or_video(entry) for entry in entries if entry.name == name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """What the folder's listing says of it, so that nothing is asked of the disk but where a link leads."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Not a pipe, socket or device, which would keep us waiting."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _picture(entry: os.DirEntry[str]) -> bool:
    """By a known ending, else by its first bytes."""
    if os.path.splitext(entry.name)[1].lower() in formats.SUFFIXES:
        return _is_file(entry) or entry.is_symlink()  # a dead link is named, as any picture that cannot be read
    return formats.sniff(_head(entry, formats.HEADER_BYTES)) is not None


def _picture_or_video(entry: os.DirEntry[str]) -> bool:
    return _picture(entry) or video.is_video(_head(entry, video.HEADER_BYTES))


def _head(entry: os.DirEntry[str], count: int) -> bytes:
    """The first bytes of a file; empty where it cannot be read, or is an open gallery's."""
    if not _is_file(entry) or is_locked(entry.path):
        return b""
    try:
        with open(entry.path, "rb") as file:
            return file.read(count)
    except OSError:
        return b""
