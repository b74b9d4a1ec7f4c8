"""Options that several commands share, each with one name and one meaning. Nothing here loads more than click."""

from nitakao.cli.options.clustering import METHODS as CLUSTERING_METHODS
from nitakao.cli.options.clustering import clustering_options
from nitakao.cli.options.detection import (
    CHOICES,
    DETECTORS,
    DEVICES,
    detector_option,
    detector_options,
    detector_settings,
    device_of,
    device_options,
    faces_option,
    standard_input,
)
from nitakao.cli.options.general import JSON, example, face_number, gallery_option, model_option, models, voiced
from nitakao.cli.options.probes import (
    Day,
    form_options,
    look,
    picture_options,
    prior_option,
    probe_options,
    threshold_option,
)

__all__ = [
    "CHOICES",
    "CLUSTERING_METHODS",
    "DETECTORS",
    "DEVICES",
    "JSON",
    "Day",
    "clustering_options",
    "detector_option",
    "detector_options",
    "detector_settings",
    "device_of",
    "device_options",
    "example",
    "face_number",
    "faces_option",
    "form_options",
    "gallery_option",
    "look",
    "model_option",
    "models",
    "picture_options",
    "prior_option",
    "probe_options",
    "standard_input",
    "threshold_option",
    "voiced",
]
