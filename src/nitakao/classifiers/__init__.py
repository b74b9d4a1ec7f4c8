"""Learning who people are from their vectors, and telling strangers from all of them."""

from __future__ import annotations

from nitakao.classifiers.fitting import METHODS, Classifier, Examples, Method, fit
from nitakao.classifiers.reporting import Report, Tried, report

__all__ = ["METHODS", "Classifier", "Examples", "Method", "Report", "Tried", "fit", "report"]
