"""From nearest neighbours to groups of one person."""

from __future__ import annotations

from nitakao.clustering.cluster import group
from nitakao.clustering.constraints import NOBODY, Groups, Known, nothing_known
from nitakao.clustering.sklearn_methods import Method, sklearn_groups

__all__ = ["NOBODY", "Groups", "Known", "Method", "group", "nothing_known", "sklearn_groups"]
