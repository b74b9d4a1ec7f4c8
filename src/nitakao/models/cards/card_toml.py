"""Read model cards from TOML with every field checked, and write them."""

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
MAX_LINE_CHARS = 16 * 1024  # characters; TOML parsers take quadratic time for dotted keys
MAX_GOLDEN = 8_192  # numbers
MAX_RATES = 64  # of false matches
REQUIRED = ("title", "network", "weights_licence", "data_licence")  # texts that are written even if empty
MAX_TEXT_CHARS = 2_000  # characters in one field


def parse(text: str, source: str) -> ModelCard:
    """Parse a card.

    Args:
        text: TOML.
        source: The file's name, for error messages.

    Raises:
        CardError: If the card is invalid.
    """
    if len(text) > MAX_CARD_CHARS:
        raise CardError(f"{source}: a card of {len(text)} characters is too long: at most {MAX_CARD_CHARS}")
    if max(map(len, text.split("\n"))) > MAX_LINE_CHARS:
        raise CardError(f"{source}: a line of more than {MAX_LINE_CHARS} characters: split it")
    try:
        root = _Table(tomllib.loads(text), source)
    except (ValueError, RecursionError) as error:
        raise CardError(f"{source}: invalid TOML: {str(error)[:300]}") from error
    card = _card(root)
    root.check_unused()
    return card


def _card(root: _Table) -> ModelCard:
    with _checked(root.table("crop")) as table:
        crop = CropRule(
            kind=table.text("kind"),  # type: ignore[arg-type]  # checked by CropRule
            size=table.integer("size"),
            margin=table.number("margin", 0.0),
            template=tuple(table.points("template")),
        )
    with _checked(root.table("normalisation")) as table:
        normalisation = Normalisation(
            kind=table.text("kind"),  # type: ignore[arg-type]
            mean=table.numbers("mean", (127.5,)),
            scale=table.numbers("scale", (128.0,)),
        )
    files = []
    for table in root.tables("files"):
        with _checked(table):
            files.append(_file(table))
    with _checked(root, allow_more=True):
        return ModelCard(
            name=root.text("name"),
            title=root.text("title"),
            network=root.text("network"),
            crop=crop,
            normalisation=normalisation,
            dimension=root.integer("dimension"),
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
            golden=root.numbers("golden", (), limit=MAX_GOLDEN),
        )


def _file(table: _Table) -> WeightsFile:
    return WeightsFile(
        name=table.text("name"),
        urls=table.texts("urls"),
        sha256=table.text("sha256", ""),
        known=table.texts("known"),
        size=table.integer("size", 0),
        package=table.text("package", ""),
        inside=table.text("inside", ""),
    )


def _calibration(root: _Table) -> Calibration | None:
    if not root.has("calibration"):
        return None
    with _checked(root.table("calibration")) as table:
        return Calibration(
            slope=table.number("slope"),
            intercept=table.number("intercept"),
            limit=table.number("limit"),
            false_matches=tuple(table.points("false_matches", "[rate, distance]", MAX_RATES)),
            source=table.text("source", ""),
        )


@contextmanager
def _checked(table: _Table, *, allow_more: bool = False) -> Iterator[_Table]:
    """Prefix error messages with the file and table, and refuse unknown keys."""
    try:
        yield table
    except CardError as error:
        raise CardError(str(error) if str(error).startswith(table.source) else f"{table.label}{error}") from error
    if not allow_more:
        table.check_unused()


class _Table:
    """A TOML table whose keys are read one by one with type checks."""

    def __init__(self, keys: dict[str, Any], source: str, path: str = "") -> None:
        self.source, self._keys, self._path, self._read = source, keys, path, list[str]()

    @property
    def label(self) -> str:
        return f"{self.source}: {self._path}: " if self._path else f"{self.source}: "

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self._type_error(key, "a text", value)
        if len(value) > MAX_TEXT_CHARS:
            raise CardError(f"{self._at(key)} has {len(value)} characters: at most {MAX_TEXT_CHARS}")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._type_error(key, "an integer", value)
        return value

    def has(self, key: str) -> bool:
        self._read.append(key)
        return key in self._keys

    def number(self, key: str, default: float | None = None) -> float:
        value = self._get(key, default)
        if default is not None and value is default:  # a default may be NaN, for unknown
            return default
        return self._finite(key, value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._type_error(key, "true or false", value)
        return value

    def numbers(self, key: str, default: tuple[float, ...], *, limit: int = 3) -> tuple[float, ...]:
        value = self._get(key, list(default))
        if isinstance(value, (int, float)):
            value = [value]
        return tuple(self._finite(key, v) for v in self._array(key, value, limit))

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._array(key, self._get(key, []), 16)
        if not all(isinstance(v, str) and len(v) <= MAX_TEXT_CHARS for v in values):
            raise self._type_error(key, "a list of texts", values)
        return tuple(values)

    def points(self, key: str, pair: str = "[x, y]", limit: int = 5) -> Iterator[tuple[float, float]]:
        for point in self._array(key, self._get(key, []), limit):
            if not isinstance(point, list) or len(point) != 2:
                raise self._type_error(key, f"a list of {pair} pairs", point)
            yield self._finite(key, point[0]), self._finite(key, point[1])

    def table(self, key: str) -> _Table:
        value = self._get(key, None)
        if not isinstance(value, dict):
            raise self._type_error(key, f"a table, [{key}]", value)
        return _Table(value, self.source, self._join(key))

    def tables(self, key: str) -> list[_Table]:
        values = self._array(key, self._get(key, None), 16)
        if not values or not all(isinstance(v, dict) for v in values):
            raise self._type_error(key, f"one or more tables, [[{key}]]", values)
        return [_Table(v, self.source, f"{self._join(key)}[{i}]") for i, v in enumerate(values)]

    def check_unused(self) -> None:
        """Refuse keys that were not read, so that a misspelt key is not taken for a missing one."""
        for key in self._keys:
            if key not in self._read:
                near = get_close_matches(key, self._read, 1)
                hint = f": did you mean {near[0]}?" if near else f": the fields are {', '.join(self._read)}"
                raise CardError(f"{self._at(key[:80])} is not a field of a card{hint}")

    def _get(self, key: str, default: Any) -> Any:
        self._read.append(key)
        value = self._keys.get(key, default)
        if value is None:
            raise CardError(f"{self._at(key)} is missing")
        return value

    def _array(self, key: str, value: Any, limit: int) -> list[Any]:
        if not isinstance(value, list):
            raise self._type_error(key, "a list", value)
        if len(value) > limit:
            raise CardError(f"{self._at(key)} has {len(value)} entries: at most {limit}")
        return value

    def _finite(self, key: str, value: Any) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self._type_error(key, "a number", value)
        if not abs(value) < 1e30:  # also refuses NaN, infinity, and integers too large for float
            raise CardError(f"{self._at(key)} is {str(value)[:40]}, not a finite number")
        return float(value)

    def _join(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _at(self, key: str) -> str:
        return f"{self.source}: {self._join(key)}"

    def _type_error(self, key: str, expected: str, value: Any) -> CardError:
        return CardError(f"{self._at(key)} is {expected}, not {_short(value)}")


def _short(value: Any) -> str:
    try:
        return repr(value)[:80]
    except (ValueError, RecursionError):  # integers of more than 4,300 digits, very deep lists
        return f"a {type(value).__name__}"


def to_dict(card: ModelCard) -> dict[str, Any]:
    """All fields as plain values in the card's order, for JSON; an unknown threshold is None."""
    values = asdict(card)
    values["threshold"] = card.threshold if card.has_threshold else None
    for file in values["files"]:
        del file["folder"]
    return values


def dump(card: ModelCard) -> str:
    """Write a card as TOML; `parse` returns the same card."""
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
        return json.dumps(value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )  # the one escape that TOML needs and JSON does not
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        parts = [_value(v) for v in value]
        if len(parts) <= 5:
            return f"[{', '.join(parts)}]"
        rows = [", ".join(parts[i : i + 8]) for i in range(0, len(parts), 8)]
        return "[\n  " + ",\n  ".join(rows) + ",\n]"
    return repr(value)
