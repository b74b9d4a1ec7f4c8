"""Sessions, settings and models."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from nitakao.server.auth import COOKIE, SESSION_SECONDS, Caller, keyring, require
from nitakao.server.auth import caller as current_caller
from nitakao.server.problems import not_found, responses
from nitakao.server.routes.parameters import ServiceDep
from nitakao.server.schemas import example, finite
from nitakao.tasks.models import models as tasks

router = APIRouter(prefix="/api/v1", tags=["session"], responses=responses())


class Session(BaseModel):
    """The caller's role, null without a valid access key. `keys`: whether this server requires access keys."""

    role: Literal["read", "write", "admin"] | None
    keys: bool
    version: str
    model: str


class LoginRequest(BaseModel):
    """An access key."""

    model_config = ConfigDict(extra="forbid") | example({"key": "nk_..."})

    key: Annotated[str, Field(min_length=1, max_length=200)]


class Settings(BaseModel):
    """Settings of the gallery. `threshold`: same person below this distance; null for the model's threshold."""

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
async def session(request: Request, service: ServiceDep) -> dict[str, Any]:
    """Return the caller's role."""
    return _session(request, service, current_caller(request))


@router.post("/session", response_model=Session)
async def sign_in(
    request: Request, response: Response, service: ServiceDep, login: Annotated[LoginRequest, Body()]
) -> dict[str, Any]:
    """Sign in with an access key. Sets an HTTP-only session cookie."""
    cookie, caller = keyring(request).session(login.key.strip())
    response.set_cookie(
        COOKIE,
        cookie,
        int(SESSION_SECONDS),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return _session(request, service, caller)


@router.delete("/session", status_code=204)
async def sign_out(response: Response) -> None:
    """Sign out. Deletes the session cookie."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def _session(request: Request, service: ServiceDep, caller: Caller) -> dict[str, Any]:
    shape = {"role": caller.role, "keys": keyring(request).is_required}
    return shape | {"version": version("nitakao"), "model": service.gallery.model}


@router.get("/settings", response_model=Settings, dependencies=[Depends(require("read"))])
async def settings(service: ServiceDep) -> dict[str, Any]:
    """Return the gallery's settings."""
    return {"threshold": await service.run(service.threshold)}


@router.put("/settings", response_model=Settings, dependencies=[Depends(require("write"))])
async def update_settings(service: ServiceDep, update: Annotated[Settings, Body()]) -> dict[str, Any]:
    """Replace the gallery's settings."""
    await service.run(service.set_threshold, update.threshold)
    return {"threshold": update.threshold}


@router.get("/models", response_model=ModelList, dependencies=[Depends(require("read"))])
async def list_models(service: ServiceDep) -> dict[str, Any]:
    """List all models with their licences."""
    models, _ = await service.run(tasks.listing)
    return {"models": [_card(tasks.fields(model.card), model.here, service.gallery.model) for model in models]}


@router.get("/models/{name}", response_model=Model, dependencies=[Depends(require("read"))], responses=responses(404))
async def get_model(name: Annotated[str, InPath(max_length=80)], service: ServiceDep) -> dict[str, Any]:
    """Return one model's card."""
    models, _ = await service.run(tasks.listing)
    for model in models:
        if model.card.name == name:
            return _card(tasks.fields(model.card), model.here, service.gallery.model)
    raise not_found("unknown-model", f"no model '{name}'", model=name)


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
