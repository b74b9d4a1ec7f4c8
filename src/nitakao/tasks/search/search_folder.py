"""Which faces in these photographs are like this one? Without a gallery: looked through once, nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import BinaryIO

from nitakao import metrics
from nitakao.pipeline import PipelineOptions
from nitakao.tasks import probes
from nitakao.tasks.arguments import Named, card_of, sources
from nitakao.tasks.probes import Asked, Look
from nitakao.tasks.scoring import PRIOR, Judge
from nitakao.values import Answer, DetectorSettings, FaceRecord, Outcome, Probe, Quality, SearchResult

DEFAULT_MOST = 10


def search_folder(
    photos: Iterable[Named],
    *asked: Asked,
    k: int | None = DEFAULT_MOST,
    away: Sequence[Asked] = (),
    each: bool = False,
    within: float | None = None,
    same_person: bool = False,
    threshold: float | None = None,
    prior: float = PRIOR,
    flip: bool = False,
    look: Look | None = None,
    stdin: BinaryIO | None = None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
) -> SearchResult:
    """The faces in photographs nearest to each face that is asked about. See `search`; every face is compared.

    photos: files, folders, globs.  flip: average each vector with that of the mirrored crop.  watch: is shown every
    photograph's outcome.  Only the best are held, however many photographs there are.  In what is found a face's number
    counts the faces that were looked at, from 1.
    """
    probes.check_count(k, within, same_person=same_person)
    look = look or Look()
    card = card_of(look.model)
    judge = Judge(card, card.calibration, threshold, prior)
    within = judge.needed("a list of the same person") if same_person else within
    found = sources(photos, allow_urls=look.allow_urls, stdin=stdin)
    asking, problems = probes.wanted(None, asked, away, card, look, each=each, flip=flip)
    from nitakao import pipeline

    best: list[list[tuple[float, int, FaceRecord]]] = [[] for _ in asking]
    outcomes = pipeline.run(
        found,
        card=card,
        options=PipelineOptions(
            look.detector or DetectorSettings(), device=look.device, flip=flip, allow_urls=look.allow_urls
        ),
    )
    searched = 0
    for photo, outcome in enumerate(outcomes, start=1):
        for place, probe in enumerate(asking):
            near = _near(probe, outcome, photo, searched, judge)
            best[place] = nsmallest(
                k or len(best[place]) + len(outcome.faces),
                [*best[place], *(one for one in near if within is None or one[0] < within)],
            )
        searched += len(outcome.faces)
        watch(outcome)
    answers = tuple(
        Answer(probe, judge.ranked([(kept, distance) for distance, _, kept in each_best], probe))
        for probe, each_best in zip(asking, best, strict=True)
    )
    return SearchResult(answers, judge.basis(searched, searched), problems)


def _near(
    probe: Probe, outcome: Outcome, photo: int, before: int, judge: Judge
) -> Iterator[tuple[float, int, FaceRecord]]:
    """Distance, number and face of each; numbers differ, so that of equal distances the first found comes first."""
    if not outcome.faces:
        return
    apart = metrics.distances(probe.vector, outcome.vectors, judge.card.metric)
    told = probes.as_from_one(apart, probe.spread, judge.card.metric)
    for number, (face, distance) in enumerate(zip(outcome.faces, told.tolist(), strict=True)):
        serial = before + number + 1
        yield distance, serial, FaceRecord(serial, photo, outcome.source, outcome.size, number, face, Quality())
