"""Who is who: persons and their names, what changes them, and how it is taken back."""

from __future__ import annotations

from nitakao.gallery.people.edits import ACTING, Belongs, Edit, Pair, edit, told, untold, who
from nitakao.gallery.people.persons import LARGEST, LONGEST_NAME, clean_name, numbered, people, person_number

__all__ = [
    "ACTING",
    "LARGEST",
    "LONGEST_NAME",
    "Belongs",
    "Edit",
    "Pair",
    "clean_name",
    "edit",
    "numbered",
    "people",
    "person_number",
    "told",
    "untold",
    "who",
]
