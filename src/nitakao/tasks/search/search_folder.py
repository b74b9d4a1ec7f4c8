"""Search photos for faces like a probe, without a gallery. Each photo is read once and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import nsmallest
from typing import BinaryIO

from nitakao import metrics
from nitakao.tasks.arguments import PhotoLike, find_photos, load_card, pipeline_runner
from nitakao.tasks.probes import ProbeLike, SearchOptions, as_from_one, check_limits, embed_probes
from nitakao.tasks.scoring import Scorer
from nitakao.values import Answer, FaceRecord, Outcome, Probe, Quality, SearchResult

DEFAULT_K = 10


def search_folder(
    photos: Iterable[PhotoLike],
    *probes: ProbeLike,
    k: int | None = DEFAULT_K,
    max_distance: float | None = None,
    exclude: Sequence[ProbeLike] = (),
    same_person: bool = False,
    options: SearchOptions = SearchOptions(),
    stdin: BinaryIO | None = None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
) -> SearchResult:
    """Find the faces in photos nearest to each probe. Compares every face, and holds only the best in memory.

    Args:
        photos: Files, folders and globs to search.
        probes: As for `search`, except faces and people of a gallery.
        k: As for `search`.
        max_distance: As for `search`.
        exclude: As for `search`.
        same_person: As for `search`.
        options: How to embed probes and photos, and how to judge distances.
        stdin: Where to read the list of photos that '-' stands for.
        watch: Called with the outcome of each photo searched.

    Returns:
        The hits of each probe, nearest first. The number of a face counts the faces searched, from 1.

    Raises:
        MisuseError: As for `search`.
        NoFaceError: As for `search`.
        UnreadablePhotoError: As for `search`.
    """
    check_limits(k, max_distance, same_person=same_person)
    card = load_card(options.model)
    scorer = Scorer(card, card.calibration, options.threshold, options.prior)
    max_distance = scorer.require_threshold("a list of the same person") if same_person else max_distance
    found = find_photos(photos, allow_urls=options.photos.allow_urls, stdin=stdin)
    embedded, problems = embed_probes(None, probes, exclude, card, options)
    best: list[list[tuple[float, int, FaceRecord]]] = [[] for _ in embedded]
    searched = 0
    outcomes = pipeline_runner(options.pipeline)(found, card=card, options=replace(options.photos, faces=None))
    for photo, outcome in enumerate(outcomes, start=1):
        for place, probe in enumerate(embedded):
            faces = _faces(probe, outcome, photo, searched, scorer)
            near = (face for face in faces if max_distance is None or face[0] < max_distance)
            best[place] = nsmallest(k or len(best[place]) + len(outcome.faces), [*best[place], *near])
        searched += len(outcome.faces)
        watch(outcome)
    answers = tuple(
        Answer(probe, scorer.rank_hits([(face, distance) for distance, _, face in nearest], probe))
        for probe, nearest in zip(embedded, best, strict=True)
    )
    return SearchResult(answers, scorer.info(searched, searched), problems)


def _faces(
    probe: Probe, outcome: Outcome, photo: int, before: int, scorer: Scorer
) -> Iterator[tuple[float, int, FaceRecord]]:
    """Distance, number and record of each face; the number breaks ties in favour of the first photo."""
    if not outcome.faces:
        return
    from_mean = metrics.distances(probe.vector, outcome.vectors, scorer.card.metric)
    distances = as_from_one(from_mean, probe.spread, scorer.card.metric)
    for number, (face, distance) in enumerate(zip(outcome.faces, distances.tolist(), strict=True)):
        serial = before + number + 1
        yield distance, serial, FaceRecord(serial, photo, outcome.source, outcome.size, number, face, Quality())
