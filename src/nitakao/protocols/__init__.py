"""What models are measured on: lists of pairs, folders of people, lists of pictures, and columns of what is known."""

from __future__ import annotations

from nitakao.protocols.csv_columns import Columns, read_columns
from nitakao.protocols.insightface_bin import read_bin
from nitakao.protocols.labelled_list import Listed, of_folder, read_list
from nitakao.protocols.pairs import Pairs, read_pairs, refolded
from nitakao.protocols.person_folders import located

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
