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
    answer = {found.kind.key: found.word, "name": found.name, "userData": found.data}
    return answer | ({"recognitionModel": found.recognition} if model else {})


def wants_model(request: Request) -> bool:
    return parameters.flag(request.query_params, "returnRecognitionModel", False)


def routes(kind: Kind) -> Routes:
    """The routes that each kind of list and group has."""
    router = Routes(prefix=f"/{kind.path}")

    @router.put("/{word}")
    def create(context: ContextDep, word: str, body: JsonBody) -> Response:
        word, name = parameters.word(word, kind), parameters.name(body, needed=True)
        assert name is not None
        containers.create(context.gallery, kind, word, name, parameters.data(body), parameters.recognition(body))
        return empty_response()

    @router.patch("/{word}")
    def change(context: ContextDep, word: str, body: JsonBody) -> Response:
        name, data = parameters.name(body, needed=False), parameters.data(body)
        if name is None and data is None and kind not in (FACE_LIST, PERSON_GROUP):
            parameters.bad_argument("Give a name or userData.")
        containers.change(context.gallery, kind, parameters.word(word, kind), name, data)
        return empty_response()

    @router.delete("/{word}")
    def remove(context: ContextDep, word: str) -> Response:
        containers.remove(context.gallery, kind, parameters.word(word, kind))
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

    @router.get("/{word}")
    def get(request: Request, context: ContextDep, word: str) -> Response:
        found = containers.get(context.gallery, kind, parameters.word(word, kind))
        return Json(container_json(found, model=wants_model(request)))


def _add_training(router: Routes, kind: Kind) -> None:
    @router.post("/{word}/train")
    def train(request: Request, context: ContextDep, word: str) -> Response:
        word = parameters.word(word, kind)
        containers.train(context.gallery, kind, word)
        return accepted_response(request, f"/{kind.path}/{word}/training")

    @router.get("/{word}/training")
    def training(context: ContextDep, word: str) -> Response:
        found = containers.get(context.gallery, kind, parameters.word(word, kind))
        if found.trained is None:
            raise kind.not_trained(word, 404)
        when = timestamp(found.trained)  # training learns nothing, so it starts and ends at once
        dates = {"createdDateTime": when, "lastActionDateTime": when, "lastSuccessfulTrainingDateTime": when}
        return Json({"status": "succeeded", **dates, "message": None})
