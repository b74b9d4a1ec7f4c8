"""Identification: how well a model recognises enrolled people, and rejects people who are not enrolled."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nitakao.errors import MisuseError
from nitakao.metrics import bootstrap, crosswise
from nitakao.metrics.identification import match_shares, open_set, ranks
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.comparison import Figures
from nitakao.tasks.evaluate.embeddings import Model, Progress
from nitakao.tasks.evaluate.labelled import FilePath, LabelledSet, LabelledVectors, embed_labelled
from nitakao.values import Doubles, Ids

RANKS, LAST_RANK = (1, 5, 10, 20), 50
FPIRS = (1e-1, 1e-2, 1e-3)
BLOCK = 512  # probes at a time


@dataclass(frozen=True)
class Enrolment:
    """Which pictures are enrolled, and which are probes.

    Args:
        pictures: Pictures enrolled of each person, the first ones; the person's others are probes. People with no more
            pictures than that are not enrolled.
        unenrolled: Share of the other identities left unenrolled, drawn at random with a fixed seed.
        gallery: List of the pictures to enrol, in place of a split: a path below the folder on each line and, after a
            tab, the person.
        probes: List of the probes, together with `gallery`.
    """

    pictures: int = 1
    unenrolled: float = 0.0
    gallery: FilePath | None = None
    probes: FilePath | None = None

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise MisuseError(f"1 picture or more of each person is enrolled, not {self.pictures}")
        if not 0 <= self.unenrolled < 1:
            raise MisuseError(
                f"the share of identities left unenrolled is at least 0 and below 1, not {self.unenrolled:g}"
            )
        if (self.gallery is None) != (self.probes is None):
            raise MisuseError("a list of the gallery and a list of the probes go together: give both")


@dataclass(frozen=True)
class Roles:
    """Rows of the enrolled pictures, of probes of enrolled people, and of probes of people who are not enrolled."""

    enrolled: Ids
    probes: Ids
    unenrolled: Ids


@dataclass(frozen=True, eq=False)
class Hits:
    """What some probes come to, (n,) each.

    Attributes:
        rank: Rank of each probe's own person; one past the last where the person is not enrolled or has no face.
        own_distance: Distance to the probe's own person.
        nearest: Row of the nearest enrolled picture, -1 without a face.
        distance: Distance to it; infinite without a face.
    """

    rank: Ids
    own_distance: Doubles
    nearest: Ids
    distance: Doubles


@dataclass(frozen=True, eq=False)
class IdentificationResult:
    """The result of `identification`.

    Attributes:
        labelled: Vectors of all pictures.
        roles: Rows of `labelled` that are enrolled or probes.
        hits: Of the probes of enrolled people.
        unenrolled_hits: Of the probes of people who are not enrolled.
        match_shares: (ranks,) the cumulative match characteristic, from rank 1.
        thresholds: The distance threshold of each TPIR figure.
        unmeasurable: FPIRs that need more probes of unenrolled people.
        figures: rank-k and TPIR at each FPIR.
    """

    labelled: LabelledVectors
    roles: Roles
    hits: Hits
    unenrolled_hits: Hits
    match_shares: Doubles
    thresholds: dict[str, float]
    unmeasurable: tuple[float, ...]
    figures: Figures

    @property
    def people(self) -> int:
        """Number of enrolled people."""
        return len({self.labelled.labels[row] for row in self.roles.enrolled})


def identification(
    data: LabelledSet,
    *,
    enrolment: Enrolment | None = None,
    model: Model = None,
    options: PipelineOptions | None = None,
    progress: Progress | None = None,
) -> IdentificationResult:
    """Measure rank-k and the cumulative match characteristic, and TPIR at FPIR with probes of unenrolled people.

    A probe without a face has no hits. A picture without a face is not enrolled.

    Args:
        data: Labelled pictures. With lists in `enrolment`, those lists are used in place of all pictures.
        enrolment: Which pictures are enrolled. None: the first of each person.
        model: Name, path or card of the model. None: the default model, or the one that the file of vectors names.
        options: How faces are detected and embedded.
        progress: Callbacks.

    Source: ISO/IEC 19795-1, for the terms.
    """
    enrolment = enrolment or Enrolment()
    if enrolment.gallery is not None and enrolment.probes is not None:
        labelled, roles = _read_lists(data, enrolment.gallery, enrolment.probes, model, options, progress)
    else:
        labelled = embed_labelled(data, model=model, options=options, progress=progress)
        roles = _split(labelled.person_ids, enrolment)
    return measure_identification(labelled, roles, data.draws)


def _split(person_ids: Ids, enrolment: Enrolment) -> Roles:
    counts = np.bincount(person_ids)
    enrolled = counts > enrolment.pictures
    shuffled = np.random.default_rng(bootstrap.SEED).permutation(np.flatnonzero(enrolled))
    enrolled[shuffled[: round(enrolment.unenrolled * len(shuffled))]] = False
    order = np.argsort(person_ids, kind="stable")
    place = np.empty(len(person_ids), np.int64)
    place[order] = np.arange(len(person_ids)) - np.searchsorted(person_ids[order], person_ids[order])
    mated, first = enrolled[person_ids], place < enrolment.pictures
    return Roles(*(np.flatnonzero(rows).astype(np.int64) for rows in (mated & first, mated & ~first, ~mated)))


def _read_lists(
    data: LabelledSet,
    gallery: FilePath,
    probes: FilePath,
    model: Model,
    options: PipelineOptions | None,
    progress: Progress | None,
) -> tuple[LabelledVectors, Roles]:
    from nitakao import protocols

    folder = None if data.folder is None else Path(data.folder)
    lists = [protocols.read_list(Path(path), folder) for path in (gallery, probes)]
    pictures = [picture for each in lists for picture in each.pictures]
    labels = tuple(label for each in lists for label in each.labels)
    if data.vectors is None:
        embedded = data.embed(pictures, model, options, progress)
    else:
        embedded, missing = embeddings.read_some(data.vectors, pictures, model=model, metric=data.metric)
        if any(missing):
            example = pictures[missing.index(True)]
            raise MisuseError(
                f"'{os.fspath(data.vectors)}' lacks {sum(missing)} pictures of the lists, such as '{example}'"
            )
    rows = np.arange(len(pictures), dtype=np.int64)
    enrolled, others = np.split(rows, [len(lists[0].pictures)])
    mated = np.isin(np.array(labels)[others], np.array(labels)[enrolled])
    return LabelledVectors(embedded, labels), Roles(enrolled, others[mated], others[~mated])


def measure_identification(
    labelled: LabelledVectors, roles: Roles, draws: int = bootstrap.DRAWS
) -> IdentificationResult:
    """As `identification`, of vectors. Raises MisuseError where no enrolled person has a probe."""
    has_vector, ids = labelled.embedded.has_vector, labelled.person_ids
    roles = Roles(roles.enrolled[has_vector[roles.enrolled]], roles.probes, roles.unenrolled)
    if not len(roles.enrolled) or not len(roles.probes):
        raise MisuseError("there are no probes of enrolled people: enrol fewer pictures per person")
    hits = _search(labelled, roles.enrolled, roles.probes)
    unenrolled_hits = _search(labelled, roles.enrolled, roles.unenrolled)
    last_rank = min(LAST_RANK, len(np.unique(ids[roles.enrolled])))
    statistics = _Statistics(roles, hits, unenrolled_hits, last_rank)
    once, at = statistics.figures(np.ones((1, len(ids))))
    drawn = {}
    if draws:
        drawn = bootstrap.resample(
            int(ids.max()) + 1, len(ids) * 2, lambda weights: statistics.figures(weights[:, ids])[0], draws
        )
    return IdentificationResult(
        labelled,
        roles,
        hits,
        unenrolled_hits,
        match_shares(hits.rank, last_rank),
        {name: float(value[0]) for name, value in at.items()},
        tuple(fpir for fpir in FPIRS if fpir * len(roles.unenrolled) < 1),
        Figures(labelled.embedded.model, {name: float(value[0]) for name, value in once.items()}, drawn),
    )


@dataclass(frozen=True, eq=False)
class _Statistics:
    roles: Roles
    hits: Hits
    unenrolled_hits: Hits
    last_rank: int

    def figures(self, weights: Doubles) -> tuple[dict[str, Doubles], dict[str, Doubles]]:
        """Each figure, (b,), and the threshold of each TPIR. weights: (b, n) how often each picture counts."""
        mated, unmated = weights[:, self.roles.probes], weights[:, self.roles.unenrolled]
        shares = match_shares(self.hits.rank, self.last_rank, mated)
        figures = {f"rank-{k}": shares[:, k - 1] for k in RANKS if k <= self.last_rank}
        thresholds = {}
        for fpir in FPIRS if len(self.roles.unenrolled) else ():
            name = f"tpir@{fpir:g}"
            figures[name], thresholds[name] = open_set(
                self.hits.rank, self.hits.own_distance, self.unenrolled_hits.distance, fpir, mated, unmated
            )
        return figures, thresholds


def _search(labelled: LabelledVectors, enrolled: Ids, probes: Ids) -> Hits:
    """Search for these rows among the enrolled rows."""
    ids, vectors, metric = labelled.person_ids, labelled.embedded.vectors, labelled.embedded.metric
    order = enrolled[np.argsort(ids[enrolled], kind="stable")]
    columns, starts = np.unique(ids[order], return_index=True)
    past_last = len(columns) + 1
    rank, own_distance = np.full(len(probes), past_last, np.int64), np.full(len(probes), np.inf)
    nearest, distance = np.full(len(probes), -1, np.int64), np.full(len(probes), np.inf)
    with_vector = np.flatnonzero(labelled.embedded.has_vector[probes])
    for start in range(0, len(with_vector), BLOCK):
        block = with_vector[start : start + BLOCK]
        distances = crosswise(vectors[probes[block]], vectors[order], metric)
        first = np.argmin(distances, axis=1)
        nearest[block], distance[block] = order[first], distances[np.arange(len(block)), first]
        to_people = np.minimum.reduceat(distances, starts, axis=1)
        column = np.searchsorted(columns, ids[probes[block]]).clip(max=len(columns) - 1)
        is_enrolled = columns[column] == ids[probes[block]]
        rank[block] = np.where(is_enrolled, ranks(to_people, column.astype(np.int64)), past_last)
        own_distance[block] = np.where(is_enrolled, to_people[np.arange(len(block)), column], np.inf)
    return Hits(rank, own_distance, nearest, distance)
