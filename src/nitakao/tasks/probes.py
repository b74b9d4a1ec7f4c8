"""Who is asked about: photographs, faces and persons of a gallery, vectors; alone, averaged, or pushed away."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError, NoFaceError, PhotoError, UnreadablePhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import Given, looking, one
from nitakao.values import Choice, DetectorSettings, FaceFilter, Floats, Metric, ModelCard, Outcome, Photo, Probe, rows

if TYPE_CHECKING:  # these load ONNX Runtime and SQLAlchemy: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.models.onnx.session import Device
    from nitakao.photos import Encoded
    from nitakao.pipeline import Pipeline

Asked: TypeAlias = "Given | Floats"
FACE, PERSON = "face:", "person:"

# How far a probe is pushed away from a face, in lengths of that face's vector. Measured on the 705 people of LFW with
# several pictures who are not in its people.txt, each pushed away from the nearest stranger: that stranger's median
# rank goes from 3 to 46 (facenet-vggface2) and 43 (dlib-resnet), while the nearest face is one's own in 97.6% of
# searches instead of 97.0, and in 96.2% instead of 94.5. At 0.5 it is 296 and 179, and one's own begin to suffer.
PUSH = 0.3


@dataclass(frozen=True)
class Look:
    """How the photographs that are asked about are looked at.

    model: a card's name, its path, or a card, where not the gallery's own by name.  choice: which faces are asked
    about; None: all of one photograph, the largest of each where several are averaged.  eyes: networks that are loaded.
    """

    model: str | ModelCard | None = None
    detector: DetectorSettings | None = None
    choice: Choice | None = None
    device: Device | None = None
    allow_urls: bool = False
    eyes: Pipeline | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found for one thing that was asked about: its probes, or why there are none."""

    probes: tuple[Probe, ...]
    problem: PhotoError | None = None


def where(
    gallery: GalleryStore,
    people: Sequence[str] = (),
    *,
    folder: str = "",
    since: float | None = None,
    until: float | None = None,
    least: float = 0.0,
    hidden: bool = False,
) -> FaceFilter:
    """Which faces may answer; people by name or '#12', a folder as the shell names it. Otherwise as `FaceFilter`."""
    from nitakao.gallery.people import find_person

    numbers = tuple(find_person(gallery, name) for name in people)
    within = os.path.abspath(folder) if folder else ""
    return FaceFilter(numbers, folder=within, since=since, until=until, min_quality=least, hidden=hidden)


def check_count(k: int | None, within: float | None, *, same_person: bool) -> None:
    """Raises MisuseError where nothing is asked for, or everything, or two things at once."""
    if within is not None and (same_person or math.isnan(within)):
        raise MisuseError(
            "a distance and 'the same person' both say how near: give one, and a distance is a number",
            code="conflicting-limits",
        )
    if k is not None and k < 1:
        raise MisuseError(f"one face or more is looked for, not {k}")
    if k is None and within is None and not same_person:
        raise MisuseError("say how many faces, or how near: without either every face there is would be listed")


def wanted(
    gallery: GalleryStore | None,
    asked: Sequence[Asked],
    away: Sequence[Asked],
    card: ModelCard,
    look: Look,
    *,
    each: bool = False,
    flip: bool = False,
) -> tuple[list[Probe], tuple[str, ...]]:
    """The probes to be answered, and what is wrong with photographs that give none.

    Several are averaged, unless `each`.  Raises what is wrong with a photograph where not others are answered anyway.
    """
    one_by_one = len(asked) == 1 or each
    if look.choice == "all" and not one_by_one:
        raise MisuseError(
            "of several pictures of one person one face each is taken, not all: choose which, or --each",
            code="one-face-each",
        )
    default: Choice = "all" if one_by_one else "largest"
    seen = of(gallery, asked, card, replace(look, choice=look.choice or default), flip)
    others = of(gallery, away, card, replace(look, choice="largest"), flip) if away else []
    for item in [*([] if each and any(s.probes for s in seen) else seen), *others]:
        if item.problem is not None:
            raise item.problem
    found = [probe for item in seen for probe in item.probes]
    if not one_by_one:
        found = [averaged(found, card.metric)]
    against = [probe for item in others for probe in item.probes]
    problems = tuple(str(item.problem) for item in seen if item.problem is not None)
    return [pushed(probe, against) for probe in found], problems


def of(gallery: GalleryStore | None, asked: Sequence[Asked], card: ModelCard, look: Look, flip: bool) -> list[Seen]:
    """For each thing asked about its probes, in order; the network runs once for all photographs.

    asked: photographs, vectors (D,), and of the gallery 'face:12', 'person:Ada' or '#12'.  Raises MisuseError for what
    is none of these.
    """
    if not asked:
        raise MisuseError("name somebody to ask about: a photograph, face:NUMBER or person:NAME")
    named = [None if is_kept(item) or isinstance(item, np.ndarray) else _one(item, look) for item in asked]
    outcomes = _outcomes([name for name in named if name is not None], card, look, flip)
    found = []
    for item, name in zip(asked, named, strict=True):
        if name is not None:
            found.append(_of_photograph(next(outcomes), name))
        elif isinstance(item, np.ndarray):
            found.append(Seen((Probe("vector", rows(item[None], card.dimension)[0]),)))
        else:
            found.append(Seen((_of_gallery(gallery, str(item), card.metric),)))
    return found


def is_kept(item: Asked) -> bool:
    """Whether somebody of a gallery is named, and no photograph."""
    return isinstance(item, str) and (item.startswith((FACE, PERSON)) or (item[:1] == "#" and item[1:].isdecimal()))


def _one(item: Asked, look: Look) -> str | Photo | Encoded:
    assert not isinstance(item, np.ndarray)
    return one(item, allow_urls=look.allow_urls)


def _outcomes(named: list[str | Photo | Encoded], card: ModelCard, look: Look, flip: bool) -> Iterator[Outcome]:
    if not named:
        return iter(())  # a search from a face of the gallery needs no network
    return looking(look.eyes)(
        named,
        card=card,
        options=PipelineOptions(
            look.detector or DetectorSettings(), look.choice, look.device, flip, allow_urls=look.allow_urls
        ),
    )


def _of_photograph(outcome: Outcome, named: str | Photo | Encoded) -> Seen:
    try:
        seen = with_face(outcome)
    except PhotoError as error:
        return Seen((), error)
    several = len(seen.faces) > 1
    source = named if isinstance(named, (str, Photo)) else ""
    return Seen(
        tuple(
            Probe(f"{seen.source}#{n}" if several else seen.source, vector, source=source, face=face, number=n)
            for n, (face, vector) in enumerate(zip(seen.faces, seen.vectors, strict=True))
        )
    )


def with_face(outcome: Outcome) -> Outcome:
    """The outcome, which has a face. Raises NoFaceError or UnreadablePhotoError where it has none."""
    if outcome.faces:
        return outcome
    if outcome.status == "no-face":
        raise NoFaceError(
            f"no face found in '{outcome.source}': a smaller smallest face finds more, "
            "and the detector 'none' takes the picture itself for the face",
            code="no-face",
            picture=outcome.source,
        )
    raise UnreadablePhotoError(outcome.complaint)


def _of_gallery(gallery: GalleryStore | None, named: str, metric: Metric) -> Probe:
    if gallery is None:
        raise MisuseError(f"'{named}' is somebody of a gallery, and none is searched here: name a photograph")
    if named.startswith(FACE):
        return _of_face(gallery, named)
    return _of_person(gallery, named.removeprefix(PERSON), metric)


def _of_face(gallery: GalleryStore, named: str) -> Probe:
    from nitakao.gallery import faces

    number = named.removeprefix(FACE)
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise MisuseError(
            f"a face of the gallery is named by its number, face:12, not '{named}'", code="invalid-probe", probe=named
        )
    kept = faces.records(gallery, [int(number)])
    if not kept:
        raise MisuseError(
            f"there is no face {number} in gallery '{gallery.location}'", code="unknown-face", face=int(number)
        )
    person = kept[int(number)].person_id
    return Probe(named, faces.vectors(gallery, [int(number)])[0], faces=(int(number),), person_id=person)


def _of_person(gallery: GalleryStore, named: str, metric: Metric) -> Probe:
    from nitakao.gallery import faces, nearest, people

    number = people.find_person(gallery, named)
    found = nearest.faces_of(gallery, [number])
    if not found:
        raise MisuseError(
            f"'{named}' has no faces in gallery '{gallery.location}': ask about somebody who has",
            code="person-without-faces",
            name=named,
        )
    vector, spread = centre(found[number].vectors, metric)
    own = faces.ids(gallery, FaceFilter(people=(number,), hidden=True)).tolist()
    return Probe(named, vector, spread, faces=tuple(own), person_id=number)


def centre(vectors: Floats, metric: Metric) -> tuple[Floats, float]:
    """The mean (D,) of vectors (n, D), and their spread about it, which `as_from_one` takes.

    euclidean: the spread is the mean squared distance from the mean.  cosine: the mean is of unit vectors, and the
    spread is what its length lacks to 1.
    """
    exact = vectors.astype(np.float64)
    if metric == "cosine":
        exact /= np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    mean = exact.mean(axis=0)
    spread = np.mean(np.sum((exact - mean) ** 2, axis=1)) if metric == "euclidean" else 1 - np.linalg.norm(mean)
    return mean.astype(np.float32), max(0.0, float(spread))


def as_from_one(
    distances: NDArray[np.floating], spread: float | NDArray[np.float64], metric: Metric
) -> NDArray[np.float64]:
    """What distances from a mean of vectors come to from one picture, so that a model's threshold means the same.

    A mean lies nearer to everything than the faces that it is made of. euclidean: sqrt(d^2 + spread) is the root of
    the mean squared distance to them, exactly (Huygens and Steiner); cosine: 1 - (1 - spread)(1 - d) is their mean
    distance. The order of what is found is that of the mean.
    """
    found = np.asarray(distances, np.float64)
    if metric == "cosine":
        return np.asarray(1 - (1 - spread) * (1 - found), np.float64)
    return np.sqrt(found**2 + spread)


def averaged(probes: Sequence[Probe], metric: Metric) -> Probe:
    """One probe from pictures of one person."""
    if len(probes) == 1:
        return probes[0]
    vector, spread = centre(np.stack([probe.vector for probe in probes]), metric)
    spread += float(np.mean([probe.spread for probe in probes]))
    people = {probe.person_id for probe in probes}
    return replace(
        probes[0],
        name=" + ".join(probe.name for probe in probes),
        vector=vector,
        spread=spread,
        parts=tuple(probes),
        faces=tuple(sorted({number for probe in probes for number in probe.faces})),
        person_id=people.pop() if len(people) == 1 else None,
    )


def pushed(probe: Probe, others: Sequence[Probe], weight: float = PUSH) -> Probe:
    """The probe moved away from others, by `weight` of the mean of what in them is at right angles to it.

    Rocchio's relevance feedback (1971, in The SMART Retrieval System) takes a share of what is not wanted off the
    query. Here only the part at right angles is, and the length is kept: what the two have in common stays, and however
    much is taken off, the direction never turns round.
    """
    if not others:
        return probe
    query = probe.vector.astype(np.float64)
    length = float(np.linalg.norm(query))
    away = np.mean([_across(query, other.vector.astype(np.float64)) for other in others], axis=0)
    moved = query - weight * away
    return replace(
        probe, vector=(moved * (length / max(float(np.linalg.norm(moved)), 1e-12))).astype(np.float32), moved=True
    )


def _across(query: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of `other` at right angles to the query, in the query's length."""
    other = other * (float(np.linalg.norm(query)) / max(float(np.linalg.norm(other)), 1e-12))
    return np.asarray(other - float(other @ query) / max(float(query @ query), 1e-12) * query, np.float64)
