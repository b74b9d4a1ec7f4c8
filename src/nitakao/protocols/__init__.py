"""Labelled data to measure models on: lists of pairs, a folder per person, lists of pictures, columns of a CSV."""

from __future__ import annotations

from nitakao.protocols.csv_columns import Columns, read_columns
from nitakao.protocols.insightface_bin import read_bin
from nitakao.protocols.labelled_list import LabelledPictures, read_folder, read_list
from nitakao.protocols.pairs import Pairs, read_pairs, split_folds
from nitakao.protocols.person_folders import find_pictures

__all__ = [
    "Columns",
    "LabelledPictures",
    "Pairs",
    "find_pictures",
    "read_bin",
    "read_columns",
    "read_folder",
    "read_list",
    "read_pairs",
    "split_folds",
]
