"""Routes for people, corrections, the journal and reviews."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from nitakao.gallery.browse import cursors, lists
from nitakao.gallery.browse.lists import PeopleOrder
from nitakao.gallery.people import MAX_NAME_LENGTH
from nitakao.gallery.people import journal as journal_of
from nitakao.server import schemas
from nitakao.server.auth import require
from nitakao.server.problems import not_found, responses
from nitakao.server.routes.parameters import MAX_ID, After, Id, Limit, Number, ServiceDep
from nitakao.server.schemas import example
from nitakao.server.service import Service
from nitakao.tasks.arguments import gallery_calibration
from nitakao.tasks.gallery import people as tasks
from nitakao.tasks.scoring import Scorer
from nitakao.values import Person

MAX_FACES = 10_000  # faces in one correction

RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
RowIds = Annotated[list[RowId], Field(min_length=1, max_length=MAX_FACES)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Change = Depends(require("write"))

router = APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(require("read"))], responses=responses(404))


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonList(BaseModel):
    people: list[schemas.Person]
    next: str | None
    total: int


class PersonFaces(BaseModel):
    faces: list[schemas.Face]
    next: str | None
    total: int


class ChangeResponse(BaseModel):
    """The result of a change. `entry`: of the journal, 0 if nothing changed. `person`: the changed person, or null."""

    entry: int
    person: schemas.Person | None
    faces: int
    warnings: list[str]


class PersonUpdate(RequestBody):
    model_config = example({"name": "Ada", "hidden": False})

    name: Name | None = None
    hidden: bool | None = None


class MergeRequest(RequestBody):
    model_config = example({"others": [12, 31]})

    others: Annotated[list[RowId], Field(min_length=1, max_length=1000)]


class SplitRequest(RequestBody):
    model_config = example({"faces": [7, 9], "name": "Bob"})

    faces: RowIds
    name: Name | None = None


class MoveRequest(RequestBody):
    model_config = example({"faces": [7], "person": 12})

    faces: RowIds
    person: RowId | None


class JournalChange(BaseModel):
    """One change. `kind` is one of the listed words; `values` hold what it names: people, names, counts.

    `assigned` {faces, person}, `unassigned` {faces, person}, `moved` {faces, source, person},
    `assigned-many` {faces, people}, `confirmed` {faces}, `created` {person}, `created-many` {people},
    `removed` {person}, `hidden` {person}, `unhidden` {person}, `named` {person, name}, `renamed` {source, name},
    `unnamed` {person, name}, `rejected` {faces, person}, `allowed` {faces, person}, `merged` {person, target},
    `split` {person, target}, `undone` {entry}, `redone` {entry}, `more` {changes}.
    """

    kind: Annotated[str, Field(json_schema_extra={"enum": list(journal_of.TEXTS)})]
    values: dict[str, str | int]


class JournalEntry(BaseModel):
    """An entry of the journal. `at`: seconds since 1970. `detail`: the changes in English."""

    id: int
    at: float
    who: str
    verb: str
    detail: str
    changes: list[JournalChange]
    undone: bool


class Journal(BaseModel):
    entries: list[JournalEntry]
    next: str | None


class UndoRequest(RequestBody):
    model_config = example({"entry": 41})

    entry: RowId | None = None


class UndoResponse(BaseModel):
    """The undone entry and its verb. `by`: the new entry, which can be undone as well."""

    entry: int
    verb: str
    by: int


class Review(BaseModel):
    face: schemas.Face
    person: schemas.Person
    distance: float
    probability: float | None


class ReviewList(BaseModel):
    reviews: list[Review]
    next: str | None
    total: int


class ReviewAnswer(RequestBody):
    model_config = example({"face": 7, "person": 12, "answer": "yes"})

    face: RowId
    person: RowId
    answer: Literal["yes", "no", "skip"]


@router.get("/people", response_model=PersonList)
async def people(
    service: ServiceDep,
    after: After = None,
    limit: Limit = 100,
    named: bool | None = None,
    hidden: Annotated[bool, Query(description="Include hidden people.")] = False,
    only_hidden: Annotated[bool, Query(description="Only hidden people.")] = False,
    q: Annotated[str, Query(max_length=MAX_NAME_LENGTH, description="Part of a name.")] = "",
    order: PeopleOrder = "faces",
) -> dict[str, Any]:
    """List people, by default those with most faces first."""
    options: dict[str, Any] = {"order": order, "named": named, "hidden": hidden, "only_hidden": only_hidden}
    options |= {"like": q, "after": after, "limit": limit}
    page = await service.run(lists.people, service.gallery, **options)
    return {"people": [schemas.person(one) for one in page.items], "next": page.next, "total": page.total}


@router.get("/people/{id}", response_model=schemas.Person)
async def person(id: Id, service: ServiceDep) -> dict[str, Any]:
    """Return one person."""
    return schemas.person(await service.run(_find_person, service, id))


@router.get("/people/{id}/faces", response_model=PersonFaces)
async def faces(
    id: Id, service: ServiceDep, after: After = None, limit: Limit = 100, order: Literal["quality"] = "quality"
) -> dict[str, Any]:
    """List a person's faces, best first."""
    await service.run(_find_person, service, id)
    page = await service.run(lists.faces_of, service.gallery, id, after=after, limit=limit)
    return {"faces": [schemas.face(one) for one in page.items], "next": page.next, "total": page.total}


@router.patch("/people/{id}", response_model=ChangeResponse, dependencies=[Change])
async def change(id: Id, service: ServiceDep, body: Annotated[PersonUpdate, Body()]) -> dict[str, Any]:
    """Rename, hide or unhide a person."""
    return await service.run(_change, service, id, body)


def _change(service: Service, number: int, body: PersonUpdate) -> dict[str, Any]:
    _find_person(service, number)
    done = None
    if body.name is not None:
        done = tasks.name(service.gallery, f"#{number}", body.name)
    if body.hidden is not None:
        done = tasks.hide(service.gallery, f"#{number}", hidden=body.hidden)
    return _changed(service, done, number)


@router.post("/people/{id}/merge", response_model=ChangeResponse, dependencies=[Change])
async def merge(id: Id, service: ServiceDep, body: Annotated[MergeRequest, Body()]) -> dict[str, Any]:
    """Merge other people into this person."""
    return await service.run(_merge, service, id, body.others)


def _merge(service: Service, number: int, others: list[int]) -> dict[str, Any]:
    _find_person(service, number)
    for other in others:
        _find_person(service, other)
    return _changed(service, tasks.merge(service.gallery, f"#{number}", *(f"#{other}" for other in others)), number)


@router.post("/faces/split", response_model=ChangeResponse, dependencies=[Change])
async def split(service: ServiceDep, body: Annotated[SplitRequest, Body()]) -> dict[str, Any]:
    """Make a new person from these faces."""

    def work() -> dict[str, Any]:
        return _changed(service, tasks.split(service.gallery, body.faces, body.name))

    return await service.run(work)


@router.post("/faces/move", response_model=ChangeResponse, dependencies=[Change])
async def move(service: ServiceDep, body: Annotated[MoveRequest, Body()]) -> dict[str, Any]:
    """Move faces to another person, or unassign them."""

    def work() -> dict[str, Any]:
        to = None if body.person is None else f"#{_find_person(service, body.person).id}"
        return _changed(service, tasks.move(service.gallery, body.faces, to))

    return await service.run(work)


@router.get("/journal", response_model=Journal)
async def journal(service: ServiceDep, after: After = None, limit: Limit = 100) -> dict[str, Any]:
    """List journal entries, newest first."""
    last = cursors.decode_cursor(after, int)
    entries = await service.run(journal_of.entries, service.gallery, limit + 1, last and last[0])
    page = cursors.page(entries, limit, lambda entry: (entry.id,))
    shapes = [
        {"id": entry.id, "at": entry.at, "who": entry.who, "verb": entry.verb, "undone": entry.undone is not None}
        | {"detail": "; ".join(entry.texts), "changes": [asdict(change) for change in entry.changes]}
        for entry in page.items
    ]
    return {"entries": shapes, "next": page.next}


@router.post("/undo", response_model=UndoResponse, dependencies=[Change])
async def undo(service: ServiceDep, body: Annotated[UndoRequest | None, Body()] = None) -> dict[str, Any]:
    """Undo the latest entry of the journal, or the given one."""
    result = await service.run(tasks.undo, service.gallery, None if body is None else body.entry)
    return {"entry": result.entry, "verb": result.verb, "by": result.by}


@router.get("/reviews", response_model=ReviewList)
async def reviews(
    service: ServiceDep, person: Number | None = None, after: After = None, limit: Limit = 100
) -> dict[str, Any]:
    """List faces to review, most likely first."""
    return await service.run(_reviews, service, person, after, limit)


def _reviews(service: Service, number: int | None, after: str | None, limit: int) -> dict[str, Any]:
    import numpy as np

    page = lists.reviews(service.gallery, number, after=after, limit=limit)
    scorer = Scorer(service.card, gallery_calibration(service.gallery, service.card))
    probabilities = scorer.probabilities(np.array([one.distance for one in page.items]))
    items = [
        {"face": schemas.face(one.face), "person": schemas.person(one.person)}
        | {"distance": one.distance, "probability": schemas.finite(float(p))}
        for one, p in zip(page.items, probabilities, strict=True)
    ]
    return {"reviews": items, "next": page.next, "total": page.total}


@router.post("/reviews", response_model=ReviewAnswer, dependencies=[Change])
async def answer(service: ServiceDep, body: Annotated[ReviewAnswer, Body()]) -> ReviewAnswer:
    """Answer whether a face belongs to a person."""
    await service.run(tasks.answer, service.gallery, body.face, f"#{body.person}", body.answer)
    return body


def _find_person(service: Service, number: int) -> Person:
    """The person with this number. Raises ProblemError if there is none."""
    person = lists.person(service.gallery, number)
    if person is None:
        raise not_found("unknown-person", f"there is no person #{number} in the gallery", name=f"#{number}")
    return person


def _changed(service: Service, done: Any, number: int | None = None) -> dict[str, Any]:
    about = done.person if done is not None and done.person is not None else number
    person = None if about is None else lists.person(service.gallery, about)
    return {
        "entry": 0 if done is None else done.entry,
        "person": None if person is None else schemas.person(person),
        "faces": 0 if done is None else done.faces,
        "warnings": [] if done is None else list(done.warnings),
    }
