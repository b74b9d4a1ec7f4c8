"""scikit-learn's ways of grouping, as choices beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import numpy as np

from nitakao.clustering.cluster import euclidean
from nitakao.clustering.constraints import NOBODY, Groups, Known, named, nothing_known, settled, without_rivals
from nitakao.errors import MissingExtraError, MisuseError
from nitakao.values import Floats, Ids, Metric

Method: TypeAlias = Literal["dbscan", "hdbscan", "agglomerative"]

AT_MOST = 30_000  # faces for 'agglomerative', which keeps the distance of every two: 3.6 GB


def sklearn_groups(
    vectors: Floats,
    method: Method,
    *,
    threshold: float,
    smallest: int = 3,
    metric: Metric = "euclidean",
    known: Known | None = None,
) -> Groups:
    """The groups that scikit-learn's method finds, without a list of doubts; new groups are numbered as `group` does.

    threshold: DBSCAN's eps, the average linkage at which 'agglomerative' ends; HDBSCAN has none.  smallest: DBSCAN's
    min_samples, HDBSCAN's min_cluster_size.  The methods know no rules: afterwards a group with faces of settled
    persons goes to the one with most of them, and of two faces of one photograph the one nearer to the mean stays.
    Raises MissingExtraError without scikit-learn.
    """
    straight, reach = euclidean(vectors, threshold, metric)
    before = known or nothing_known(len(straight))
    if len(before.people) != len(straight):
        raise MisuseError(f"{len(straight)} faces need as many entries of what is known, not {len(before.people)}")
    found = _found(straight, method, reach, smallest)
    people = settled(straight, before)
    owner = np.where(people != NOBODY, people, _owners(found, people)[found])
    face, person = before.never.T
    refused = face[(owner[face] == person) & (people[face] == NOBODY)]
    found[refused] = found.max(initial=0) + 1 + np.arange(len(refused))
    owner[refused] = NOBODY
    one_group = np.where(owner != NOBODY, owner, before.next + found)  # a settled person's faces are one group
    kept = without_rivals(straight, one_group, before, people != NOBODY)
    out = np.flatnonzero(kept == NOBODY)
    kept[out] = kept.max(initial=0) + 1 + np.arange(len(out))
    owner[out] = NOBODY
    return Groups(named(kept, owner, before), before.next)


def _found(vectors: Floats, method: Method, reach: float, smallest: int) -> Ids:
    """(n,) groups from 0, faces that are noise each in its own."""
    if smallest < 2:
        raise MisuseError(f"the smallest group has 2 faces or more, not {smallest}")
    if method not in get_args(Method):
        raise MisuseError(f"no way of grouping '{method}': choose one of {', '.join(get_args(Method))}")
    if method == "agglomerative" and len(vectors) > AT_MOST:
        raise MisuseError(
            f"'agglomerative' keeps the distance of every two faces, which {len(vectors)} are too many for "
            f"(at most {AT_MOST}): leave the method out"
        )
    if len(vectors) < max(2, smallest):
        return np.arange(len(vectors))
    labels = _METHODS[method](vectors, reach, smallest)
    noise = np.flatnonzero(labels < 0)
    labels[noise] = labels.max(initial=-1) + 1 + np.arange(len(noise))
    return labels


def _dbscan(vectors: Floats, reach: float, smallest: int) -> Ids:
    try:
        from sklearn.cluster import DBSCAN
    except ImportError:
        raise MissingExtraError("grouping with DBSCAN", "learn") from None
    return np.asarray(DBSCAN(eps=reach, min_samples=smallest).fit_predict(vectors), np.int64)


def _hdbscan(vectors: Floats, reach: float, smallest: int) -> Ids:
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError:
        raise MissingExtraError("grouping with HDBSCAN", "learn") from None
    return np.asarray(HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(vectors), np.int64)


def _agglomerative(vectors: Floats, reach: float, smallest: int) -> Ids:
    try:
        from sklearn.cluster import AgglomerativeClustering
    except ImportError:
        raise MissingExtraError("agglomerative grouping", "learn") from None
    made = AgglomerativeClustering(n_clusters=None, distance_threshold=reach, linkage="average")
    return np.asarray(made.fit_predict(vectors), np.int64)


_METHODS: dict[Method, Callable[[Floats, float, int], Ids]] = {
    "dbscan": _dbscan,
    "hdbscan": _hdbscan,
    "agglomerative": _agglomerative,
}


def _owners(found: Ids, people: Ids) -> Ids:
    """(groups,) the settled person with most faces in each group, -1 where there is none."""
    owner = np.full(int(found.max(initial=-1)) + 1, NOBODY, np.int64)
    held = people != NOBODY
    pairs, times = np.unique(np.stack([found[held], people[held]]), axis=1, return_counts=True)
    best = np.argsort(times, kind="stable")  # the last one written is the one with most
    owner[pairs[0, best]] = pairs[1, best]
    return owner
