"""Pagination cursors: the sort key of the last item, as opaque text."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nitakao.errors import MisuseError

Item = TypeVar("Item")

MAX_LIMIT = 1000  # rows of one page
MAX_INTEGER = 2**63 - 1  # of 64 bits


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list.  next: the cursor of the next page, None at the end.  total: of all items, if known."""

    items: list[Item]
    next: str | None
    total: int | None = None


def encode_cursor(*last: Any) -> str:
    """A cursor for the sort key of the last item."""
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """What the cursor says, of these kinds; None at the beginning. Raises MisuseError for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, RecursionError):
        raise _foreign() from None
    if not isinstance(found, list) or len(found) != len(kinds):
        raise _foreign()
    return tuple(_of_kind(value, kind) for value, kind in zip(found, kinds, strict=True))


def _of_kind(value: Any, kind: type) -> Any:
    if kind is float and type(value) in (int, float) and math.isfinite(value) and abs(value) < MAX_INTEGER:
        return float(value)
    if type(value) is not kind or (type(value) is int and abs(value) > MAX_INTEGER) or kind is float:
        raise _foreign()
    return value


def _foreign() -> MisuseError:
    return MisuseError("'after' is what an answer before gave as 'next', and nothing else", code="invalid-cursor")


def page(
    rows: Sequence[Item], limit: int, last: Callable[[Item], tuple[Any, ...]], total: int | None = None
) -> Page[Item]:
    """A page of at most `limit` of rows, which may be one more: then there is a next page."""
    items = list(rows[:limit])
    return Page(items, encode_cursor(*last(items[-1])) if len(rows) > limit else None, total)
