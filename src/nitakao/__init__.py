"""Find faces in photographs, turn them into vectors, and ask who is alike.

import nitakao

for outcome in nitakao.embed(["photos"]):
    print(outcome.source, len(outcome.faces), outcome.vectors.shape, outcome.problem)
print(nitakao.verify("ada-2019.jpg", "ada-2021.jpg"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nitakao.errors import (
        CardError,
        DeviceError,
        FormatError,
        GalleryBusyError,
        GalleryDamagedError,
        GalleryError,
        GeometryError,
        MissingExtraError,
        MisuseError,
        ModelError,
        NitakaoError,
        NoFaceError,
        PhotoError,
        PhotoTooLargeError,
        TrainingError,
        UnreadablePhotoError,
        VectorsError,
        WeightsError,
    )
    from nitakao.gallery import GalleryStore
    from nitakao.metrics import distance
    from nitakao.models.cards.registry import card, cards
    from nitakao.models.onnx.session import Device
    from nitakao.photos.read import Limits, from_pixels, read
    from nitakao.pipeline import PipelineOptions
    from nitakao.tasks.evaluate.comparison import differences
    from nitakao.tasks.evaluate.identification import Enrolment
    from nitakao.tasks.evaluate.labelled import LabelledSet
    from nitakao.tasks.evaluate.pairs import PairRules
    from nitakao.tasks.gallery.calibrate import calibrate
    from nitakao.tasks.gallery.cluster import cluster
    from nitakao.tasks.gallery.export import export
    from nitakao.tasks.gallery.forget import forget
    from nitakao.tasks.gallery.import_vectors import import_vectors
    from nitakao.tasks.gallery.index import index
    from nitakao.tasks.gallery.index_options import IndexOptions
    from nitakao.tasks.gallery.people import hide, merge, move, name, people, split, undo
    from nitakao.tasks.gallery.reindex import reindex
    from nitakao.tasks.gallery.xmp_sidecars import export_xmp, import_xmp
    from nitakao.tasks.models.publish import publish
    from nitakao.tasks.photos.align import CropFormat, align
    from nitakao.tasks.photos.detect import detect
    from nitakao.tasks.photos.embed import embed
    from nitakao.tasks.probes import SearchOptions
    from nitakao.tasks.search.classify import classify, read_classifier, save_classifier, train_classifier
    from nitakao.tasks.search.identify import identify
    from nitakao.tasks.search.search import search
    from nitakao.tasks.search.search_folder import search_folder
    from nitakao.tasks.search.verify import verify
    from nitakao.tasks.search.verify_person import verify_known
    from nitakao.tasks.train.train import train
    from nitakao.training.settings import TrainingData, TrainingSettings
    from nitakao.values import (
        CropRule,
        DetectorSettings,
        Face,
        FaceFilter,
        ModelCard,
        Normalisation,
        Outcome,
        Photo,
        Verdict,
        WeightsFile,
    )

    __version__: str

__all__ = [
    "CardError",
    "CropFormat",
    "CropRule",
    "DetectorSettings",
    "Device",
    "DeviceError",
    "Enrolment",
    "Face",
    "FaceFilter",
    "FormatError",
    "GalleryBusyError",
    "GalleryDamagedError",
    "GalleryError",
    "GalleryStore",
    "GeometryError",
    "IndexOptions",
    "LabelledSet",
    "Limits",
    "MissingExtraError",
    "MisuseError",
    "ModelCard",
    "ModelError",
    "NitakaoError",
    "NoFaceError",
    "Normalisation",
    "Outcome",
    "PairRules",
    "Photo",
    "PhotoError",
    "PhotoTooLargeError",
    "PipelineOptions",
    "SearchOptions",
    "TrainingData",
    "TrainingError",
    "TrainingSettings",
    "UnreadablePhotoError",
    "VectorsError",
    "Verdict",
    "WeightsError",
    "WeightsFile",
    "align",
    "calibrate",
    "card",
    "cards",
    "classify",
    "cluster",
    "detect",
    "differences",
    "distance",
    "embed",
    "export",
    "export_xmp",
    "forget",
    "from_pixels",
    "hide",
    "identify",
    "import_vectors",
    "import_xmp",
    "index",
    "merge",
    "move",
    "name",
    "people",
    "publish",
    "read",
    "read_classifier",
    "reindex",
    "save_classifier",
    "search",
    "search_folder",
    "split",
    "train",
    "train_classifier",
    "undo",
    "verify",
    "verify_known",
]

# Names are fetched from their homes at first use, so that `import nitakao` is quick and loads no library.
_HOMES = {
    "Device": "models.onnx.session",
    "Enrolment": "tasks.evaluate.identification",
    "GalleryStore": "gallery",
    "LabelledSet": "tasks.evaluate.labelled",
    "Limits": "photos.read",
    "PipelineOptions": "pipeline",
    "IndexOptions": "tasks.gallery.index_options",
    "CropFormat": "tasks.photos.align",
    "SearchOptions": "tasks.probes",
    "PairRules": "tasks.evaluate.pairs",
    "TrainingData": "training.settings",
    "TrainingSettings": "training.settings",
    "align": "tasks.photos.align",
    "calibrate": "tasks.gallery.calibrate",
    "card": "models.cards.registry",
    "cards": "models.cards.registry",
    "classify": "tasks.search.classify",
    "cluster": "tasks.gallery.cluster",
    "detect": "tasks.photos.detect",
    "differences": "tasks.evaluate.comparison",
    "distance": "metrics",
    "embed": "tasks.photos.embed",
    "export": "tasks.gallery.export",
    "export_xmp": "tasks.gallery.xmp_sidecars",
    "forget": "tasks.gallery.forget",
    "from_pixels": "photos.read",
    "hide": "tasks.gallery.people",
    "identify": "tasks.search.identify",
    "import_vectors": "tasks.gallery.import_vectors",
    "import_xmp": "tasks.gallery.xmp_sidecars",
    "index": "tasks.gallery.index",
    "merge": "tasks.gallery.people",
    "move": "tasks.gallery.people",
    "name": "tasks.gallery.people",
    "people": "tasks.gallery.people",
    "publish": "tasks.models.publish",
    "read": "photos.read",
    "read_classifier": "tasks.search.classify",
    "reindex": "tasks.gallery.reindex",
    "save_classifier": "tasks.search.classify",
    "search": "tasks.search.search",
    "search_folder": "tasks.search.search_folder",
    "split": "tasks.gallery.people",
    "train": "tasks.train.train",
    "train_classifier": "tasks.search.classify",
    "undo": "tasks.gallery.people",
    "verify": "tasks.search.verify",
    "verify_known": "tasks.search.verify_person",
}
_VALUES = (
    "CropRule",
    "DetectorSettings",
    "Face",
    "ModelCard",
    "Normalisation",
    "Outcome",
    "Photo",
    "Verdict",
    "WeightsFile",
    "FaceFilter",
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nitakao")
    if name not in __all__:
        raise AttributeError(f"module 'nitakao' has no attribute '{name}'")
    home = _HOMES.get(name) or ("values" if name in _VALUES else "errors")
    found = getattr(import_module(f"nitakao.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
