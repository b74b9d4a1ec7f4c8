"""What models are measured on: lists of pairs, folders of people, lists of pictures, and columns of what is known."""

from __future__ import annotations

from nitakao.protocols.bins import read_bin
from nitakao.protocols.columns import Columns, read_columns
from nitakao.protocols.folders import located
from nitakao.protocols.lists import Listed, of_folder, read_list
from nitakao.protocols.pairs import Pairs, read_pairs, refolded

__all__ = [
    "Columns",
    "Listed",
    "Pairs",
    "located",
    "of_folder",
    "read_bin",
    "read_columns",
    "read_list",
    "read_pairs",
    "refolded",
]
