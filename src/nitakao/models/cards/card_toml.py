"""Model cards as text: TOML read with every field checked, and written back."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

from nitakao.errors import CardError
from nitakao.values import Calibration, CropRule, ModelCard, Normalisation, WeightsFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_CARD_CHARS = 256 * 1024  # characters; a golden vector of 8,192 numbers takes about 120,000
MAX_LINE_CHARS = 16 * 1024  # characters; TOML readers take time with the square of a dotted key's length
MAX_GOLDEN = 8_192  # numbers
MAX_RATES = 64  # of false matches
REQUIRED = ("title", "network", "weights_licence", "data_licence")  # texts that are written even where empty
MAX_TEXT_CHARS = 2_000  # characters in one field


def parse(text: str, source: str) -> ModelCard:
    """The card in this TOML. source: its file, for messages. Raises CardError, and nothing else, if it is off."""
    if len(text) > MAX_CARD_CHARS:
        raise CardError(f"{source}: {len(text)} characters are too many for a card: {MAX_CARD_CHARS} at most")
    if max(map(len, text.split("\n"))) > MAX_LINE_CHARS:
        raise CardError(f"{source}: a line of more than {MAX_LINE_CHARS} characters: break it up")
    try:
        root = _Table(tomllib.loads(text), source)
    except (ValueError, RecursionError) as error:
        raise CardError(f"{source}: not TOML: {str(error)[:300]}") from error
    card = _card(root)
    root.done()
    return card


def _card(root: _Table) -> ModelCard:
    with _named(root.table("crop")) as table:
        crop = CropRule(
            kind=table.text("kind"),  # type: ignore[arg-type]  # CropRule refuses what is no kind
            size=table.whole("size"),
            margin=table.number("margin", 0.0),
            template=tuple(table.points("template")),
        )
    with _named(root.table("normalisation")) as table:
        normalisation = Normalisation(
            kind=table.text("kind"),  # type: ignore[arg-type]
            mean=table.numbers("mean", (127.5,)),
            scale=table.numbers("scale", (128.0,)),
        )
    files = []
    for table in root.tables("files"):
        with _named(table):
            files.append(_file(table))
    with _named(root, keep_open=True):
        return ModelCard(
            name=root.text("name"),
            title=root.text("title"),
            network=root.text("network"),
            crop=crop,
            normalisation=normalisation,
            dimension=root.whole("dimension"),
            files=tuple(files),
            metric=root.text("metric", "euclidean"),  # type: ignore[arg-type]
            threshold=root.number("threshold", math.nan),
            threshold_source=root.text("threshold_source", ""),
            unit_length=root.flag("unit_length", True),
            channels=root.text("channels", "RGB"),  # type: ignore[arg-type]
            weights_licence=root.text("weights_licence", "not stated"),
            data_licence=root.text("data_licence", "not stated"),
            commercial=root.text("commercial", "unclear"),  # type: ignore[arg-type]
            origin=root.text("origin", ""),
            note=root.text("note", ""),
            input_tensor=root.text("input_tensor", ""),
            output_tensor=root.text("output_tensor", ""),
            calibration=_calibration(root),
            golden=root.numbers("golden", (), most=MAX_GOLDEN),
        )


def _file(table: _Table) -> WeightsFile:
    return WeightsFile(
        name=table.text("name"),
        urls=table.texts("urls"),
        sha256=table.text("sha256", ""),
        known=table.texts("known"),
        size=table.whole("size", 0),
        package=table.text("package", ""),
        inside=table.text("inside", ""),
    )


def _calibration(root: _Table) -> Calibration | None:
    if not root.has("calibration"):
        return None
    with _named(root.table("calibration")) as table:
        return Calibration(
            slope=table.number("slope"),
            intercept=table.number("intercept"),
            limit=table.number("limit"),
            false_matches=tuple(table.points("false_matches", "[rate, distance]", MAX_RATES)),
            source=table.text("source", ""),
        )


@contextmanager
def _named(table: _Table, *, keep_open: bool = False) -> Iterator[_Table]:
    """Puts the file and the table in front of what a value's own check says, and refuses keys left over."""
    try:
        yield table
    except CardError as error:
        raise CardError(str(error) if str(error).startswith(table.source) else f"{table.where}{error}") from error
    if not keep_open:
        table.done()


class _Table:
    """One TOML table whose keys are taken one by one, each checked for its type."""

    def __init__(self, keys: dict[str, Any], source: str, path: str = "") -> None:
        self.source, self._keys, self._path, self._taken = source, keys, path, list[str]()

    @property
    def where(self) -> str:
        return f"{self.source}: {self._path}: " if self._path else f"{self.source}: "

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str):
            raise self._off(key, "a text", value)
        if len(value) > MAX_TEXT_CHARS:
            raise CardError(f"{self._at(key)} has {len(value)} characters: {MAX_TEXT_CHARS} at most")
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._off(key, "a whole number", value)
        return value

    def has(self, key: str) -> bool:
        self._taken.append(key)
        return key in self._keys

    def number(self, key: str, default: float | None = None) -> float:
        value = self._take(key, default)
        if default is not None and value is default:  # a default may be NaN: 'not known'
            return default
        return self._finite(key, value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._off(key, "true or false", value)
        return value

    def numbers(self, key: str, default: tuple[float, ...], *, most: int = 3) -> tuple[float, ...]:
        value = self._take(key, list(default))
        if isinstance(value, (int, float)):
            value = [value]
        return tuple(self._finite(key, v) for v in self._array(key, value, most))

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._array(key, self._take(key, []), 16)
        if not all(isinstance(v, str) and len(v) <= MAX_TEXT_CHARS for v in values):
            raise self._off(key, "a list of texts", values)
        return tuple(values)

    def points(self, key: str, pair: str = "[x, y]", most: int = 5) -> Iterator[tuple[float, float]]:
        for point in self._array(key, self._take(key, []), most):
            if not isinstance(point, list) or len(point) != 2:
                raise self._off(key, f"a list of {pair} pairs", point)
            yield self._finite(key, point[0]), self._finite(key, point[1])

    def table(self, key: str) -> _Table:
        value = self._take(key, None)
        if not isinstance(value, dict):
            raise self._off(key, f"a table, [{key}]", value)
        return _Table(value, self.source, self._join(key))

    def tables(self, key: str) -> list[_Table]:
        values = self._array(key, self._take(key, None), 16)
        if not values or not all(isinstance(v, dict) for v in values):
            raise self._off(key, f"one or more tables, [[{key}]]", values)
        return [_Table(v, self.source, f"{self._join(key)}[{i}]") for i, v in enumerate(values)]

    def done(self) -> None:
        """Refuses keys that nobody took: a misspelt one must not pass for a missing one."""
        for key in self._keys:
            if key not in self._taken:
                near = get_close_matches(key, self._taken, 1)
                hint = f", did you mean {near[0]}?" if near else f": there are {', '.join(self._taken)}"
                raise CardError(f"{self._at(key[:80])} is no field of a card{hint}")

    def _take(self, key: str, default: Any) -> Any:
        self._taken.append(key)
        value = self._keys.get(key, default)
        if value is None:
            raise CardError(f"{self._at(key)} is missing")
        return value

    def _array(self, key: str, value: Any, most: int) -> list[Any]:
        if not isinstance(value, list):
            raise self._off(key, "a list", value)
        if len(value) > most:
            raise CardError(f"{self._at(key)} has {len(value)} entries: {most} at most")
        return value

    def _finite(self, key: str, value: Any) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self._off(key, "a number", value)
        if not abs(value) < 1e30:  # catches NaN, infinity, and whole numbers that no float holds
            raise CardError(f"{self._at(key)} is {str(value)[:40]}, not a finite number")
        return float(value)

    def _join(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _at(self, key: str) -> str:
        return f"{self.source}: {self._join(key)}"

    def _off(self, key: str, wanted: str, value: Any) -> CardError:
        return CardError(f"{self._at(key)} is {wanted}, not {_short(value)}")


def _short(value: Any) -> str:
    try:
        return repr(value)[:80]
    except (ValueError, RecursionError):  # whole numbers of more than 4,300 digits, very deep lists
        return f"a {type(value).__name__}"


def to_dict(card: ModelCard) -> dict[str, Any]:
    """Every field as plain values in the card's order, for JSON; a threshold that is not known is None."""
    values = asdict(card)
    values["threshold"] = card.threshold if card.has_threshold else None
    for file in values["files"]:
        del file["folder"]
    return values


def dump(card: ModelCard) -> str:
    """The card as TOML that `parse` reads back as the same card."""
    values = to_dict(card)
    inner = {"crop": values.pop("crop"), "normalisation": values.pop("normalisation")}
    files, golden = values.pop("files"), values.pop("golden")
    if (calibration := values.pop("calibration")) is not None:
        inner["calibration"] = calibration
    lines = [f"{k} = {_value(v)}" for k, v in values.items() if v is not None and (v != "" or k in REQUIRED)]
    if golden:
        lines.append(f"golden = {_value(golden)}")
    for name, table in inner.items():
        lines += ["", f"[{name}]"] + [f"{k} = {_value(v)}" for k, v in table.items() if v not in ((), "")]
    for file in files:
        lines += ["", "[[files]]"] + [f"{k} = {_value(v)}" for k, v in file.items() if v not in ("", (), 0)]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one escape JSON leaves out
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        parts = [_value(v) for v in value]
        if len(parts) <= 5:
            return f"[{', '.join(parts)}]"
        rows = [", ".join(parts[i : i + 8]) for i in range(0, len(parts), 8)]
        return "[\n  " + ",\n  ".join(rows) + ",\n]"
    return repr(value)
