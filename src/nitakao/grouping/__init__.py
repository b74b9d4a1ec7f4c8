"""From nearest neighbours to groups of one person."""

from __future__ import annotations

from nitakao.grouping.choices import Method, sklearn_groups
from nitakao.grouping.groups import group
from nitakao.grouping.known import NOBODY, Groups, Known, nothing_known

__all__ = ["NOBODY", "Groups", "Known", "Method", "group", "nothing_known", "sklearn_groups"]
