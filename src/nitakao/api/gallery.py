"""A gallery of faces: index photographs, then search, identify and name the people in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from nitakao.api.indexing import Indexing
from nitakao.api.inputs import to_probe
from nitakao.api.upkeep import Upkeep
from nitakao.tasks.probes import SearchOptions
from nitakao.values import FaceFilter

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV: not before there is work
    from nitakao import clustering
    from nitakao.api.classifier import Classifier
    from nitakao.api.inputs import ProbeInput
    from nitakao.api.people import People, PersonView
    from nitakao.api.photos import Photos
    from nitakao.tasks.gallery.cluster import ClusterResult
    from nitakao.tasks.search.verify_person import PersonVerification
    from nitakao.values import IdentifyResult, SearchResult


class Gallery(Indexing, Upkeep):
    """A searchable store of faces: one SQLite file, or a PostgreSQL database.

    Networks load at first use and stay loaded until `close`. Safe to use from several threads.

        with nitakao.Gallery("family.db") as gallery:
            gallery.index("photos")
            for hit in gallery.search("who.jpg", k=5):
                print(hit.person, hit.photo, hit.distance)

    Args:
        location: A path, a `postgresql://` address, or None for the default gallery. The first `index` or
            `import_vectors` creates a gallery that does not exist.
    """

    def search(
        self,
        *probes: ProbeInput,
        k: int | None = 10,
        max_distance: float | None = None,
        exclude: Sequence[ProbeInput] = (),
        where: FaceFilter | None = None,
        same_person: bool = False,
        different_people: bool = False,
        options: SearchOptions = SearchOptions(),
    ) -> SearchResult:
        """Search for the faces nearest to a probe.

        Args:
            probes: A photograph as for `index`, an embedding (D,), a face or person of the gallery ('face:12',
                'person:Ada', '#12', a hit, or an item of `people`). Several are averaged as pictures of one person,
                unless `options.each`.
            k: Number of hits per probe. None: all below `max_distance`, or below the threshold with `same_person`.
            max_distance: Only hits below this distance.
            exclude: Faces that the hits must not resemble.
            where: Only some faces; see `filter`.
            same_person: Only hits below the threshold.
            different_people: One hit per person, and none of the probe's own person.
            options: How to embed probes, and the threshold and prior.

        Returns:
            The hits, nearest first. With several probes, `answers` has them by probe.

        Raises:
            NoFaceError: If the probe has no face.
        """
        from nitakao.tasks.search.search import search

        found = search(
            self.store,
            *self._probes(probes, options),
            k=k,
            max_distance=max_distance,
            exclude=self._probes(exclude, options),
            where=where,
            same_person=same_person,
            different_people=different_people,
            options=self._with_networks(options),
        )
        return replace(found, chips=self.chips)

    def identify(self, *probes: ProbeInput, k: int = 5, options: SearchOptions = SearchOptions()) -> IdentifyResult:
        """Identify each face of a probe among the named people.

        Args:
            probes: As for `search`.
            k: Number of candidates per face.
            options: How to embed probes, and the threshold and prior.

        Returns:
            One identity per face: `person` is the name, or empty for an unknown person.
        """
        from nitakao.tasks.search.identify import identify

        return identify(self.store, *self._probes(probes, options), k=k, options=self._with_networks(options))

    def verify(self, a: ProbeInput, b: ProbeInput, *, options: SearchOptions = SearchOptions()) -> PersonVerification:
        """Decide whether two probes, such as a photograph and 'person:Ada', are the same person.

        Args:
            a: The first probe, as for `search`.
            b: The second probe, likewise.
            options: How to embed probes, and the threshold and prior.
        """
        from nitakao.tasks.search.verify_person import verify_known

        first, second = self._probes((a, b), options)
        return verify_known(self.store, first, second, options=self._with_networks(options))

    def filter(
        self,
        *people: str | PersonView,
        folder: str | os.PathLike[str] = "",
        since: float | None = None,
        until: float | None = None,
        min_quality: float = 0.0,
        hidden: bool = False,
    ) -> FaceFilter:
        """A filter for `search`, `faces` and `export`.

        Args:
            people: Only these people: names, '#12', or items of `people`.
            folder: Only photographs below this folder.
            since: Only photographs taken at or after this time, in seconds since 1970.
            until: Only photographs taken before this time.
            min_quality: Lowest quality of faces, 0 to 1.
            hidden: Include hidden people.
        """
        from nitakao.tasks.probes import face_filter

        names = [person if isinstance(person, str) else f"#{person.id}" for person in people]
        return face_filter(
            self.store,
            names,
            folder=os.fspath(folder),
            since=since,
            until=until,
            min_quality=min_quality,
            hidden=hidden,
        )

    @property
    def people(self) -> People:
        """The people: iterate over them, get one by name, and correct them."""
        from nitakao.api.people import People

        return People(self)

    @property
    def photos(self) -> Photos:
        """The photographs: iterate over them, and filter them."""
        from nitakao.api.photos import Photos

        return Photos(self)

    def cluster(
        self,
        *,
        threshold: float | None = None,
        method: clustering.Method | None = None,
        progress: Callable[[int, int], None] = lambda done, faces: None,
    ) -> ClusterResult:
        """Group the faces by person. Faces assigned by hand and names stay; `people.undo` reverts it.

        Args:
            threshold: Same person below this distance. None uses the model's.
            method: A clustering method of scikit-learn. None uses nitakao's own.
            progress: Called with the number of faces processed, and of all.
        """
        from nitakao.tasks.gallery.cluster import cluster

        return cluster(self.store, threshold=threshold, method=method, watch=progress)

    def train_classifier(
        self, *, method: Literal["logistic", "svm", "nearest"] = "logistic", reject: float = 0.99
    ) -> Classifier:
        """Train a classifier on the named people.

        Args:
            method: The kind of classifier.
            reject: Share of strangers to reject as unknown.
        """
        from nitakao.api.classifier import Classifier
        from nitakao.tasks.search.classify import train_classifier

        return Classifier(train_classifier(self.store, method=method, refuse=reject))

    def _probes(self, probes: Sequence[ProbeInput], options: SearchOptions) -> list[Any]:
        return [to_probe(probe, options.photos.limits) for probe in probes]
