"""Operations that are not supported: liveness sessions, and the retired snapshots."""

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
        403, "UnsupportedFeature", "Liveness sessions are not available: they need Microsoft's own software."
    )


@router.api_route("/snapshots", methods=METHODS)
@router.api_route("/snapshots/{rest:path}", methods=METHODS)
def snapshots(rest: str = "") -> None:
    raise FaceApiError(403, "UnsupportedFeature", "Snapshots are retired.")
