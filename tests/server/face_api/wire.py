"""Raw requests to the Face API and their responses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx

NOBODY = str(uuid.uuid4())
BYTES = {"Content-Type": "application/octet-stream"}


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of an error, equal in body and header."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    assert error["message"]
    assert answer.headers["x-ms-error-code"] == error["code"]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    return answer.status_code, error["code"]


def detected(api: httpx.Client, picture: bytes | Iterator[bytes], **query: str) -> list:
    answer = api.post("detect", params=query, content=picture, headers=BYTES)
    assert answer.status_code == 200, answer.text
    return answer.json()


def added_to_list(api: httpx.Client, picture: bytes, **query: str) -> httpx.Response:
    return api.post("facelists/x/persistedfaces", params=query, content=picture, headers=BYTES)
