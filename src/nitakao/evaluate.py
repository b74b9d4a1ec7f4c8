"""Measure models on labelled pictures.

    import nitakao

    result = nitakao.evaluate.pairs(nitakao.evaluate.LabelledSet("lfw"), "pairs.txt", model="facenet-vggface2")

`pairs` measures verification, `identification` search among enrolled people, `retrieval` ranking, `clustering`
grouping, and `cohorts` differences between groups of people. `differences` compares models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nitakao.tasks.evaluate.clustering import ClusteringResult, clustering
    from nitakao.tasks.evaluate.cohorts import CohortsResult, cohorts
    from nitakao.tasks.evaluate.comparison import Difference, Figures, differences
    from nitakao.tasks.evaluate.identification import Enrolment, IdentificationResult, identification
    from nitakao.tasks.evaluate.labelled import LabelledSet
    from nitakao.tasks.evaluate.pairs import PairRules, PairsResult, pairs
    from nitakao.tasks.evaluate.retrieval import RetrievalResult, retrieval

_HOMES = {
    "ClusteringResult": "clustering",
    "CohortsResult": "cohorts",
    "Difference": "comparison",
    "Enrolment": "identification",
    "Figures": "comparison",
    "IdentificationResult": "identification",
    "LabelledSet": "labelled",
    "PairRules": "pairs",
    "PairsResult": "pairs",
    "RetrievalResult": "retrieval",
    "clustering": "clustering",
    "cohorts": "cohorts",
    "differences": "comparison",
    "identification": "identification",
    "pairs": "pairs",
    "retrieval": "retrieval",
}

__all__ = [
    "ClusteringResult",
    "CohortsResult",
    "Difference",
    "Enrolment",
    "Figures",
    "IdentificationResult",
    "LabelledSet",
    "PairRules",
    "PairsResult",
    "RetrievalResult",
    "clustering",
    "cohorts",
    "differences",
    "identification",
    "pairs",
    "retrieval",
]


def __getattr__(name: str) -> Any:
    """Load a name at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nitakao.evaluate' has no attribute '{name}'")
    return getattr(import_module(f"nitakao.tasks.evaluate.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
