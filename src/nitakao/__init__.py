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
    from nitakao.gallery import Gallery
    from nitakao.metrics import distance
    from nitakao.models.registry import card, cards
    from nitakao.models.session import Device
    from nitakao.photos.read import Limits, from_pixels, read
    from nitakao.tasks.align import align
    from nitakao.tasks.calibrate import calibrate
    from nitakao.tasks.classify import classify, read_classifier, save_classifier, train_classifier
    from nitakao.tasks.cluster import cluster
    from nitakao.tasks.comparing import differences
    from nitakao.tasks.detect import detect
    from nitakao.tasks.embed import embed
    from nitakao.tasks.evaluate_clustering import evaluate_clustering
    from nitakao.tasks.evaluate_cohorts import evaluate_cohorts
    from nitakao.tasks.evaluate_identification import Enrolment, evaluate_identification
    from nitakao.tasks.evaluate_pairs import PairRules, evaluate_pairs
    from nitakao.tasks.evaluate_retrieval import evaluate_retrieval
    from nitakao.tasks.everyone import PeopleWanted
    from nitakao.tasks.exporting import export
    from nitakao.tasks.forget import forget
    from nitakao.tasks.identify import identify
    from nitakao.tasks.importing import import_vectors
    from nitakao.tasks.index import index
    from nitakao.tasks.measuring import Measuring
    from nitakao.tasks.people import hide, merge, move, name, people, split, undo
    from nitakao.tasks.probes import Look
    from nitakao.tasks.publish import publish
    from nitakao.tasks.reindex import reindex
    from nitakao.tasks.search import search
    from nitakao.tasks.search_folder import search_folder
    from nitakao.tasks.sidecars import export_xmp, import_xmp
    from nitakao.tasks.train import train
    from nitakao.tasks.verify import verify
    from nitakao.tasks.verify_known import verify_known
    from nitakao.training.settings import TrainingSettings
    from nitakao.values import (
        CropRule,
        DetectorSettings,
        Face,
        ModelCard,
        Normalisation,
        Outcome,
        Photo,
        Verdict,
        WeightsFile,
        Where,
    )

    __version__: str

__all__ = [
    "CardError",
    "CropRule",
    "DetectorSettings",
    "Device",
    "DeviceError",
    "Enrolment",
    "Face",
    "FormatError",
    "Gallery",
    "GalleryBusyError",
    "GalleryDamagedError",
    "GalleryError",
    "GeometryError",
    "Limits",
    "Look",
    "Measuring",
    "MissingExtraError",
    "MisuseError",
    "ModelCard",
    "ModelError",
    "NitakaoError",
    "NoFaceError",
    "Normalisation",
    "Outcome",
    "PairRules",
    "PeopleWanted",
    "Photo",
    "PhotoError",
    "PhotoTooLargeError",
    "TrainingError",
    "TrainingSettings",
    "UnreadablePhotoError",
    "VectorsError",
    "Verdict",
    "WeightsError",
    "WeightsFile",
    "Where",
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
    "evaluate_clustering",
    "evaluate_cohorts",
    "evaluate_identification",
    "evaluate_pairs",
    "evaluate_retrieval",
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
    "Device": "models.session",
    "Enrolment": "tasks.evaluate_identification",
    "Gallery": "gallery",
    "Limits": "photos.read",
    "Look": "tasks.probes",
    "Measuring": "tasks.measuring",
    "PairRules": "tasks.evaluate_pairs",
    "PeopleWanted": "tasks.everyone",
    "TrainingSettings": "training.settings",
    "align": "tasks.align",
    "calibrate": "tasks.calibrate",
    "card": "models.registry",
    "cards": "models.registry",
    "classify": "tasks.classify",
    "cluster": "tasks.cluster",
    "detect": "tasks.detect",
    "differences": "tasks.comparing",
    "distance": "metrics",
    "embed": "tasks.embed",
    "evaluate_clustering": "tasks.evaluate_clustering",
    "evaluate_cohorts": "tasks.evaluate_cohorts",
    "evaluate_identification": "tasks.evaluate_identification",
    "evaluate_pairs": "tasks.evaluate_pairs",
    "evaluate_retrieval": "tasks.evaluate_retrieval",
    "export": "tasks.exporting",
    "export_xmp": "tasks.sidecars",
    "forget": "tasks.forget",
    "from_pixels": "photos.read",
    "hide": "tasks.people",
    "identify": "tasks.identify",
    "import_vectors": "tasks.importing",
    "import_xmp": "tasks.sidecars",
    "index": "tasks.index",
    "merge": "tasks.people",
    "move": "tasks.people",
    "name": "tasks.people",
    "people": "tasks.people",
    "publish": "tasks.publish",
    "read": "photos.read",
    "read_classifier": "tasks.classify",
    "reindex": "tasks.reindex",
    "save_classifier": "tasks.classify",
    "search": "tasks.search",
    "search_folder": "tasks.search_folder",
    "split": "tasks.people",
    "train": "tasks.train",
    "train_classifier": "tasks.classify",
    "undo": "tasks.people",
    "verify": "tasks.verify",
    "verify_known": "tasks.verify_known",
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
    "Where",
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
