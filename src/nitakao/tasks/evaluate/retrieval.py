"""Retrieval: how well a model finds the other pictures of a person among all pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nitakao.metrics import bootstrap
from nitakao.metrics.retrieval import Retrieved
from nitakao.metrics.retrieval import retrieval as measure
from nitakao.metrics.roc import shares
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate.comparison import Figures
from nitakao.tasks.evaluate.embeddings import Model, Progress
from nitakao.tasks.evaluate.labelled import LabelledSet, LabelledVectors, embed_labelled
from nitakao.values import Doubles

RECALLS = (1, 5, 10, 20)


@dataclass(frozen=True, eq=False)
class RetrievalResult:
    """The result of `retrieval`.

    Attributes:
        labelled: Vectors of the pictures with a face.
        retrieved: What each query found.
        figures: recall@k, mAP and R-precision.
    """

    labelled: LabelledVectors
    retrieved: Retrieved
    figures: Figures


def retrieval(
    data: LabelledSet,
    *,
    model: Model = None,
    options: PipelineOptions | None = None,
    progress: Progress | None = None,
) -> RetrievalResult:
    """Measure recall@k, mAP and R-precision, with every picture as a query for the others of its person.

    Args:
        data: Labelled pictures. Pictures of people with only one are in the gallery but are no queries. Pictures
            without a face are left out.
        model: Name, path or card of the model. None: the default model, or the one that the file of vectors names.
        options: How faces are detected and embedded.
        progress: Callbacks.
    """
    labelled = embed_labelled(data, model=model, options=options, progress=progress)
    return measure_retrieval(labelled.with_faces(), data.draws)


def measure_retrieval(labelled: LabelledVectors, draws: int = bootstrap.DRAWS) -> RetrievalResult:
    """As `retrieval`, of vectors."""
    ids = labelled.person_ids
    retrieved = measure(labelled.embedded.vectors, ids, labelled.embedded.metric)
    queries = ids[retrieved.rows]
    values = {name: float(value[0]) for name, value in _statistics(retrieved, np.ones((1, len(queries)))).items()}
    drawn = {}
    if draws:
        drawn = bootstrap.resample(
            int(ids.max()) + 1,
            len(queries) * 2,
            lambda weights: _statistics(retrieved, weights[:, queries]),
            draws,
        )
    return RetrievalResult(labelled, retrieved, Figures(labelled.embedded.model, values, drawn))


def _statistics(retrieved: Retrieved, weights: Doubles) -> dict[str, Doubles]:
    """Each figure, (b,). weights: (b, q) how often each query counts."""
    figures = {f"recall@{k}": shares(retrieved.recall(k), weights) for k in RECALLS}
    totals = weights.sum(axis=1)
    means = {"mAP": retrieved.average_precision, "R-precision": retrieved.r_precision}
    for name, values in means.items():
        figures[name] = np.divide(weights @ values, totals, out=np.full(len(totals), np.nan), where=totals > 0)
    return figures
