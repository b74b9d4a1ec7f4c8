"""How well a model finds the other pictures of a person among everybody's."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nitakao.metrics import bootstrap
from nitakao.metrics.retrieval import Retrieved, retrieval
from nitakao.metrics.roc import shares
from nitakao.tasks.evaluate.comparison import Figures
from nitakao.tasks.evaluate.embeddings import Measuring, Model, Watch
from nitakao.tasks.evaluate.labelled import Everyone, Path_, PeopleWanted, of_people
from nitakao.values import Doubles, Metric

RECALLS = (1, 5, 10, 20)


@dataclass(frozen=True, eq=False)
class RetrievalEvaluated:
    """What came of asking with every picture. everyone: pictures with a face; faceless ones are left out."""

    everyone: Everyone
    retrieved: Retrieved
    figures: Figures


def evaluate_retrieval(
    folder: str | os.PathLike[str] | None = None,
    *,
    model: Model = None,
    vectors: Path_ | None = None,
    metric: Metric | None = None,
    wanted: PeopleWanted | None = None,
    look: Measuring | None = None,
    draws: int = bootstrap.DRAWS,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Watch = lambda outcome: None,
) -> RetrievalEvaluated:
    """recall@k, mAP and R-precision where every picture asks for the others of its person.

    folder: with a folder for each person.  Pictures of people who have one only are found, and do not ask.
    """
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
    return retrieved(everyone.with_faces(), draws)


def retrieved(everyone: Everyone, draws: int = bootstrap.DRAWS) -> RetrievalEvaluated:
    """What comes of asking with each of these pictures."""
    people = everyone.people
    found = retrieval(everyone.measured.vectors, people, everyone.measured.metric)
    told = {name: float(value[0]) for name, value in _statistics(found, np.ones((1, len(found.rows)))).items()}

    def of(drawn: Doubles) -> dict[str, Doubles]:
        return _statistics(found, drawn[:, people[found.rows]])

    drawn = bootstrap.gathered(int(people.max()) + 1, len(found.rows) * 2, of, draws) if draws else {}
    return RetrievalEvaluated(everyone, found, Figures(everyone.measured.model, told, drawn))


def _statistics(found: Retrieved, weights: Doubles) -> dict[str, Doubles]:
    """Each figure, (b,). weights: (b, q) how often each picture asks."""
    told = {f"recall@{k}": shares(found.recall(k), weights) for k in RECALLS}
    whole = weights.sum(axis=1)
    means = {"mAP": found.average_precision, "R-precision": found.r_precision}
    for name, values in means.items():
        told[name] = np.divide(weights @ values, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return told
