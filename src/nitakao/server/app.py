"""The ASGI app: routes, middleware and lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.responses import Response

from nitakao.photos.fetch import FetchPolicy
from nitakao.pipeline import Pipeline
from nitakao.server import auth, problems
from nitakao.server.face_api.app import mount as mount_face_api
from nitakao.server.face_api.app import sweep_expired_faces
from nitakao.server.face_api.context import FaceApiContext, fetch_policy_for
from nitakao.server.guard import Guard
from nitakao.server.metrics import CONTENT_TYPE, Metrics
from nitakao.server.routes import ROUTERS
from nitakao.server.service import Service, open_service
from nitakao.server.settings import Settings
from nitakao.server.static_page import mount_page

DESCRIPTION = """Detect and compare faces, and search a gallery of faces.

Errors are problem documents (RFC 9457) with a stable `code`. Lists come in pages: pass the `next` of one page as the
`after` of the next request."""


def create_app(
    settings: Settings | None = None, *, pipeline: Pipeline | None = None, fetch_policy: FetchPolicy | None = None
) -> FastAPI:
    """The server as an ASGI app. It opens the gallery now and closes it when the app shuts down.

    Args:
        settings: How to serve.
        pipeline: A pipeline with loaded networks, instead of a new one.
        fetch_policy: Where the Face API may fetch pictures from, instead of the policy in `settings`.

    Raises:
        GalleryError: If the gallery cannot be opened.
    """
    service = open_service(settings or Settings(), pipeline)
    metrics = Metrics(service)
    context = FaceApiContext(service, fetch_policy or fetch_policy_for(service.settings.allow_urls))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with sweep_expired_faces(context):
            yield
        service.close()

    app = FastAPI(
        title="nitakao",
        version=version("nitakao"),
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[Middleware(Guard, service=service, metrics=metrics)],
        separate_input_output_schemas=False,
    )
    app.state.service = service
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    _mount_health(app, service, metrics)
    mount_face_api(app, context)
    mount_page(app)
    return app


def _mount_health(app: FastAPI, service: Service, metrics: Metrics) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> dict[str, str]:
        await service.run(service.gallery.setting, "created")
        if not service.ready:
            raise problems.ProblemError(503, "starting", "still loading: try again in a moment")
        return {"status": "ok"}

    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(auth.require("read"))])
    async def prometheus() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)
