"""JSON bodies, query parameters and path parameters, checked as the Face API does."""

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

MAX_BODY = 512 * 1024  # bytes of JSON: a thousand ids are 40,000
MAX_NAME, MAX_DATA, MAX_FACE_DATA, MAX_CONTAINER_ID = 128, 16_384, 1024, 64
MAX_LISTED = 1000
_CONTAINER_ID = re.compile(r"[a-z0-9_-]{1,64}")

Body: TypeAlias = Mapping[str, Any]


def bad_argument(message: str) -> NoReturn:
    """Raise the error for an invalid argument."""
    raise FaceApiError(400, "BadArgument", message)


async def json_body(request: Request) -> Body:
    """The JSON object in the body; empty for an empty body."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY:
            bad_argument(f"The request body is larger than {MAX_BODY} bytes.")
    return parsed(bytes(data))


def parsed(data: bytes) -> Body:
    """Parse a JSON object; null counts as absent."""
    if not data.strip():
        return {}
    try:
        parsed_body = json.loads(data, parse_constant=lambda word: bad_argument(f"{word} is not a JSON number."))
    except (ValueError, RecursionError):
        bad_argument("The request body is not valid JSON.")
    if not isinstance(parsed_body, dict):
        bad_argument("The request body is not a JSON object.")
    return {key: value for key, value in parsed_body.items() if value is not None}


JsonBody = Annotated[Body, Depends(json_body)]


def text(values: Body, key: str, longest: int, *, least: int = 0) -> str | None:
    """A string of `least` to `longest` characters; None if absent, unless `least` is above 0."""
    value = values.get(key)
    if value is None:
        return None if not least else bad_argument(f"'{key}' is required.")
    if not isinstance(value, str) or not least <= len(value) <= longest:
        bad_argument(f"'{key}' must be a string of {least} to {longest} characters.")
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        bad_argument(f"'{key}' contains invalid characters.")
    return value


def name(values: Body, *, needed: bool) -> str | None:
    """The 'name', never empty; None if absent and not needed."""
    if not needed and values.get("name") is None:
        return None
    return text(values, "name", MAX_NAME, least=1)


def data(values: Body, longest: int = MAX_DATA) -> str | None:
    """The 'userData'; None if absent."""
    return text(values, "userData", longest)


def container_id(value: Any, kind: Kind) -> str:
    """The client's id of a container."""
    if not isinstance(value, str) or not _CONTAINER_ID.fullmatch(value):
        bad_argument(f"{kind.key} must be 1 to {MAX_CONTAINER_ID} characters of a-z, 0-9, '-' and '_'.")
    return value


def identifier(value: Any, key: str) -> str:
    """A UUID of this server, normalized."""
    try:
        return str(uuid.UUID(value if isinstance(value, str) and len(value) == 36 else ""))
    except ValueError:
        bad_argument(f"'{key}' is not a valid id.")


def identifiers(arguments: Body, key: str, least: int, most: int) -> list[str]:
    """A list of `least` to `most` UUIDs."""
    values = arguments.get(key)
    if not isinstance(values, list) or not least <= len(values) <= most:
        bad_argument(f"'{key}' must be a list of {least} to {most} ids.")
    return [identifier(value, key) for value in values]


def integer(values: Body, key: str, least: int, most: int, default: int) -> int:
    """An integer within bounds, from JSON or a query."""
    value = values.get(key)
    if value is None or value == "":
        return default
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        bad_argument(f"'{key}' must be an integer from {least} to {most}.")
    return value


def fraction(values: Body, key: str) -> float | None:
    """A number from 0 to 1; None if absent."""
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        bad_argument(f"'{key}' must be a number from 0 to 1.")
    return float(value)


def flag(values: Body, key: str, default: bool) -> bool:
    """'true' or 'false' of a query, in any case."""
    value = str(values.get(key, "")).lower()
    if value not in ("", "true", "false"):
        bad_argument(f"'{key}' must be true or false.")
    return default if not value else value == "true"


def one_of(values: Body, key: str, words: Sequence[str], default: str) -> str:
    """One of these words."""
    value = values.get(key)
    if value is None or value == "":
        return default
    if value not in words:
        bad_argument(f"'{key}' must be one of {', '.join(words)}.")
    return str(value)


def recognition(values: Body) -> str:
    return one_of(values, "recognitionModel", RECOGNITION, RECOGNITION[0])


def detection(values: Body) -> str:
    return one_of(values, "detectionModel", DETECTION, DETECTION[0])


async def paging(request: Request) -> tuple[str, int]:
    """`start` (the id after which a list begins) and `top` (its limit)."""
    query = request.query_params
    start = text({"start": query.get("start")}, "start", MAX_CONTAINER_ID) or ""
    return start, integer(query, "top", 1, MAX_LISTED, MAX_LISTED)


Paging = Annotated["tuple[str, int]", Depends(paging)]
