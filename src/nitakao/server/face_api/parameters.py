"""What a client asks with: JSON bodies, query parameters and parts of the path, each checked as the Face API does."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn, TypeAlias

from fastapi import Depends, Request

from nitakao.errors import FaceApiError
from nitakao.gallery.face_api.kinds import Kind

RECOGNITION = tuple(f"recognition_0{n}" for n in range(1, 5))
DETECTION = tuple(f"detection_0{n}" for n in range(1, 4))

LONGEST_BODY = 512 * 1024  # bytes of JSON: a thousand ids are 40,000
LONGEST_NAME, LONGEST_DATA, LONGEST_FACE_DATA, LONGEST_WORD = 128, 16_384, 1024, 64
MOST_LISTED = 1000
_WORD = re.compile(r"[a-z0-9_-]{1,64}")

Body: TypeAlias = Mapping[str, Any]


def bad(message: str) -> NoReturn:
    """Raises the error for an argument that is off."""
    raise FaceApiError(400, "BadArgument", message)


async def json_body(request: Request) -> Body:
    """The JSON object that was sent; an empty body is an empty one."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LONGEST_BODY:
            bad(f"The request body is larger than {LONGEST_BODY} bytes.")
    return parsed(bytes(data))


def parsed(data: bytes) -> Body:
    """A JSON object; what is null in it counts as left out."""
    if not data.strip():
        return {}
    try:
        found = json.loads(data, parse_constant=lambda word: bad(f"{word} is no number in JSON."))
    except (ValueError, RecursionError):
        bad("The request body is not valid JSON.")
    if not isinstance(found, dict):
        bad("The request body is not a JSON object.")
    return {key: value for key, value in found.items() if value is not None}


JsonBody = Annotated[Body, Depends(json_body)]


def text(given: Body, key: str, longest: int, *, least: int = 0) -> str | None:
    """A text of so many characters; None where it is left out, unless `least` is above 0."""
    value = given.get(key)
    if value is None:
        return None if not least else bad(f"'{key}' is needed.")
    if not isinstance(value, str) or not least <= len(value) <= longest:
        bad(f"'{key}' is a text of {least} to {longest} characters.")
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        bad(f"'{key}' holds characters that no text has.")
    return value


def name(given: Body, *, needed: bool) -> str | None:
    """The 'name' of something; it is never empty."""
    if not needed and given.get("name") is None:
        return None
    return text(given, "name", LONGEST_NAME, least=1)


def data(given: Body, longest: int = LONGEST_DATA) -> str | None:
    """The 'userData' of something."""
    return text(given, "userData", longest)


def word(value: Any, kind: Kind) -> str:
    """The name that the maker of a container gave it in the address."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        bad(f"{kind.key} is 1 to {LONGEST_WORD} of a-z, 0-9, '-' and '_'.")
    return value


def identifier(value: Any, key: str) -> str:
    """An id that we gave: a UUID, as we write it."""
    try:
        return str(uuid.UUID(value if isinstance(value, str) and len(value) == 36 else ""))
    except ValueError:
        bad(f"'{key}' is not a valid id.")


def identifiers(given: Body, key: str, least: int, most: int) -> list[str]:
    """Ids that we gave, as many as are allowed."""
    values = given.get(key)
    if not isinstance(values, list) or not least <= len(values) <= most:
        bad(f"'{key}' is a list of {least} to {most} ids.")
    return [identifier(value, key) for value in values]


def whole(given: Body, key: str, least: int, most: int, default: int) -> int:
    """A whole number within bounds, from JSON or from a query."""
    value = given.get(key)
    if value is None or value == "":
        return default
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        bad(f"'{key}' is a whole number from {least} to {most}.")
    return value


def share(given: Body, key: str) -> float | None:
    """A number from 0 to 1; None where it is left out."""
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        bad(f"'{key}' is a number from 0 to 1.")
    return float(value)


def flag(given: Body, key: str, default: bool) -> bool:
    """'true' or 'false' of a query, in any case."""
    value = str(given.get(key, "")).lower()
    if value not in ("", "true", "false"):
        bad(f"'{key}' is true or false.")
    return default if not value else value == "true"


def one_of(given: Body, key: str, words: Sequence[str], default: str) -> str:
    """One of these words."""
    value = given.get(key)
    if value is None or value == "":
        return default
    if value not in words:
        bad(f"'{key}' is one of {', '.join(words)}.")
    return str(value)


def recognition(given: Body) -> str:
    return one_of(given, "recognitionModel", RECOGNITION, RECOGNITION[0])


def detection(given: Body) -> str:
    return one_of(given, "detectionModel", DETECTION, DETECTION[0])


async def paging(request: Request) -> tuple[str, int]:
    """After which id a list begins, and how many it holds at most."""
    asked = request.query_params
    start = text({"start": asked.get("start")}, "start", LONGEST_WORD) or ""
    return start, whole(asked, "top", 1, MOST_LISTED, MOST_LISTED)


Paging = Annotated["tuple[str, int]", Depends(paging)]
