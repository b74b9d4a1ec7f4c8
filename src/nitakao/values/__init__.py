"""The nouns of nitakao: frozen values that every layer speaks in, checked once, when they are made."""

from __future__ import annotations

from nitakao.values.answers import Answer, Basis, Candidate, Check, Found, Identified, Identity, Probe, Verdict
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
from nitakao.values.kept import Chip, Enrolled, Kept, Match, Person, Quality, Where
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
    "Floats",
    "Found",
    "Identified",
    "Identity",
    "Kept",
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
    "Where",
    "rows",
]
