"""Clustering with scikit-learn's methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import numpy as np

from nitakao.clustering.cluster import euclidean
from nitakao.clustering.constraints import (
    UNASSIGNED,
    Constraints,
    Groups,
    assign_labels,
    fixed_labels,
    no_constraints,
    one_face_per_photo,
)
from nitakao.errors import MissingExtraError, MisuseError
from nitakao.values import Floats, Ids, Metric

Method: TypeAlias = Literal["dbscan", "hdbscan", "agglomerative"]

MAX_AGGLOMERATIVE = 30_000  # faces: 'agglomerative' stores all pairwise distances, 3.6 GB


def sklearn_groups(
    vectors: Floats,
    method: Method,
    *,
    threshold: float,
    min_faces: int = 3,
    metric: Metric = "euclidean",
    constraints: Constraints | None = None,
) -> Groups:
    """Cluster faces with one of scikit-learn's methods; new groups are numbered as by `group`, none go to review.

    The methods know no constraints. Afterwards a group with faces of fixed persons goes to the one with most of them,
    and of two faces of one photograph the one nearer to the mean stays.

    Args:
        vectors: (n, D) float32.
        method: 'dbscan', 'hdbscan' or 'agglomerative'.
        threshold: DBSCAN's eps, or the average linkage at which 'agglomerative' stops; HDBSCAN ignores it.
        min_faces: DBSCAN's min_samples, HDBSCAN's min_cluster_size.
        metric: 'euclidean' or 'cosine'.
        constraints: What is known about the faces; None: nothing.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
        MisuseError: If an argument is invalid, or there are too many faces for 'agglomerative'.
    """
    points, limit = euclidean(vectors, threshold, metric)
    constraints = constraints or no_constraints(len(points))
    if len(constraints.people) != len(points):
        raise MisuseError(
            f"{len(points)} faces need {len(points)} entries in the constraints, not {len(constraints.people)}"
        )
    clusters = _clusters(points, method, limit, min_faces)
    people = fixed_labels(points, constraints)
    owner = np.where(people != UNASSIGNED, people, _owners(clusters, people)[clusters])
    face, person = constraints.not_person.T
    rejected = face[(owner[face] == person) & (people[face] == UNASSIGNED)]
    clusters[rejected] = clusters.max(initial=0) + 1 + np.arange(len(rejected))
    owner[rejected] = UNASSIGNED
    merged = np.where(owner != UNASSIGNED, owner, constraints.first_new + clusters)  # one group per fixed person
    groups = one_face_per_photo(points, merged, constraints, people != UNASSIGNED)
    removed = np.flatnonzero(groups == UNASSIGNED)
    groups[removed] = groups.max(initial=0) + 1 + np.arange(len(removed))
    owner[removed] = UNASSIGNED
    return Groups(assign_labels(groups, owner, constraints), constraints.first_new)


def _clusters(vectors: Floats, method: Method, limit: float, min_faces: int) -> Ids:
    """(n,) clusters from 0; each noise point is a cluster of its own."""
    if min_faces < 2:
        raise MisuseError(f"min_faces must be at least 2, not {min_faces}")
    if method not in get_args(Method):
        raise MisuseError(f"no clustering method '{method}': choose one of {', '.join(get_args(Method))}")
    if method == "agglomerative" and len(vectors) > MAX_AGGLOMERATIVE:
        raise MisuseError(
            f"'agglomerative' stores all pairwise distances, and {len(vectors)} faces are too many "
            f"(at most {MAX_AGGLOMERATIVE}): use the default method"
        )
    if len(vectors) < max(2, min_faces):
        return np.arange(len(vectors))
    labels = _METHODS[method](vectors, limit, min_faces)
    noise = np.flatnonzero(labels < 0)
    labels[noise] = labels.max(initial=-1) + 1 + np.arange(len(noise))
    return labels


def _dbscan(vectors: Floats, limit: float, min_faces: int) -> Ids:
    try:
        from sklearn.cluster import DBSCAN
    except ImportError:
        raise MissingExtraError("clustering with DBSCAN", "learn") from None
    return np.asarray(DBSCAN(eps=limit, min_samples=min_faces).fit_predict(vectors), np.int64)


def _hdbscan(vectors: Floats, limit: float, min_faces: int) -> Ids:
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError:
        raise MissingExtraError("clustering with HDBSCAN", "learn") from None
    return np.asarray(HDBSCAN(min_cluster_size=min_faces, copy=True).fit_predict(vectors), np.int64)


def _agglomerative(vectors: Floats, limit: float, min_faces: int) -> Ids:
    try:
        from sklearn.cluster import AgglomerativeClustering
    except ImportError:
        raise MissingExtraError("agglomerative clustering", "learn") from None
    model = AgglomerativeClustering(n_clusters=None, distance_threshold=limit, linkage="average")
    return np.asarray(model.fit_predict(vectors), np.int64)


_METHODS: dict[Method, Callable[[Floats, float, int], Ids]] = {
    "dbscan": _dbscan,
    "hdbscan": _hdbscan,
    "agglomerative": _agglomerative,
}


def _owners(clusters: Ids, people: Ids) -> Ids:
    """(clusters,) the fixed person with most faces in each cluster, -1 if there is none."""
    owner = np.full(int(clusters.max(initial=-1)) + 1, UNASSIGNED, np.int64)
    fixed = people != UNASSIGNED
    pairs, times = np.unique(np.stack([clusters[fixed], people[fixed]]), axis=1, return_counts=True)
    best = np.argsort(times, kind="stable")  # the person with most faces is written last
    owner[pairs[0, best]] = pairs[1, best]
    return owner
