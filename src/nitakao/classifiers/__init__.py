"""Trains classifiers of people on their vectors, with rejection of strangers."""

from __future__ import annotations

from nitakao.classifiers.cross_validation import Report, Tried, report
from nitakao.classifiers.fitting import METHODS, Classifier, Examples, Method, fit

__all__ = ["METHODS", "Classifier", "Examples", "Method", "Report", "Tried", "fit", "report"]
