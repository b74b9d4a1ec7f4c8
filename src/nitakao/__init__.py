"""Find faces in photographs, embed them, and search, identify and cluster the people in them.

    import nitakao

    with nitakao.Gallery("family.db") as gallery:
        gallery.index("photos")
        for hit in gallery.search("who.jpg"):
            print(hit.person, hit.photo, hit.distance)

More in `nitakao.evaluate`, `nitakao.train`, `nitakao.models` and `nitakao.errors`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nitakao import errors, evaluate, models, train
    from nitakao.api.classifier import Classifier
    from nitakao.api.functions import compare, detect, embed, search_folder, verify
    from nitakao.api.gallery import Gallery
    from nitakao.errors import (
        GalleryError,
        MissingExtraError,
        MisuseError,
        NitakaoError,
        NoFaceError,
        PhotoError,
    )
    from nitakao.metrics import distance
    from nitakao.models.onnx.session import Device
    from nitakao.photos.read import Limits
    from nitakao.pipeline import PipelineOptions
    from nitakao.tasks.gallery.index_options import IndexOptions
    from nitakao.tasks.probes import SearchOptions
    from nitakao.values import DetectorSettings, Face, FaceFilter, Hit, Outcome, Photo, Verdict

    __version__: str

# Loaded at first use, so that `import nitakao` is quick and loads no library.
_HOMES = {
    "Classifier": "api.classifier",
    "DetectorSettings": "values",
    "Device": "models.onnx.session",
    "Face": "values",
    "FaceFilter": "values",
    "Gallery": "api.gallery",
    "GalleryError": "errors",
    "Hit": "values",
    "IndexOptions": "tasks.gallery.index_options",
    "Limits": "photos.read",
    "MissingExtraError": "errors",
    "MisuseError": "errors",
    "NitakaoError": "errors",
    "NoFaceError": "errors",
    "Outcome": "values",
    "Photo": "values",
    "PhotoError": "errors",
    "PipelineOptions": "pipeline",
    "SearchOptions": "tasks.probes",
    "Verdict": "values",
    "compare": "api.functions",
    "detect": "api.functions",
    "distance": "metrics",
    "embed": "api.functions",
    "search_folder": "api.functions",
    "verify": "api.functions",
}
_MODULES = ("errors", "evaluate", "models", "train")

__all__ = [
    "Classifier",
    "DetectorSettings",
    "Device",
    "Face",
    "FaceFilter",
    "Gallery",
    "GalleryError",
    "Hit",
    "IndexOptions",
    "Limits",
    "MissingExtraError",
    "MisuseError",
    "NitakaoError",
    "NoFaceError",
    "Outcome",
    "Photo",
    "PhotoError",
    "PipelineOptions",
    "SearchOptions",
    "Verdict",
    "compare",
    "detect",
    "distance",
    "embed",
    "errors",
    "evaluate",
    "models",
    "search_folder",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nitakao")
    if name in _MODULES:
        return import_module(f"nitakao.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'nitakao' has no attribute '{name}'")
    value = getattr(import_module(f"nitakao.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
