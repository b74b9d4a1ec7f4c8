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
    from nitakao.tasks.calibrate import calibrate
    from nitakao.tasks.classify import classify, read_classifier, save_classifier, train_classifier
    from nitakao.tasks.cluster import cluster
    from nitakao.tasks.detect import detect
    from nitakao.tasks.embed import embed
    from nitakao.tasks.exporting import export
    from nitakao.tasks.forget import forget
    from nitakao.tasks.identify import identify
    from nitakao.tasks.importing import import_vectors
    from nitakao.tasks.index import index
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
    "Face",
    "FormatError",
    "Gallery",
    "GalleryBusyError",
    "GalleryDamagedError",
    "GalleryError",
    "GeometryError",
    "Limits",
    "Look",
    "MissingExtraError",
    "MisuseError",
    "ModelCard",
    "ModelError",
    "NitakaoError",
    "NoFaceError",
    "Normalisation",
    "Outcome",
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
    "calibrate",
    "card",
    "cards",
    "classify",
    "cluster",
    "detect",
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
    "Device": "models.session",
    "Gallery": "gallery",
    "Limits": "photos.read",
    "Look": "tasks.probes",
    "TrainingSettings": "training.settings",
    "calibrate": "tasks.calibrate",
    "card": "models.registry",
    "cards": "models.registry",
    "classify": "tasks.classify",
    "cluster": "tasks.cluster",
    "detect": "tasks.detect",
    "distance": "metrics",
    "embed": "tasks.embed",
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
