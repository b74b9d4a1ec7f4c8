"""A picture that comes with a request: its bytes, or the address where it lies."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from nitakao.errors import FaceApiError, MissingExtraError, PhotoError, PhotoTooLargeError
from nitakao.photos import Encoded
from nitakao.photos.fetch import fetch
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import FaceApiContext, TheContext
from nitakao.values import Outcome

LEAST_BYTES, MOST_BYTES = 1024, 6 * 1024 * 1024  # of a picture; learn.microsoft.com, 'Detect'
KINDS = ("JPEG", "PNG", "GIF", "BMP")
DRAINED = 8 * 1024 * 1024  # bytes past the limit that are still taken from the client, so that it reads the answer
SIZES = f"The image is {LEAST_BYTES} bytes to {MOST_BYTES // 1024**2} MB large."
NO_URLS = "This server fetches no pictures from addresses: send the picture itself."


async def picture(request: Request, context: TheContext) -> Encoded:
    """The picture, its header read. Raises FaceApiError where it is none that the Face API takes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        body = await parameters.json_body(request)
        data = await context.service.run(_fetched, context, body)
    elif kind == "application/octet-stream" or kind.startswith("image/"):
        data = await _received(request)
    else:
        raise FaceApiError(415, "UnsupportedMediaType", "Send application/octet-stream, or JSON with a 'url'.")
    return await context.service.run(_parsed, context, data)


Picture = Annotated[Encoded, Depends(picture)]


async def _received(request: Request) -> bytes:
    """The body, refused as soon as it is too large; its length may not be told beforehand."""
    data, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size <= MOST_BYTES:
            data += piece
        else:
            data.clear()
        if size > MOST_BYTES + DRAINED:
            break
    if not LEAST_BYTES <= size <= MOST_BYTES:
        raise FaceApiError(400, "InvalidImageSize", SIZES)
    return bytes(data)


def _fetched(context: FaceApiContext, body: parameters.Body) -> bytes:
    if "sessionImageId" in body:
        raise FaceApiError(403, "UnsupportedFeature", "Liveness sessions, and so their images, are not there.")
    url = parameters.text(body, "url", 2048, least=1)
    assert url is not None
    if context.fetch_policy is None:
        raise FaceApiError(400, "InvalidURL", NO_URLS)
    if not url.lower().startswith(("http://", "https://")):
        raise FaceApiError(400, "InvalidURL", "An image's URL begins with http:// or https://.")
    try:
        data = fetch(url, MOST_BYTES, context.fetch_policy)
    except PhotoTooLargeError:
        raise FaceApiError(400, "InvalidImageSize", SIZES) from None
    except PhotoError as error:
        raise FaceApiError(400, "InvalidURL", f"The image could not be had: {error}.") from error
    if len(data) < LEAST_BYTES:
        raise FaceApiError(400, "InvalidImageSize", SIZES)
    return data


def _parsed(context: FaceApiContext, data: bytes) -> Encoded:
    try:
        found = context.service.parse_picture("image", data)
    except PhotoTooLargeError as error:
        raise FaceApiError(400, "InvalidImageSize", f"{error}.") from error
    except (PhotoError, MissingExtraError) as error:
        raise FaceApiError(400, "InvalidImage", f"{error}.") from error
    if found.kind not in KINDS:
        raise FaceApiError(400, "InvalidImage", f"JPEG, PNG, GIF and BMP are supported, not {found.kind}.")
    return found


def usable(outcome: Outcome) -> Outcome:
    """The outcome of a picture that could be decoded. Raises FaceApiError where it could not."""
    if outcome.status in ("unreadable", "no-crop"):
        raise FaceApiError(400, "InvalidImage", f"{outcome.problem}.")
    return outcome
