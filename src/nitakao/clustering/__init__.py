"""Clusters faces into groups of one person each."""

from __future__ import annotations

from nitakao.clustering.cluster import group
from nitakao.clustering.constraints import UNASSIGNED, Constraints, Groups, no_constraints
from nitakao.clustering.sklearn_methods import Method, sklearn_groups

__all__ = ["UNASSIGNED", "Constraints", "Groups", "Method", "group", "no_constraints", "sklearn_groups"]
