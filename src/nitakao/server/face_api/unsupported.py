"""What is refused as Azure refuses it to those who may not: liveness sessions, and the snapshots that are retired."""

from __future__ import annotations

from fastapi import APIRouter

from nitakao.errors import FaceApiError

router = APIRouter()

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.api_route("/detectliveness/{rest:path}", methods=METHODS)
@router.api_route("/detectlivenesswithverify/{rest:path}", methods=METHODS)
@router.api_route("/session/{rest:path}", methods=METHODS)
@router.api_route("/livenesssessions/{rest:path}", methods=METHODS)
def liveness(rest: str) -> None:
    raise FaceApiError(
        403, "UnsupportedFeature", "Liveness sessions are not available: they rest on Microsoft's own software."
    )


@router.api_route("/snapshots", methods=METHODS)
@router.api_route("/snapshots/{rest:path}", methods=METHODS)
def snapshots(rest: str = "") -> None:
    raise FaceApiError(403, "UnsupportedFeature", "Snapshots are retired.")
