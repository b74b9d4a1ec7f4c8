"""Weights files: located, downloaded and verified."""
