"""Learning who people are from their vectors, and telling strangers from all of them."""

from __future__ import annotations

from nitakao.classifiers.cross_validation import Report, Tried, report
from nitakao.classifiers.fitting import METHODS, Classifier, Examples, Method, fit

__all__ = ["METHODS", "Classifier", "Examples", "Method", "Report", "Tried", "fit", "report"]
