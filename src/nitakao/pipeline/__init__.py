"""Detect, crop and embed faces, many photos at a time."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nitakao.pipeline.options import PipelineOptions

if TYPE_CHECKING:
    from nitakao.pipeline.pipeline import Pipeline, embed_crops, run

__all__ = ["Pipeline", "PipelineOptions", "embed_crops", "run"]


def __getattr__(name: str) -> Any:
    """Load the pipeline, and ONNX Runtime with it, at first use."""
    if name not in __all__:
        raise AttributeError(f"module 'nitakao.pipeline' has no attribute '{name}'")
    return getattr(import_module("nitakao.pipeline.pipeline"), name)
