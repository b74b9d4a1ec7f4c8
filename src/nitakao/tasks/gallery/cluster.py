"""Group the faces of a gallery by person."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nitakao.errors import MisuseError
from nitakao.gallery.search.open import searcher
from nitakao.tasks.arguments import GalleryLike, gallery_card, open_gallery
from nitakao.values import FaceFilter, ModelCard

if TYPE_CHECKING:  # these load SQLAlchemy, faiss and scikit-learn: not before there is work
    from nitakao.clustering import Groups, Method
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.people.groups import ClusterInput
    from nitakao.values import Ids

NEIGHBOURS = 30  # of each face that are looked at; 10 to 30 gave the same groups on LFW, with both models

# Faces with less to show are not grouped: among them are most things that are no faces, and those lie near each other.
# In 39 photographs 4 of 6 such finds have less than this, and no face has; of LFW's, with all in its backgrounds, 5%.
LEAST = 0.15


@dataclass(frozen=True)
class SimilarGroups:
    """Two groups that may be the same person; they are not merged automatically."""

    one: int
    other: int
    distance: float


@dataclass(frozen=True)
class ClusterResult:
    """The result of clustering a gallery.

    Attributes:
        faces: Faces clustered.
        too_poor: Faces skipped for their low quality.
        people: People with at least one of the faces.
        founded: New people among them.
        moved: Faces whose person changed.
        alone: Unassigned faces.
        doubts: Faces to review.
        alike: Groups that may be the same person.
    """

    faces: int
    too_poor: int
    people: int
    founded: int
    moved: int
    alone: int
    doubts: int
    alike: tuple[SimilarGroups, ...]
    model: str
    metric: str
    threshold: float
    threshold_source: str


def cluster(
    gallery: GalleryLike,
    *,
    model: str | ModelCard | None = None,
    threshold: float | None = None,
    method: Method | None = None,
    smallest: int = 3,
    least: float = LEAST,
    watch: Callable[[int, int], None] = lambda done, faces: None,
) -> ClusterResult:
    """What came of grouping every face in the gallery with the others of the same person.

    Two faces of one photograph are never one person. Who was placed by hand, and who has a name, stays; persons that
    are there already keep their numbers. Faces in doubt wait for an answer (`nitakao people review`). All of it is one
    entry of the journal, and `undo` takes it back.

    threshold: same person below this distance; None: the card's.  method: None: nitakao's own, over nearest neighbours;
    or one of scikit-learn's, of which smallest is DBSCAN's min_samples and HDBSCAN's min_cluster_size.
    least: faces of a lower quality, 0 to 1, are left as they are.
    watch: called with how many faces' neighbours are found, and of how many.
    """
    from nitakao.gallery import faces
    from nitakao.gallery.people import groups

    where = FaceFilter(hidden=True, min_quality=least)
    with open_gallery(gallery) as kept:
        card = gallery_card(kept, model)
        limit, source = _threshold(card, threshold)
        before = groups.load_input(kept, where.min_quality)
        found = _groups(kept, before, limit, method, smallest, watch)
        came = groups.save_groups(kept, before, found)
        labels = found.labels
        return ClusterResult(
            faces=len(labels),
            too_poor=faces.count(kept, FaceFilter(hidden=True)) - len(labels),
            people=len(np.unique(labels[labels >= 0])),
            founded=came.created,
            moved=came.moved,
            alone=int((labels < 0).sum()),
            doubts=came.to_review,
            alike=tuple(
                SimilarGroups(came.people[one], came.people[other], far)
                for one, other, far in found.similar
                if one in came.people and other in came.people
            ),
            model=card.name,
            metric=card.metric,
            threshold=limit,
            threshold_source=source,
        )


def _threshold(card: ModelCard, by_hand: float | None) -> tuple[float, str]:
    if by_hand is not None:
        if not (math.isfinite(by_hand) and by_hand > 0):
            raise MisuseError(f"a threshold for grouping is a number above 0, not {by_hand}")
        return by_hand, "set by the caller"
    if not card.has_threshold:
        raise MisuseError(
            f"grouping needs a threshold, and none is known for {card.name}: give --threshold",
            code="no-threshold",
            model=card.name,
        )
    return card.threshold, card.threshold_source


def _groups(
    gallery: GalleryStore,
    before: ClusterInput,
    threshold: float,
    method: Method | None,
    smallest: int,
    watch: Callable[[int, int], None],
) -> Groups:
    from nitakao import clustering
    from nitakao.gallery import faces

    vectors = faces.vectors(gallery, before.faces)
    if method is not None:
        return clustering.sklearn_groups(
            vectors,
            method,
            threshold=threshold,
            smallest=smallest,
            metric=gallery.metric,
            constraints=before.constraints,
        )
    near = np.full((len(before.faces), min(NEIGHBOURS, max(1, len(before.faces) - 1))), -1, np.int64)
    for rows, nearest in _neighbours(gallery, before, near.shape[1], watch):
        near[rows] = nearest
    return clustering.group(vectors, near, threshold=threshold, metric=gallery.metric, constraints=before.constraints)


def _neighbours(
    gallery: GalleryStore, before: ClusterInput, count: int, watch: Callable[[int, int], None]
) -> Iterator[tuple[Ids, Ids]]:
    """Rows (n,) of faces, and rows (n, count) of their nearest neighbours, padded with -1."""
    done = 0
    if len(before.faces) < 2:
        return
    for block in searcher(gallery).neighbours(count, before.faces):
        mine = before.rows(block.ids)
        there = mine >= 0
        yield mine[there], before.rows(block.nearest[there])
        done += len(block.ids)
        watch(done, len(before.faces))
