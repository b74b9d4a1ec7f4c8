"""The nouns of nitakao: frozen values that every layer speaks in, checked once, when they are made."""

from __future__ import annotations

from nitakao.values.arrays import Floats, Pixels, rows
from nitakao.values.cards import (
    MAX_WEIGHTS,
    Calibration,
    Commercial,
    CropKind,
    CropRule,
    Metric,
    ModelCard,
    Normalisation,
    NormalisationKind,
    WeightsFile,
)
from nitakao.values.photos import (
    ARTICLE_SMALLEST_FACE,
    EVERYDAY_SHARE,
    Choice,
    DetectorName,
    DetectorSettings,
    Face,
    Outcome,
    Photo,
    Turn,
)
from nitakao.values.records import Chip, Enrolled, FaceFilter, FaceRecord, Match, Person, Quality
from nitakao.values.results import Answer, Basis, Candidate, Check, Found, Identified, Identity, Probe, Verdict

__all__ = [
    "ARTICLE_SMALLEST_FACE",
    "EVERYDAY_SHARE",
    "MAX_WEIGHTS",
    "Answer",
    "Basis",
    "Calibration",
    "Candidate",
    "Check",
    "Chip",
    "Choice",
    "Commercial",
    "CropKind",
    "CropRule",
    "DetectorName",
    "DetectorSettings",
    "Enrolled",
    "Face",
    "FaceFilter",
    "FaceRecord",
    "Floats",
    "Found",
    "Identified",
    "Identity",
    "Match",
    "Metric",
    "ModelCard",
    "Normalisation",
    "NormalisationKind",
    "Outcome",
    "Person",
    "Photo",
    "Pixels",
    "Probe",
    "Quality",
    "Turn",
    "Verdict",
    "WeightsFile",
    "rows",
]
