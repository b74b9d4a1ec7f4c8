"""Persons and their names, the steps that change them, and how these are undone."""

from __future__ import annotations

from nitakao.gallery.people.edits import (
    ACTING_USER,
    Assignment,
    Edit,
    Mark,
    begin_edit,
    current_user,
    decode_assignment,
    encode_assignment,
)
from nitakao.gallery.people.persons import MAX_ID, MAX_NAME_LENGTH, clean_name, find_person, parse_id, people

__all__ = [
    "ACTING_USER",
    "MAX_ID",
    "MAX_NAME_LENGTH",
    "Assignment",
    "Edit",
    "Mark",
    "begin_edit",
    "clean_name",
    "current_user",
    "decode_assignment",
    "encode_assignment",
    "find_person",
    "parse_id",
    "people",
]
