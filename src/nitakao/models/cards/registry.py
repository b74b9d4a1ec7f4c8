"""Model cards by name: those included with nitakao, and the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path

from nitakao.errors import CardError, ModelError
from nitakao.models.cards.card_toml import MAX_CARD_CHARS, dump, parse, to_dict
from nitakao.system import dirs
from nitakao.values import ModelCard, WeightsFile

__all__ = ["DEFAULT", "MTCNN_WEIGHTS", "card", "cards", "dump", "parse", "read", "to_dict", "user_cards"]

DEFAULT = "dlib-resnet"

_ORDER = (  # listing order: the default first, then by relevance
    "dlib-resnet",
    "facenet-vggface2",
    "facenet-casia",
    "dlib-taguchi",
    "sface",
    "facenet-20170511-casia",
    "facenet-20170512-msceleb",
    "openface-nn4-small2",
)

RELEASES = {  # davidsandberg's released models, by date, and the included cards of the same weights
    "20170511-185253": "facenet-20170511-casia",
    "20170512-110547": "facenet-20170512-msceleb",
    "20180402-114759": "facenet-vggface2",
    "20180408-102900": "facenet-casia",
}

MTCNN_WEIGHTS = tuple(  # P-Net, R-Net, O-Net; hashes of the files in mtcnn 1.0.0 on PyPI
    WeightsFile(name=f"{net}.lz4", sha256=sha256, size=size, package="mtcnn", inside=f"assets/weights/{net}.lz4")
    for net, size, sha256 in (
        ("pnet", 27_119, "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5"),
        ("rnet", 401_659, "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee"),
        ("onet", 1_557_637, "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3"),
    )
)


@lru_cache(maxsize=1)
def cards() -> tuple[ModelCard, ...]:
    """The included cards."""
    folder = resources.files("nitakao.models.cards")
    return tuple(parse(folder.joinpath(f"{n}.toml").read_text("utf-8"), f"nitakao's {n}.toml") for n in _ORDER)


def card(name_or_path: str) -> ModelCard:
    """Find a card.

    The date of a released FaceNet model, such as 20170512-110547, is the name of its imported card, or else of the
    included card of the same weights. Included cards take precedence; to change one, copy it under another name.

    Args:
        name_or_path: The name of an included or own card, or the path of a .toml file, an .onnx file with a card beside
            it, or a folder with a card.

    Raises:
        ModelError: If there is no such model.
        CardError: If the card is invalid.
    """
    for shipped in cards():
        if shipped.name == name_or_path:
            return shipped
    path = Path(name_or_path)
    if path.suffix.lower() == ".toml":
        return read(path)
    if path.suffix.lower() == ".onnx":
        return _beside(path)
    own, _ = user_cards()
    names = (name_or_path, f"facenet-{name_or_path}") if name_or_path in RELEASES else (name_or_path,)
    for candidate in own:
        if candidate.name in names:
            return candidate
    if name_or_path in RELEASES:
        return card(RELEASES[name_or_path])
    for broken in _files():
        if broken.stem == name_or_path:
            return read(broken)  # reports what is wrong with it, or has another name inside
    if path.is_dir():
        return _within(path)
    raise _unknown(name_or_path, [c.name for c in (*cards(), *own)])


def user_cards() -> tuple[list[ModelCard], list[str]]:
    """Cards in the user's folders (NITAKAO_MODELS, then nitakao's own), and an error message for each invalid card."""
    by_name: dict[str, ModelCard] = {}
    problems = []
    shipped = {c.name for c in cards()}
    for path in _files():
        try:
            own = read(path)
        except CardError as error:
            problems.append(str(error))
            continue
        if own.name in shipped:
            problems.append(f"{path}: the name {own.name} belongs to an included model: choose another name")
        else:
            by_name.setdefault(own.name, own)
    return list(by_name.values()), problems


def read(path: Path) -> ModelCard:
    """Read a card file. Its weights are searched first in the same folder. Raises CardError if it is invalid."""
    if not path.is_file():
        raise CardError(f"{path}: no such card")
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_CARD_CHARS + 1)  # a character has up to four bytes
    except OSError as error:
        raise CardError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        own = parse(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise CardError(f"{path}: not UTF-8 text: invalid byte at {error.start}") from error
    here = str(path.resolve().parent)
    return replace(own, files=tuple(replace(f, folder=here) for f in own.files))


def _beside(network: Path) -> ModelCard:
    beside = network.with_suffix(".toml")
    if not beside.is_file():
        raise ModelError(f"{network} has no card: write {beside.name} next to it, as described in docs/models.md")
    return read(beside)


def _within(folder: Path) -> ModelCard:
    """The card in a folder with one card, as `nitakao train` writes it."""
    cards = sorted(p for p in folder.glob("*.toml") if p.is_file())
    if len(cards) != 1:
        raise ModelError(f"the folder '{folder}' contains {len(cards) or 'no'} cards (.toml): name one of them")
    return read(cards[0])


def _files() -> Iterator[Path]:
    for folder in (*dirs.extra_models(), dirs.models()):
        try:
            yield from sorted(p for p in folder.glob("*.toml") if p.is_file())
        except OSError:
            continue  # ignore unreadable folders


def _unknown(name: str, names: list[str]) -> ModelError:
    """An error with a suggestion."""
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(names)}, or the path of a card (.toml)"
    return ModelError(f"no model '{name[:80]}': {hint}")
