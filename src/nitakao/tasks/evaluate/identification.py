"""How well a model tells who somebody is, among people enrolled and strangers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError
from nitakao.metrics import bootstrap, crosswise
from nitakao.metrics.identification import match_shares, open_set, ranks
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.comparison import Figures
from nitakao.tasks.evaluate.embeddings import Measuring, Model, Watch
from nitakao.tasks.evaluate.labelled import Everyone, Path_, PeopleWanted, of_people
from nitakao.values import Doubles, Metric

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RANKS, LONGEST = (1, 5, 10, 20), 50
FPIRS = (1e-1, 1e-2, 1e-3)
BLOCK = 512  # probes at a time


@dataclass(frozen=True)
class Enrolment:
    """Who is enrolled.  pictures: of each person, her first; she must have more, to be asked about.

    kept_out: share of those people who are strangers instead, drawn at random, the same each time.  People with too few
    pictures are strangers as they are.
    """

    pictures: int = 1
    kept_out: float = 0.0

    def __post_init__(self) -> None:
        if self.pictures < 1 or not 0 <= self.kept_out < 1:
            raise MisuseError(
                f"1 picture or more of each person is enrolled, and less than all people kept out, not "
                f"{self.pictures} and {self.kept_out:g}"
            )

    def split(self, people: Ints) -> tuple[Ints, Ints, Ints]:
        """Rows that are enrolled, rows of probes of people who are, and rows of strangers. people: (n,)."""
        counts = np.bincount(people)
        known = counts > self.pictures
        drawn = np.random.default_rng(bootstrap.SEED).permutation(np.flatnonzero(known))
        known[drawn[: round(self.kept_out * len(drawn))]] = False
        order = np.argsort(people, kind="stable")
        place = np.empty(len(people), np.int64)
        place[order] = np.arange(len(people)) - np.searchsorted(people[order], people[order])
        mine = known[people]
        return tuple(  # type: ignore[return-value]  # three of them
            np.flatnonzero(rows).astype(np.int64)
            for rows in (mine & (place < self.pictures), mine & (place >= self.pictures), ~mine)
        )


@dataclass(frozen=True, eq=False)
class IdentificationEvaluated:
    """What a model's probes came to.

    enrolled, probes, strangers: rows of `everyone`.  rank: (probes,) of each one's own person, one past the last where
    she could not be found.  own: (probes,) distance to her.  nearest, stranger_nearest: the enrolled row that comes
    first, and at, stranger_at, its distance; infinite without a face.
    shares: the cumulative match characteristic, from rank 1.  few: FPIRs that the strangers are too few to show.
    """

    everyone: Everyone
    enrolled: Ints
    probes: Ints
    strangers: Ints
    rank: Ints
    own: Doubles
    nearest: Ints
    at: Doubles
    stranger_nearest: Ints
    stranger_at: Doubles
    shares: Doubles
    thresholds: dict[str, float]
    few: tuple[float, ...]
    figures: Figures

    @property
    def people(self) -> int:
        """How many are enrolled."""
        return len({self.everyone.who[row] for row in self.enrolled})


def evaluate_identification(
    folder: str | os.PathLike[str] | None = None,
    *,
    model: Model = None,
    vectors: Path_ | None = None,
    enrolment: Enrolment | None = None,
    gallery: Path_ | None = None,
    probes: Path_ | None = None,
    metric: Metric | None = None,
    wanted: PeopleWanted | None = None,
    look: Measuring | None = None,
    draws: int = bootstrap.DRAWS,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Watch = lambda outcome: None,
) -> IdentificationEvaluated:
    """Rank-k and the cumulative match characteristic; with strangers, TPIR at FPIR too.

    folder: with a folder for each person.  gallery, probes: lists in place of a split, of pictures below the folder.
    A probe without a face is answered with nobody; a picture without a face is not enrolled.
    """
    if (gallery is None) != (probes is None):
        raise MisuseError("a list of the gallery and a list of the probes go together")
    if gallery is not None and probes is not None:
        return _of_lists(folder, gallery, probes, model, vectors, metric, look, draws, started, watch)
    everyone = of_people(
        folder,
        model=model,
        vectors=vectors,
        metric=metric,
        wanted=wanted,
        look=look,
        started=started,
        watch=watch,
    )
    return identified(everyone, *(enrolment or Enrolment()).split(everyone.people), draws)


def _of_lists(
    folder: Path_ | None,
    gallery: Path_,
    probes: Path_,
    model: Model,
    vectors: Path_ | None,
    metric: Metric | None,
    look: Measuring | None,
    draws: int,
    started: Callable[[int], None],
    watch: Watch,
) -> IdentificationEvaluated:
    from nitakao import protocols

    base = None if folder is None else Path(folder)
    sides = [protocols.read_list(Path(side), base) for side in (gallery, probes)]
    pictures = [picture for side in sides for picture in side.pictures]
    who = tuple(name for side in sides for name in side.who)
    if vectors is None:
        started(len(pictures))
        measured = embeddings.embedded(pictures, model, look, metric, watch)
    else:
        measured, missing = embeddings.from_file(vectors, pictures, model=model, metric=metric)
        if any(missing):
            gone = pictures[missing.index(True)]
            raise MisuseError(f"'{os.fspath(vectors)}' lacks {sum(missing)} pictures of the lists, such as '{gone}'")
    enrolled = np.arange(len(sides[0].pictures), dtype=np.int64)
    asked = np.arange(len(enrolled), len(pictures), dtype=np.int64)
    known = np.isin(np.array(who)[asked], np.array(who)[enrolled])
    return identified(Everyone(measured, who), enrolled, asked[known], asked[~known], draws)


def identified(
    everyone: Everyone, enrolled: Ints, probes: Ints, strangers: Ints, draws: int = bootstrap.DRAWS
) -> IdentificationEvaluated:
    """What comes of asking for these rows among those enrolled. Raises MisuseError where nobody can be asked for."""
    there, people = everyone.measured.there, everyone.people
    enrolled = enrolled[there[enrolled]]
    if not len(enrolled) or not len(probes):
        raise MisuseError("nobody can be asked for: people are needed who have more pictures than are enrolled")
    rank, own, nearest, at = _asked(everyone, enrolled, probes)
    _, _, stranger_nearest, stranger_at = _asked(everyone, enrolled, strangers)
    longest = min(LONGEST, len(np.unique(people[enrolled])))
    told: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    once = np.ones((1, len(people)))
    for name, value in _statistics(once, people, probes, strangers, rank, own, stranger_at, longest).items():
        into, name = (thresholds, name[1:]) if name.startswith("@") else (told, name)
        into[name] = float(value[0])

    def of(drawn: Doubles) -> dict[str, Doubles]:
        weights = drawn[:, people]
        found = _statistics(weights, people, probes, strangers, rank, own, stranger_at, longest)
        return {name: value for name, value in found.items() if not name.startswith("@")}

    drawn = bootstrap.gathered(int(people.max()) + 1, len(people) * 2, of, draws) if draws else {}
    return IdentificationEvaluated(
        everyone,
        enrolled,
        probes,
        strangers,
        rank,
        own,
        nearest,
        at,
        stranger_nearest,
        stranger_at,
        match_shares(rank, longest),
        thresholds,
        tuple(fpir for fpir in FPIRS if fpir * len(strangers) < 1),
        Figures(everyone.measured.model, told, drawn),
    )


def _statistics(
    weights: Doubles,
    people: Ints,
    probes: Ints,
    strangers: Ints,
    rank: Ints,
    own: Doubles,
    stranger_at: Doubles,
    longest: int,
) -> dict[str, Doubles]:
    """Each figure, (b,), and under '@' and its name the threshold of each TPIR. weights: (b, n) of everybody's rows."""
    mine = weights[:, probes]
    shares = match_shares(rank, longest, mine)
    told = {f"rank-{k}": shares[:, k - 1] for k in RANKS if k <= longest}
    for fpir in FPIRS if len(strangers) else ():
        tpir, threshold = open_set(rank, own, stranger_at, fpir, mine, weights[:, strangers])
        told |= {f"tpir@{fpir:g}": tpir, f"@tpir@{fpir:g}": threshold}
    return told


def _asked(everyone: Everyone, enrolled: Ints, asked: Ints) -> tuple[Ints, Doubles, Ints, Doubles]:
    """(n,) rank of each one's own person, distance to her, the enrolled row that is nearest, and its distance."""
    people, vectors, metric = everyone.people, everyone.measured.vectors, everyone.measured.metric
    order = enrolled[np.argsort(people[enrolled], kind="stable")]
    columns, starts = np.unique(people[order], return_index=True)
    last = len(columns) + 1
    rank, own = np.full(len(asked), last, np.int64), np.full(len(asked), np.inf)
    nearest, at = np.full(len(asked), -1, np.int64), np.full(len(asked), np.inf)
    whole = np.flatnonzero(everyone.measured.there[asked])
    for start in range(0, len(whole), BLOCK):
        block = whole[start : start + BLOCK]
        apart = crosswise(vectors[asked[block]], vectors[order], metric)
        first = np.argmin(apart, axis=1)
        nearest[block], at[block] = order[first], apart[np.arange(len(block)), first]
        to_people = np.minimum.reduceat(apart, starts, axis=1)
        column = np.searchsorted(columns, people[asked[block]]).clip(max=len(columns) - 1)
        enrolled_too = columns[column] == people[asked[block]]
        found = ranks(to_people, column.astype(np.int64))
        rank[block] = np.where(enrolled_too, found, last)
        own[block] = np.where(enrolled_too, to_people[np.arange(len(block)), column], np.inf)
    return rank, own, nearest, at
