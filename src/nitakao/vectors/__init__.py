"""Files of vectors: what `embed` leaves and `verify --vectors` reads.

Five kinds, told by the file's ending: .npz .parquet .csv .jsonl, and .pkl, the article's dictionary from base names
to vectors.  One file holds the vectors of one model.
"""

from __future__ import annotations

from nitakao.vectors.read import Vectors, read
from nitakao.vectors.write import SUFFIXES, KeyKind, VectorsWriter, suffix_of

__all__ = ["SUFFIXES", "KeyKind", "Vectors", "VectorsWriter", "read", "suffix_of"]
