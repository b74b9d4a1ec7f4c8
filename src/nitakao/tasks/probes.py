"""Turn probes into vectors: photos, vectors, and faces and people of a gallery; averaged, or moved away from others."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError, NoFaceError, PhotoError, UnreadablePhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import EncodedLike, pipeline_runner, single_photo
from nitakao.tasks.scoring import PRIOR
from nitakao.values import Choice, FaceFilter, Floats, Metric, ModelCard, Outcome, Photo, Probe, rows

if TYPE_CHECKING:  # these load ONNX Runtime and SQLAlchemy: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.photos import Encoded
    from nitakao.pipeline import Pipeline

ProbeLike: TypeAlias = "EncodedLike | Floats"
FACE, PERSON = "face:", "person:"

# How far a probe is moved away from an excluded face, in lengths of that face's vector. Measured on the 705 people of
# LFW with several pictures who are not in its people.txt, excluding each one's nearest stranger: that stranger's median
# rank goes from 3 to 46 (facenet-vggface2) and 43 (dlib-resnet), and the nearest face is the right person's in 97.6% of
# searches instead of 97.0, and in 96.2% instead of 94.5. At 0.5 the ranks are 296 and 179, and accuracy begins to drop.
EXCLUSION = 0.3


@dataclass(frozen=True)
class SearchOptions:
    """How probes are embedded and how their distances are judged.

    Attributes:
        model: Name, path or card of the model. None uses the gallery's model, or dlib-resnet without a gallery.
        photos: How to read photos and detect their faces; `photos.faces` sets which faces of a photo are probes: by
            default all of one photo, and the largest of each photo if several are averaged. Searching a gallery
            ignores `photos.flip`, which the gallery determines.
        each: Search for each probe separately. By default several probes are averaged as pictures of one person.
        threshold: Same person below this distance. None uses the model's threshold.
        prior: Probability of a match before distances are compared.
        pipeline: A pipeline with loaded networks. None loads them for each call.
    """

    model: str | ModelCard | None = None
    photos: PipelineOptions = field(default_factory=PipelineOptions)
    each: bool = False
    threshold: float | None = None
    prior: float = PRIOR
    pipeline: Pipeline | None = None

    def with_faces(self, faces: Choice) -> SearchOptions:
        """These options with other faces of photos."""
        return replace(self, photos=replace(self.photos, faces=faces))


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """The probes that one argument gives, or the problem why there are none."""

    probes: tuple[Probe, ...]
    problem: PhotoError | None = None


def face_filter(
    gallery: GalleryStore,
    people: Sequence[str] = (),
    *,
    folder: str = "",
    since: float | None = None,
    until: float | None = None,
    min_quality: float = 0.0,
    hidden: bool = False,
) -> FaceFilter:
    """A `FaceFilter` of people by name or '#12' and a folder relative to the current one; otherwise as `FaceFilter`."""
    from nitakao.gallery.people import find_person

    numbers = tuple(find_person(gallery, name) for name in people)
    path = os.path.abspath(folder) if folder else ""
    return FaceFilter(numbers, folder=path, since=since, until=until, min_quality=min_quality, hidden=hidden)


def check_limits(k: int | None, max_distance: float | None, *, same_person: bool) -> None:
    """Raise MisuseError if the number of hits is unlimited or invalid, or two distances limit it."""
    if max_distance is not None and (same_person or math.isnan(max_distance)):
        raise MisuseError(
            "max_distance and same_person both limit the distance: give one, and max_distance as a number",
            code="conflicting-limits",
        )
    if k is not None and k < 1:
        raise MisuseError(f"k must be at least 1, not {k}")
    if k is None and max_distance is None and not same_person:
        raise MisuseError("limit the number of hits or their distance: without either every face is listed")


def embed_probes(
    gallery: GalleryStore | None,
    probes: Sequence[ProbeLike],
    exclude: Sequence[ProbeLike],
    card: ModelCard,
    options: SearchOptions,
) -> tuple[list[Probe], tuple[str, ...]]:
    """Embed probes and average them unless `options.each`.

    Args:
        gallery: Where to look up faces and people. None if photos are searched.
        probes: As for `read_probes`.
        exclude: The probes are moved away from these.
        card: The model.
        options: How to embed the probes.

    Returns:
        The probes, and the problems of photos that give none, with `options.each`.

    Raises:
        NoFaceError: If a photo has no face, unless with `options.each` others do.
        UnreadablePhotoError: If a photo cannot be read, likewise.
    """
    separate = len(probes) == 1 or options.each
    faces = options.photos.faces
    if faces == "all" and not separate:
        raise MisuseError(
            "of several pictures of one person one face each is used, not all: choose which, or use each",
            code="one-face-each",
        )
    results = read_probes(gallery, probes, card, options.with_faces(faces or ("all" if separate else "largest")))
    excluded = read_probes(gallery, exclude, card, options.with_faces("largest")) if exclude else []
    some_worked = options.each and any(result.probes for result in results)
    for result in [*([] if some_worked else results), *excluded]:
        if result.problem is not None:
            raise result.problem
    embedded = [probe for result in results for probe in result.probes]
    if not separate:
        embedded = [average(embedded, card.metric)]
    others = [probe for result in excluded for probe in result.probes]
    problems = tuple(str(result.problem) for result in results if result.problem is not None)
    return [move_away(probe, others) for probe in embedded], problems


def read_probes(
    gallery: GalleryStore | None, probes: Sequence[ProbeLike], card: ModelCard, options: SearchOptions
) -> list[ProbeResult]:
    """Embed probes, in order, running the networks once for all photos.

    Args:
        gallery: Where to look up faces and people.
        probes: Photos, vectors (D,), and of the gallery 'face:12', 'person:Ada' or '#12'.
        card: The model.
        options: How to embed photos.

    Raises:
        MisuseError: If a probe is none of these.
    """
    if not probes:
        raise MisuseError("name a probe: a photograph, face:NUMBER or person:NAME")
    photos = [None if in_gallery(item) or isinstance(item, np.ndarray) else _photo(item, options) for item in probes]
    flip = options.photos.flip if gallery is None else gallery.flip
    outcomes = _outcomes([photo for photo in photos if photo is not None], card, options, flip)
    results = []
    for item, photo in zip(probes, photos, strict=True):
        if photo is not None:
            results.append(_of_photo(next(outcomes), photo))
        elif isinstance(item, np.ndarray):
            results.append(ProbeResult((Probe("vector", rows(item[None], card.dimension)[0]),)))
        else:
            results.append(ProbeResult((_of_gallery(gallery, str(item), card.metric),)))
    return results


def in_gallery(item: ProbeLike) -> bool:
    """Whether a probe names a face or person of a gallery."""
    return isinstance(item, str) and (item.startswith((FACE, PERSON)) or (item[:1] == "#" and item[1:].isdecimal()))


def _photo(item: ProbeLike, options: SearchOptions) -> str | Photo | Encoded:
    assert not isinstance(item, np.ndarray)
    return single_photo(item, allow_urls=options.photos.allow_urls)


def _outcomes(
    photos: list[str | Photo | Encoded], card: ModelCard, options: SearchOptions, flip: bool
) -> Iterator[Outcome]:
    if not photos:
        return iter(())  # without loading networks
    return pipeline_runner(options.pipeline)(photos, card=card, options=replace(options.photos, flip=flip))


def _of_photo(outcome: Outcome, photo: str | Photo | Encoded) -> ProbeResult:
    try:
        outcome = with_face(outcome)
    except PhotoError as error:
        return ProbeResult((), error)
    several = len(outcome.faces) > 1
    source = photo if isinstance(photo, (str, Photo)) else ""
    return ProbeResult(
        tuple(
            Probe(f"{outcome.source}#{n}" if several else outcome.source, vector, source=source, face=face, number=n)
            for n, (face, vector) in enumerate(zip(outcome.faces, outcome.vectors, strict=True))
        )
    )


def with_face(outcome: Outcome) -> Outcome:
    """Return the outcome if it has a face; else raise NoFaceError or UnreadablePhotoError."""
    if outcome.faces:
        return outcome
    if outcome.status == "no-face":
        raise NoFaceError(
            f"no face found in '{outcome.source}': try a smaller smallest face, "
            "or the detector 'none' if the picture is one face",
            code="no-face",
            picture=outcome.source,
        )
    raise UnreadablePhotoError(outcome.complaint)


def _of_gallery(gallery: GalleryStore | None, named: str, metric: Metric) -> Probe:
    if gallery is None:
        raise MisuseError(f"'{named}' is in a gallery, and no gallery is searched: name a photograph")
    if named.startswith(FACE):
        return _of_face(gallery, named)
    return _of_person(gallery, named.removeprefix(PERSON), metric)


def _of_face(gallery: GalleryStore, named: str) -> Probe:
    from nitakao.gallery import faces

    number = named.removeprefix(FACE)
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise MisuseError(
            f"a face is named by its number, as in face:12, not '{named}'", code="invalid-probe", probe=named
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
            f"'{named}' has no faces in gallery '{gallery.location}': name another person",
            code="person-without-faces",
            name=named,
        )
    vector, spread = centre(found[number].vectors, metric)
    own = faces.ids(gallery, FaceFilter(people=(number,), hidden=True)).tolist()
    return Probe(named, vector, spread, faces=tuple(own), person_id=number)


def centre(vectors: Floats, metric: Metric) -> tuple[Floats, float]:
    """The mean of vectors, and their spread about it.

    Args:
        vectors: (n, D).
        metric: 'euclidean': the spread is the mean squared distance from the mean. 'cosine': the mean is that of the
            unit vectors, and the spread is 1 minus its length.

    Returns:
        The mean (D,) float32, and the spread, for `as_from_one`.
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
    """Correct distances from a mean of vectors, so that a threshold for single pictures applies.

    A mean is nearer to everything than the vectors that it averages. Euclidean: sqrt(d^2 + spread) is exactly the root
    mean squared distance to them (parallel axis theorem). Cosine: 1 - (1 - spread)(1 - d) is their mean distance. The
    order of distances stays the same.
    """
    from_mean = np.asarray(distances, np.float64)
    if metric == "cosine":
        return np.asarray(1 - (1 - spread) * (1 - from_mean), np.float64)
    return np.sqrt(from_mean**2 + spread)


def average(probes: Sequence[Probe], metric: Metric) -> Probe:
    """Average the probes of one person."""
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


def move_away(probe: Probe, others: Sequence[Probe], weight: float = EXCLUSION) -> Probe:
    """Move a probe away from others, by `weight` times the mean of their components orthogonal to it.

    Unlike Rocchio's relevance feedback, it subtracts only the orthogonal components and keeps the vector's length, so
    the direction is never reversed.

    Source: Rocchio 1971, in The SMART Retrieval System.
    """
    if not others:
        return probe
    query = probe.vector.astype(np.float64)
    length = float(np.linalg.norm(query))
    away = np.mean([_orthogonal(query, other.vector.astype(np.float64)) for other in others], axis=0)
    moved = query - weight * away
    return replace(
        probe, vector=(moved * (length / max(float(np.linalg.norm(moved)), 1e-12))).astype(np.float32), moved=True
    )


def _orthogonal(query: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The component of `other`, scaled to the query's length, orthogonal to the query."""
    other = other * (float(np.linalg.norm(query)) / max(float(np.linalg.norm(other)), 1e-12))
    return np.asarray(other - float(other @ query) / max(float(query @ query), 1e-12) * query, np.float64)
