"""Vectors files, as `embed` writes and `verify --vectors` reads them.

Five formats, chosen by extension: .npz, .parquet, .csv, .jsonl, and .pkl, the article's dictionary from base names to
vectors. A file holds vectors of one model.
"""

from __future__ import annotations

from nitakao.vectors.read import Vectors, read
from nitakao.vectors.write import SUFFIXES, KeyKind, VectorsWriter, suffix_of

__all__ = ["SUFFIXES", "KeyKind", "Vectors", "VectorsWriter", "read", "suffix_of"]
