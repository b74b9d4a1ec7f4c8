"""What lists and groups have in common: made, shown, listed, changed, taken away, trained."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.gallery.face_api import containers
from nitakao.gallery.face_api.containers import Container
from nitakao.gallery.face_api.kinds import FACE_LIST, PERSON_GROUP, Kind
from nitakao.server.face import arguments
from nitakao.server.face.answers import Json, accepted, empty, moment
from nitakao.server.face.arguments import JsonBody, Paging
from nitakao.server.face.house import Routes, TheHouse


def told(found: Container, *, model: bool) -> dict[str, Any]:
    """A container as JSON has it. model: with its recognition model."""
    answer = {found.kind.key: found.word, "name": found.name, "userData": found.data}
    return answer | ({"recognitionModel": found.recognition} if model else {})


def wants_model(request: Request) -> bool:
    return arguments.flag(request.query_params, "returnRecognitionModel", False)


def routes(kind: Kind) -> Routes:
    """Those below the kind's path that are the same for each kind that pins a recognition model."""
    router = Routes(prefix=f"/{kind.path}")

    @router.put("/{word}")
    def create(house: TheHouse, word: str, body: JsonBody) -> Response:
        word, name = arguments.word(word, kind), arguments.name(body, needed=True)
        assert name is not None
        containers.create(house.gallery, kind, word, name, arguments.data(body), arguments.recognition(body))
        return empty()

    @router.patch("/{word}")
    def change(house: TheHouse, word: str, body: JsonBody) -> Response:
        name, data = arguments.name(body, needed=False), arguments.data(body)
        if name is None and data is None and kind not in (FACE_LIST, PERSON_GROUP):
            arguments.bad("Give a name or userData.")
        containers.change(house.gallery, kind, arguments.word(word, kind), name, data)
        return empty()

    @router.delete("/{word}")
    def remove(house: TheHouse, word: str) -> Response:
        containers.remove(house.gallery, kind, arguments.word(word, kind))
        return empty()

    if kind != FACE_LIST:  # whose lists are shown with their faces, and are ready without training
        _add_listing(router, kind)
        _add_training(router, kind)
    return router


def _add_listing(router: Routes, kind: Kind) -> None:
    @router.get("")
    def listed(request: Request, house: TheHouse, paging: Paging) -> Response:
        model = wants_model(request)
        return Json([told(one, model=model) for one in containers.listed(house.gallery, kind, *paging)])

    @router.get("/{word}")
    def get(request: Request, house: TheHouse, word: str) -> Response:
        found = containers.get(house.gallery, kind, arguments.word(word, kind))
        return Json(told(found, model=wants_model(request)))


def _add_training(router: Routes, kind: Kind) -> None:
    @router.post("/{word}/train")
    def train(request: Request, house: TheHouse, word: str) -> Response:
        word = arguments.word(word, kind)
        containers.train(house.gallery, kind, word)
        return accepted(request, f"/{kind.path}/{word}/training")

    @router.get("/{word}/training")
    def training(house: TheHouse, word: str) -> Response:
        found = containers.get(house.gallery, kind, arguments.word(word, kind))
        if found.trained is None:
            raise kind.not_trained(word, 404)
        when = moment(found.trained)  # begun, done and successful at one moment: there is nothing to learn
        dates = {"createdDateTime": when, "lastActionDateTime": when, "lastSuccessfulTrainingDateTime": when}
        return Json({"status": "succeeded", **dates, "message": None})
