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
from nitakao.tasks.scoring import BY_HAND
from nitakao.values import FaceFilter, ModelCard

if TYPE_CHECKING:  # these load SQLAlchemy, faiss and scikit-learn: not before there is work
    from nitakao.clustering import Groups, Method
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.people.groups import ClusterInput
    from nitakao.values import Ids

NEIGHBOURS = 30  # of each face that are looked at; 10 to 30 gave the same groups on LFW, with both models

# Low-quality detections are excluded: most are false positives, which cluster together. In 39 photographs 4 of 6 false
# positives are below this quality and no face is; of the faces of LFW, those in the background included, 5% are.
MIN_QUALITY = 0.15


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
        low_quality: Faces skipped for their low quality.
        people: People with at least one of the faces.
        new_people: New people among them.
        moved: Faces whose person changed.
        unassigned: Unassigned faces.
        to_review: Faces to review.
        similar: Groups that may be the same person.
    """

    faces: int
    low_quality: int
    people: int
    new_people: int
    moved: int
    unassigned: int
    to_review: int
    similar: tuple[SimilarGroups, ...]
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
    min_faces: int = 3,
    min_quality: float = MIN_QUALITY,
    watch: Callable[[int, int], None] = lambda done, faces: None,
) -> ClusterResult:
    """Group the faces of a gallery by person.

    Two faces of one photo are never the same person. Manually assigned faces and named people are kept, and existing
    people keep their numbers. Uncertain faces are listed for review (`nitakao people review`). The whole change is one
    entry of the journal, which `undo` reverts.

    Args:
        gallery: The gallery.
        model: The gallery's model, if it is not installed by name.
        threshold: Same person below this distance. None uses the card's.
        method: None uses nitakao's clustering over nearest neighbours; otherwise one of scikit-learn's.
        min_faces: DBSCAN's min_samples, HDBSCAN's min_cluster_size.
        min_quality: Faces of lower quality, 0 to 1, are not clustered.
        watch: Called with the number of faces whose neighbours are found, and the number of all faces.

    Raises:
        MisuseError: For a threshold that is not above 0, or none where the card has none.
    """
    from nitakao.gallery import faces
    from nitakao.gallery.people import groups

    where = FaceFilter(hidden=True, min_quality=min_quality)
    with open_gallery(gallery) as store:
        card = gallery_card(store, model)
        limit, source = _threshold(card, threshold)
        before = groups.load_input(store, where.min_quality)
        clusters = _groups(store, before, limit, method, min_faces, watch)
        saved = groups.save_groups(store, before, clusters)
        labels = clusters.labels
        return ClusterResult(
            faces=len(labels),
            low_quality=faces.count(store, FaceFilter(hidden=True)) - len(labels),
            people=len(np.unique(labels[labels >= 0])),
            new_people=saved.created,
            moved=saved.moved,
            unassigned=int((labels < 0).sum()),
            to_review=saved.to_review,
            similar=tuple(
                SimilarGroups(saved.people[one], saved.people[other], far)
                for one, other, far in clusters.similar
                if one in saved.people and other in saved.people
            ),
            model=card.name,
            metric=card.metric,
            threshold=limit,
            threshold_source=source,
        )


def _threshold(card: ModelCard, explicit: float | None) -> tuple[float, str]:
    if explicit is not None:
        if not (math.isfinite(explicit) and explicit > 0):
            raise MisuseError(f"the threshold must be above 0, not {explicit}")
        return explicit, BY_HAND
    if not card.has_threshold:
        raise MisuseError(
            f"clustering needs a threshold, and {card.name} has none: give --threshold",
            code="no-threshold",
            model=card.name,
        )
    return card.threshold, card.threshold_source


def _groups(
    gallery: GalleryStore,
    before: ClusterInput,
    threshold: float,
    method: Method | None,
    min_faces: int,
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
            min_faces=min_faces,
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
