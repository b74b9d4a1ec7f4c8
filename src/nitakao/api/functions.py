"""Functions for photographs without a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nitakao.api.inputs import to_photos, to_probe
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.probes import SearchOptions

if TYPE_CHECKING:  # these load OpenCV and Pillow
    from nitakao.api.inputs import Photos, ProbeInput
    from nitakao.photos import PhotoInput
    from nitakao.tasks.search.verify import Comparison
    from nitakao.values import ModelCard, Outcome, SearchResult, Verdict


def embed(
    photos: Photos,
    *,
    model: str | ModelCard | None = None,
    options: PipelineOptions = PipelineOptions(),
    keep_crops: bool = False,
) -> Iterator[Outcome]:
    """Detect and embed the faces of each photograph.

    Args:
        photos: One photograph or an iterable of them: files, folders and globs; arrays of upright RGB pixels,
            (H, W, 3) uint8; Pillow images; bytes; binary file objects; addresses with `options.allow_urls`.
        model: Name, path or card of the embedding model. None uses dlib-resnet.
        options: How to read photographs, and to detect and embed faces.
        keep_crops: Keep the aligned crops in the outcomes.

    Yields:
        One outcome per photograph, in order, with a vector per face. A photograph that cannot be used gives an outcome
        with its problem.

    Raises:
        MisuseError: For a file that does not exist, and for an array of another shape or dtype.
    """
    from nitakao.tasks.photos.embed import embed

    return embed(to_photos(photos, options.limits), model=model, options=options, keep_crops=keep_crops)


def detect(photos: Photos, *, options: PipelineOptions = PipelineOptions()) -> Iterator[Outcome]:
    """Detect the faces of each photograph.

    Args:
        photos: One photograph or an iterable of them, as for `embed`.
        options: How to read photographs and detect faces.

    Yields:
        One outcome per photograph, in order, with its faces sorted by score.
    """
    from nitakao.tasks.photos.detect import detect

    return detect(to_photos(photos, options.limits), options=options)


def verify(
    a: PhotoInput,
    b: PhotoInput,
    *,
    model: str | ModelCard | None = None,
    threshold: float | None = None,
    options: PipelineOptions = PipelineOptions(),
) -> Verdict:
    """Decide whether two photographs show the same person.

    Args:
        a: The first photograph, as for `embed`; its largest face unless `options.faces` says otherwise.
        b: The second photograph, likewise.
        model: Name, path or card of the embedding model. None uses dlib-resnet.
        threshold: Same person below this distance. None uses the model's threshold.
        options: How to read photographs, and to detect and embed faces.

    Returns:
        The distance, the threshold and whether the faces are the same person.

    Raises:
        NoFaceError: If a photograph has no face.
        UnreadablePhotoError: If a photograph cannot be read.
    """
    return compare(a, b, model=model, threshold=threshold, options=options).verdict


def compare(
    a: PhotoInput,
    b: PhotoInput,
    *,
    model: str | ModelCard | None = None,
    threshold: float | None = None,
    options: PipelineOptions = PipelineOptions(),
) -> Comparison:
    """Compare the faces of two photographs: the verdict, and the faces and crops that it is about.

    Takes and raises the same as `verify`.
    """
    from nitakao.photos import to_photo
    from nitakao.tasks.search.verify import compare

    first, second = (to_photo(photo, limits=options.limits) for photo in (a, b))
    return compare(first, second, model=model, threshold=threshold, options=options)


def search_folder(
    photos: Photos,
    *probes: ProbeInput,
    k: int | None = 10,
    max_distance: float | None = None,
    exclude: tuple[ProbeInput, ...] = (),
    same_person: bool = False,
    options: SearchOptions = SearchOptions(),
) -> SearchResult:
    """Search photographs for the faces nearest to a probe, without a gallery. Every face is compared; none is stored.

    Args:
        photos: The photographs to search, as for `embed`.
        probes: Photographs or vectors; several are averaged as pictures of one person, unless `options.each`.
        k: Number of hits per probe. None: all below `max_distance`, or below the threshold with `same_person`.
        max_distance: Only hits below this distance.
        exclude: Faces that the hits must not resemble.
        same_person: Only hits below the threshold.
        options: How to embed probes, and the threshold and prior.
    """
    from nitakao.tasks.search.search_folder import search_folder

    limits = options.photos.limits
    return search_folder(
        to_photos(photos, limits),
        *(to_probe(probe, limits) for probe in probes),
        k=k,
        max_distance=max_distance,
        exclude=[to_probe(probe, limits) for probe in exclude],
        same_person=same_person,
        options=options,
    )
