"""Routes that lists and groups share: create, get, list, change, delete, train."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.gallery.face_api import containers
from nitakao.gallery.face_api.containers import Container
from nitakao.gallery.face_api.kinds import FACE_LIST, PERSON_GROUP, Kind
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, Routes
from nitakao.server.face_api.parameters import JsonBody, Paging
from nitakao.server.face_api.responses import Json, accepted_response, empty_response, timestamp


def container_json(found: Container, *, model: bool) -> dict[str, Any]:
    """A container as JSON. `model`: include its recognition model."""
    answer = {found.kind.key: found.container_id, "name": found.name, "userData": found.data}
    return answer | ({"recognitionModel": found.recognition} if model else {})


def wants_model(request: Request) -> bool:
    return parameters.flag(request.query_params, "returnRecognitionModel", False)


def routes(kind: Kind) -> Routes:
    """The routes that each kind of list and group has."""
    router = Routes(prefix=f"/{kind.path}")

    @router.put("/{container_id}")
    def create(context: ContextDep, container_id: str, body: JsonBody) -> Response:
        container_id, name = parameters.container_id(container_id, kind), parameters.name(body, needed=True)
        assert name is not None
        containers.create(
            context.gallery, kind, container_id, name, parameters.data(body), parameters.recognition(body)
        )
        return empty_response()

    @router.patch("/{container_id}")
    def change(context: ContextDep, container_id: str, body: JsonBody) -> Response:
        name, data = parameters.name(body, needed=False), parameters.data(body)
        if name is None and data is None and kind not in (FACE_LIST, PERSON_GROUP):
            parameters.bad_argument("Give a name or userData.")
        containers.change(context.gallery, kind, parameters.container_id(container_id, kind), name, data)
        return empty_response()

    @router.delete("/{container_id}")
    def remove(context: ContextDep, container_id: str) -> Response:
        containers.remove(context.gallery, kind, parameters.container_id(container_id, kind))
        return empty_response()

    if kind != FACE_LIST:  # face lists are shown with their faces and need no training
        _add_listing(router, kind)
        _add_training(router, kind)
    return router


def _add_listing(router: Routes, kind: Kind) -> None:
    @router.get("")
    def listed(request: Request, context: ContextDep, paging: Paging) -> Response:
        model = wants_model(request)
        return Json([container_json(one, model=model) for one in containers.listed(context.gallery, kind, *paging)])

    @router.get("/{container_id}")
    def get(request: Request, context: ContextDep, container_id: str) -> Response:
        found = containers.get(context.gallery, kind, parameters.container_id(container_id, kind))
        return Json(container_json(found, model=wants_model(request)))


def _add_training(router: Routes, kind: Kind) -> None:
    @router.post("/{container_id}/train")
    def train(request: Request, context: ContextDep, container_id: str) -> Response:
        container_id = parameters.container_id(container_id, kind)
        containers.train(context.gallery, kind, container_id)
        return accepted_response(request, f"/{kind.path}/{container_id}/training")

    @router.get("/{container_id}/training")
    def training(context: ContextDep, container_id: str) -> Response:
        found = containers.get(context.gallery, kind, parameters.container_id(container_id, kind))
        if found.trained is None:
            raise kind.not_trained(container_id, 404)
        when = timestamp(found.trained)  # training learns nothing, so it starts and ends at once
        dates = {"createdDateTime": when, "lastActionDateTime": when, "lastSuccessfulTrainingDateTime": when}
        return Json({"status": "succeeded", **dates, "message": None})
