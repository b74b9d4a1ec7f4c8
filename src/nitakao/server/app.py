"""The app: its routes, what they pass, and what begins and ends with it."""

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
from nitakao.server.face_api.app import sweeping
from nitakao.server.face_api.context import FaceApiContext, fetch_policy_for
from nitakao.server.guard import Guard
from nitakao.server.metrics import TEXT, Metrics
from nitakao.server.routes import ROUTERS
from nitakao.server.service import Service, opened_service
from nitakao.server.settings import Settings
from nitakao.server.static_page import mount_page

DESCRIPTION = """Find faces, compare them, and search a gallery of them. Errors are problem documents (RFC 9457) with a
stable `code`. Lists are read with `limit` and `after`, the `next` of the answer before."""


def create_app(
    settings: Settings | None = None, *, eyes: Pipeline | None = None, fetch_policy: FetchPolicy | None = None
) -> FastAPI:
    """The server as an ASGI app. The gallery is opened now, and closed at the end of the app's life.

    eyes: networks that are loaded.  errand: how pictures are fetched, for tests.
    Raises GalleryError, and MisuseError where others may call and there are no keys.
    """
    serving = opened_service(settings or Settings(), eyes)
    metrics = Metrics(serving)
    context = FaceApiContext(serving, fetch_policy or fetch_policy_for(serving.settings.allow_urls))

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with sweeping(context):
            yield
        serving.close()

    app = FastAPI(
        title="nitakao",
        version=version("nitakao"),
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        middleware=[Middleware(Guard, service=serving, metrics=metrics)],
        separate_input_output_schemas=False,
    )
    app.state.service = serving
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    _health(app, serving, metrics)
    mount_face_api(app, context)
    mount_page(app)
    return app


def _health(app: FastAPI, serving: Service, metrics: Metrics) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> dict[str, str]:
        await serving.do(serving.gallery.setting, "created")
        if not serving.ready:
            raise problems.ProblemError(503, "starting", "networks and the search's index are being loaded")
        return {"status": "ok"}

    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(auth.may("read"))])
    async def told() -> Response:
        return Response(metrics.text(), media_type=TEXT)
