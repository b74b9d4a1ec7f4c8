"""Files of vectors: what `embed` leaves and `verify --vectors` reads.

Five kinds, told by the file's ending: .npz .parquet .csv .jsonl, and .pkl, the article's dictionary from base names
to vectors.  One file holds the vectors of one model.
"""

from __future__ import annotations

from nitakao.vectors.read import Vectors, read
from nitakao.vectors.write import ENDINGS, KeyKind, Output, ending

__all__ = ["ENDINGS", "KeyKind", "Output", "Vectors", "ending", "read"]
