"""Query parameters and helpers that several routes share."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import Depends, Path, Query

from nitakao.errors import MisuseError
from nitakao.gallery.browse.cursors import MAX_LIMIT
from nitakao.photos import Encoded
from nitakao.server import schemas
from nitakao.server.jobs import JobFunction
from nitakao.server.problems import RETRY, ProblemError
from nitakao.server.service import Service, get_service
from nitakao.tasks.probes import ProbeLike, in_gallery
from nitakao.values import Choice, DetectorName, DetectorSettings

Result = TypeVar("Result")

MAX_ID = 2**63 - 1  # largest 64-bit integer of a database
MAX_PROBES = 32

ServiceDep: TypeAlias = Annotated[Service, Depends(get_service)]
Id: TypeAlias = Annotated[int, Path(ge=1, le=MAX_ID)]
After: TypeAlias = Annotated[str | None, Query(max_length=2000, description="The `next` of the previous page.")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Number: TypeAlias = Annotated[int, Query(ge=1, le=MAX_ID)]
Names: TypeAlias = Annotated[list[str], Query(max_length=MAX_PROBES)]
Threshold: TypeAlias = Annotated[float | None, Query(ge=0, le=1000, description="Same person below this distance.")]
Prior: TypeAlias = Annotated[float, Query(ge=1e-9, le=1 - 1e-9, description="Prior probability of the same person.")]
Faces: TypeAlias = Annotated[Choice | None, Query(description="Which faces of a picture to use.")]


def of(kind: Callable[..., Result]) -> Callable[..., Awaitable[Result]]:
    """A dataclass as a dependency: its fields are query parameters. A coroutine, see `get_service`."""

    async def dependency(**values: Any) -> Result:
        return kind(**values)

    dependency.__signature__ = inspect.signature(kind, eval_str=True)  # type: ignore[attr-defined]
    return dependency


async def detector(
    service: ServiceDep,
    detector: Annotated[
        DetectorName | None, Query(description="How to detect faces; none: the whole picture is a face.")
    ] = None,
    smallest_face: Annotated[float | None, Query(ge=12, le=100_000, description="In pixels.")] = None,
) -> DetectorSettings:
    """Detector settings of a request, else the server's."""
    if detector is None and smallest_face is None:
        return service.settings.detector
    own = service.settings.detector
    return DetectorSettings(
        detector or own.name, None if smallest_face is None else round(smallest_face), retry=own.retry
    )


Detector: TypeAlias = Annotated[DetectorSettings, Depends(detector)]


def parse_probes(service: Service, pictures: list[bytes], named: list[str]) -> list[ProbeLike]:
    """The probes of a request: its pictures, then faces and people of the gallery.

    Raises MisuseError without any probe, and for a name that is not of the gallery: no path of the server is ever read.
    """
    for name in named:
        check_gallery_probe(name)
    probes: list[ProbeLike] = [
        service.parse_picture(name_of(n, len(pictures)), data) for n, data in enumerate(pictures)
    ]
    if not probes and not named:
        raise MisuseError(
            "a probe is required: a picture as the body, or probe=face:12, person:Ada or #12",
            code="probe-required",
        )
    return [*probes, *named]


async def accept(service: Service, kind: str, work: JobFunction) -> dict[str, Any]:
    """Queue a job; returns its schema."""
    if service.jobs.is_full:
        raise ProblemError(429, "too-many-jobs", "too many jobs are waiting: try again later", RETRY)
    return schemas.job(await service.run(service.jobs.add, kind, work))


def check_gallery_probe(name: str) -> None:
    """Raise MisuseError unless the name is of a face or person in the gallery."""
    if not in_gallery(name):
        raise MisuseError(
            "a probe in the gallery is named face:12, person:Ada or #12; nothing else is read",
            code="invalid-probe",
            probe=name,
        )


def name_of(index: int, count: int) -> str:
    """Name of a picture in answers, instead of its file name."""
    return "image" if count == 1 else f"image {index + 1}"


def sizes(probes: list[ProbeLike]) -> dict[str, tuple[int, int]]:
    """Sizes of the pictures, by the start of their probes' names."""
    return {one.source: one.size for one in probes if isinstance(one, Encoded)}
