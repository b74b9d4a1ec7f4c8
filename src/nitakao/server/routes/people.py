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
from nitakao.server.routes.parameters import LARGEST, After, Id, Limit, Number, Serving
from nitakao.server.schemas import example
from nitakao.server.service import Service
from nitakao.tasks.arguments import gallery_calibration
from nitakao.tasks.gallery import people as tasks
from nitakao.tasks.scoring import Scorer
from nitakao.values import Person

MOST_AT_ONCE = 10_000  # faces in one correction

One = Annotated[int, Field(ge=1, le=LARGEST)]
Many = Annotated[list[One], Field(min_length=1, max_length=MOST_AT_ONCE)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Change = Depends(require("write"))

router = APIRouter(prefix="/api/v1", tags=["people"], dependencies=[Depends(require("read"))], responses=responses(404))


class Strict(BaseModel):
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


class PersonUpdate(Strict):
    model_config = example({"name": "Ada", "hidden": False})

    name: Name | None = None
    hidden: bool | None = None


class MergeRequest(Strict):
    model_config = example({"others": [12, 31]})

    others: Annotated[list[One], Field(min_length=1, max_length=1000)]


class SplitRequest(Strict):
    model_config = example({"faces": [7, 9], "name": "Bob"})

    faces: Many
    name: Name | None = None


class MoveRequest(Strict):
    model_config = example({"faces": [7], "person": 12})

    faces: Many
    person: One | None


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


class UndoRequest(Strict):
    model_config = example({"entry": 41})

    entry: One | None = None


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


class ReviewAnswer(Strict):
    model_config = example({"face": 7, "person": 12, "answer": "yes"})

    face: One
    person: One
    answer: Literal["yes", "no", "skip"]


@router.get("/people", response_model=PersonList)
async def people(
    serving: Serving,
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
    found = await serving.run(lists.people, serving.gallery, **options)
    return {"people": [schemas.person(one) for one in found.items], "next": found.next, "total": found.total}


@router.get("/people/{id}", response_model=schemas.Person)
async def person(id: Id, serving: Serving) -> dict[str, Any]:
    """Return one person."""
    return schemas.person(await serving.run(_there, serving, id))


@router.get("/people/{id}/faces", response_model=PersonFaces)
async def faces(
    id: Id, serving: Serving, after: After = None, limit: Limit = 100, order: Literal["quality"] = "quality"
) -> dict[str, Any]:
    """List a person's faces, best first."""
    await serving.run(_there, serving, id)
    found = await serving.run(lists.faces_of, serving.gallery, id, after=after, limit=limit)
    return {"faces": [schemas.face(one) for one in found.items], "next": found.next, "total": found.total}


@router.patch("/people/{id}", response_model=ChangeResponse, dependencies=[Change])
async def change(id: Id, serving: Serving, wanted: Annotated[PersonUpdate, Body()]) -> dict[str, Any]:
    """Rename, hide or unhide a person."""
    return await serving.run(_change, serving, id, wanted)


def _change(serving: Service, number: int, wanted: PersonUpdate) -> dict[str, Any]:
    _there(serving, number)
    done = None
    if wanted.name is not None:
        done = tasks.name(serving.gallery, f"#{number}", wanted.name)
    if wanted.hidden is not None:
        done = tasks.hide(serving.gallery, f"#{number}", hidden=wanted.hidden)
    return _changed(serving, done, number)


@router.post("/people/{id}/merge", response_model=ChangeResponse, dependencies=[Change])
async def merge(id: Id, serving: Serving, wanted: Annotated[MergeRequest, Body()]) -> dict[str, Any]:
    """MergeRequest become one with this person, who stays."""
    return await serving.run(_merge, serving, id, wanted.others)


def _merge(serving: Service, number: int, others: list[int]) -> dict[str, Any]:
    _there(serving, number)
    for other in others:
        _there(serving, other)
    return _changed(serving, tasks.merge(serving.gallery, f"#{number}", *(f"#{other}" for other in others)), number)


@router.post("/faces/split", response_model=ChangeResponse, dependencies=[Change])
async def split(serving: Serving, wanted: Annotated[SplitRequest, Body()]) -> dict[str, Any]:
    """Make a new person from these faces."""

    def work() -> dict[str, Any]:
        return _changed(serving, tasks.split(serving.gallery, wanted.faces, wanted.name))

    return await serving.run(work)


@router.post("/faces/move", response_model=ChangeResponse, dependencies=[Change])
async def move(serving: Serving, wanted: Annotated[MoveRequest, Body()]) -> dict[str, Any]:
    """Move faces to another person, or unassign them."""

    def work() -> dict[str, Any]:
        to = None if wanted.person is None else f"#{_there(serving, wanted.person).id}"
        return _changed(serving, tasks.move(serving.gallery, wanted.faces, to))

    return await serving.run(work)


@router.get("/journal", response_model=Journal)
async def journal(serving: Serving, after: After = None, limit: Limit = 100) -> dict[str, Any]:
    """List journal entries, newest first."""
    last = cursors.decode_cursor(after, int)
    found = await serving.run(journal_of.entries, serving.gallery, limit + 1, last and last[0])
    page = cursors.page(found, limit, lambda entry: (entry.id,))
    entries = [
        {"id": one.id, "at": one.at, "who": one.who, "verb": one.verb, "undone": one.undone is not None}
        | {"detail": "; ".join(one.texts), "changes": [asdict(change) for change in one.changes]}
        for one in page.items
    ]
    return {"entries": entries, "next": page.next}


@router.post("/undo", response_model=UndoResponse, dependencies=[Change])
async def undo(serving: Serving, wanted: Annotated[UndoRequest | None, Body()] = None) -> dict[str, Any]:
    """Undo the latest entry of the journal, or the given one."""
    found = await serving.run(tasks.undo, serving.gallery, None if wanted is None else wanted.entry)
    return {"entry": found.entry, "verb": found.verb, "by": found.by}


@router.get("/reviews", response_model=ReviewList)
async def reviews(
    serving: Serving, person: Number | None = None, after: After = None, limit: Limit = 100
) -> dict[str, Any]:
    """List faces to review, most likely first."""
    return await serving.run(_reviews, serving, person, after, limit)


def _reviews(serving: Service, number: int | None, after: str | None, limit: int) -> dict[str, Any]:
    import numpy as np

    found = lists.reviews(serving.gallery, number, after=after, limit=limit)
    judge = Scorer(serving.card, gallery_calibration(serving.gallery, serving.card))
    sure = judge.probabilities(np.array([one.distance for one in found.items]))
    told = [
        {"face": schemas.face(one.face), "person": schemas.person(one.person)}
        | {"distance": one.distance, "probability": schemas.finite(float(p))}
        for one, p in zip(found.items, sure, strict=True)
    ]
    return {"reviews": told, "next": found.next, "total": found.total}


@router.post("/reviews", response_model=ReviewAnswer, dependencies=[Change])
async def answer(serving: Serving, wanted: Annotated[ReviewAnswer, Body()]) -> ReviewAnswer:
    """Answer whether a face belongs to a person."""
    await serving.run(tasks.answer, serving.gallery, wanted.face, f"#{wanted.person}", wanted.answer)
    return wanted


def _there(serving: Service, number: int) -> Person:
    """The person with this number. Raises ProblemError if there is none."""
    found = lists.person(serving.gallery, number)
    if found is None:
        raise not_found("unknown-person", f"there is no person #{number} in the gallery", name=f"#{number}")
    return found


def _changed(serving: Service, done: Any, number: int | None = None) -> dict[str, Any]:
    about = done.person if done is not None and done.person is not None else number
    found = None if about is None else lists.person(serving.gallery, about)
    return {
        "entry": 0 if done is None else done.entry,
        "person": None if found is None else schemas.person(found),
        "faces": 0 if done is None else done.faces,
        "warnings": [] if done is None else list(done.warnings),
    }
