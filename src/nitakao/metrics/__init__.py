"""Distances between vectors, and measures of verification, identification, retrieval and clustering.

All are pure functions of arrays.
"""

from __future__ import annotations

from nitakao.metrics.agreement import Agreement, b_cubed, mutual_information, pairwise
from nitakao.metrics.bootstrap import Interval
from nitakao.metrics.distances import between, crosswise, distance, distances, neighbours
from nitakao.metrics.identification import Identification, identification
from nitakao.metrics.retrieval import Retrieved, retrieval
from nitakao.metrics.roc import Curve, best_threshold, curve
from nitakao.metrics.verification import FARS, Fold, Rate, Verification, verification

__all__ = [
    "FARS",
    "Agreement",
    "Curve",
    "Fold",
    "Identification",
    "Interval",
    "Rate",
    "Retrieved",
    "Verification",
    "b_cubed",
    "best_threshold",
    "between",
    "crosswise",
    "curve",
    "distance",
    "distances",
    "identification",
    "mutual_information",
    "neighbours",
    "pairwise",
    "retrieval",
    "verification",
]
