"""The picture of a request: its bytes, or a URL to fetch it from."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from nitakao.errors import FaceApiError, MissingExtraError, PhotoError, PhotoTooLargeError
from nitakao.photos import Encoded
from nitakao.photos.fetch import fetch
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, FaceApiContext
from nitakao.values import Outcome

MIN_BYTES, MAX_BYTES = 1024, 6 * 1024 * 1024  # picture size; learn.microsoft.com, 'Detect'
FORMATS = ("JPEG", "PNG", "GIF", "BMP")
DRAIN_BYTES = 8 * 1024 * 1024  # bytes read past the limit, so that the client reads the answer
SIZES = f"The image is {MIN_BYTES} bytes to {MAX_BYTES // 1024**2} MB large."
NO_URLS = "This server does not fetch URLs: send the picture as the body."


async def picture(request: Request, context: ContextDep) -> Encoded:
    """The picture with its header parsed. Raises FaceApiError if the Face API does not accept it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        body = await parameters.json_body(request)
        data = await context.service.run(_fetch, context, body)
    elif kind == "application/octet-stream" or kind.startswith("image/"):
        data = await _receive(request)
    else:
        raise FaceApiError(415, "UnsupportedMediaType", "Send application/octet-stream, or JSON with a 'url'.")
    return await context.service.run(_parse, context, data)


Picture = Annotated[Encoded, Depends(picture)]


async def _receive(request: Request) -> bytes:
    """The body, refused as soon as it is too large: Content-Length may be missing."""
    data, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BYTES:
            data += chunk
        else:
            data.clear()
        if size > MAX_BYTES + DRAIN_BYTES:
            break
    if not MIN_BYTES <= size <= MAX_BYTES:
        raise FaceApiError(400, "InvalidImageSize", SIZES)
    return bytes(data)


def _fetch(context: FaceApiContext, body: parameters.Body) -> bytes:
    if "sessionImageId" in body:
        raise FaceApiError(
            403, "UnsupportedFeature", "Liveness sessions are not available, so sessionImageId is not either."
        )
    url = parameters.text(body, "url", 2048, least=1)
    assert url is not None
    if context.fetch_policy is None:
        raise FaceApiError(400, "InvalidURL", NO_URLS)
    if not url.lower().startswith(("http://", "https://")):
        raise FaceApiError(400, "InvalidURL", "An image's URL begins with http:// or https://.")
    try:
        data = fetch(url, MAX_BYTES, context.fetch_policy)
    except PhotoTooLargeError:
        raise FaceApiError(400, "InvalidImageSize", SIZES) from None
    except PhotoError as error:
        raise FaceApiError(400, "InvalidURL", f"The image could not be fetched: {error}.") from error
    if len(data) < MIN_BYTES:
        raise FaceApiError(400, "InvalidImageSize", SIZES)
    return data


def _parse(context: FaceApiContext, data: bytes) -> Encoded:
    try:
        parsed = context.service.parse_picture("image", data)
    except PhotoTooLargeError as error:
        raise FaceApiError(400, "InvalidImageSize", f"{error}.") from error
    except (PhotoError, MissingExtraError) as error:
        raise FaceApiError(400, "InvalidImage", f"{error}.") from error
    if parsed.kind not in FORMATS:
        raise FaceApiError(400, "InvalidImage", f"JPEG, PNG, GIF and BMP are supported, not {parsed.kind}.")
    return parsed


def check_readable(outcome: Outcome) -> Outcome:
    """The outcome of a readable picture. Raises FaceApiError if it could not be decoded."""
    if outcome.status in ("unreadable", "no-crop"):
        raise FaceApiError(400, "InvalidImage", f"{outcome.problem}.")
    return outcome
