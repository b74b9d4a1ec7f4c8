"""Who is here, with which models, under which settings."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from nitakao.server.auth import COOKIE, SESSION, Caller, keyring, may
from nitakao.server.auth import caller as who
from nitakao.server.problems import not_found, responses
from nitakao.server.routes.parameters import Serving
from nitakao.server.schemas import example, finite
from nitakao.tasks.models import models as tasks

router = APIRouter(prefix="/api/v1", tags=["session"], responses=responses())


class Session(BaseModel):
    """role: null where a key is needed and none was given.  keys: whether keys are needed here at all."""

    role: Literal["read", "write", "admin"] | None
    keys: bool
    version: str
    model: str


class LoginRequest(BaseModel):
    model_config = ConfigDict(extra="forbid") | example({"key": "nk_..."})

    key: Annotated[str, Field(min_length=1, max_length=200)]


class Settings(BaseModel):
    """threshold: same person below this distance, unless a question says otherwise; null: the model's own."""

    model_config = ConfigDict(extra="forbid") | example({"threshold": 0.55})

    threshold: Annotated[float, Field(gt=0, le=1000)] | None = None


class Model(BaseModel):
    """A model's card, with all its other fields.

    `here`: the weights are installed. `gallery`: the gallery uses it. `builtin`: it ships with nitakao.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    title: str
    weights_licence: str
    data_licence: str
    commercial: str
    here: bool
    gallery: bool
    builtin: bool


class ModelList(BaseModel):
    models: list[Model]


@router.get("/session", response_model=Session)
async def session(request: Request, serving: Serving) -> dict[str, Any]:
    """What the caller may do."""
    return _told(request, serving, who(request))


@router.post("/session", response_model=Session)
async def login(
    request: Request, response: Response, serving: Serving, given: Annotated[LoginRequest, Body()]
) -> dict[str, Any]:
    """Open a session in this browser with a key: a cookie that no script can read."""
    cookie, caller = keyring(request).session(given.key.strip())
    response.set_cookie(
        COOKIE, cookie, int(SESSION), httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
    return _told(request, serving, caller)


@router.delete("/session", status_code=204)
async def logout(response: Response) -> None:
    """End the session in this browser."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def _told(request: Request, serving: Serving, caller: Caller) -> dict[str, Any]:
    told = {"role": caller.role, "keys": keyring(request).needed}
    return told | {"version": version("nitakao"), "model": serving.gallery.model}


@router.get("/settings", response_model=Settings, dependencies=[Depends(may("read"))])
async def settings(serving: Serving) -> dict[str, Any]:
    """Settings that are kept in the gallery."""
    return {"threshold": await serving.do(serving.threshold)}


@router.put("/settings", response_model=Settings, dependencies=[Depends(may("write"))])
async def change(serving: Serving, wanted: Annotated[Settings, Body()]) -> dict[str, Any]:
    """Change settings that are kept in the gallery."""
    await serving.do(serving.set_threshold, wanted.threshold)
    return {"threshold": wanted.threshold}


@router.get("/models", response_model=ModelList, dependencies=[Depends(may("read"))])
async def models(serving: Serving) -> dict[str, Any]:
    """Every model there is here, with its licences."""
    listed, _ = await serving.do(tasks.listing)
    return {"models": [_card(tasks.fields(one.card), one.here, serving.gallery.model) for one in listed]}


@router.get("/models/{name}", response_model=Model, dependencies=[Depends(may("read"))], responses=responses(404))
async def model(name: Annotated[str, InPath(max_length=80)], serving: Serving) -> dict[str, Any]:
    """One model's card."""
    listed, _ = await serving.do(tasks.listing)
    for one in listed:
        if one.card.name == name:
            return _card(tasks.fields(one.card), one.here, serving.gallery.model)
    raise not_found("unknown-model", "there is no model of this name here", model=name)


def _card(fields: dict[str, Any], here: bool, used: str) -> dict[str, Any]:
    from nitakao.models.cards import registry

    name = fields["name"]
    builtin = any(card.name == name for card in registry.cards())
    return {**_plain(fields), "here": here, "gallery": name == used, "builtin": builtin}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
