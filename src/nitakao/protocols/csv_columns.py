"""Attributes of people or pictures, from the columns of a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nitakao.errors import FormatError, MisuseError
from nitakao.protocols.pairs import read_text


@dataclass(frozen=True)
class Columns:
    """The columns of a CSV file.

    Attributes:
        names: Column names. The first column names a person or a picture.
        rows: The values of each row by column name, keyed by the first column.
    """

    names: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def value(self, column: str, picture: str, person: str) -> str:
        """A picture's value in a column, found by path, file name (with or without ending) or person; else ''."""
        if column not in self.names[1:]:
            raise MisuseError(f"no column '{column}': choose one of {', '.join(self.names[1:]) or 'none'}")
        name = os.path.basename(picture)
        for key in (picture, name, os.path.splitext(name)[0], person):
            if key in self.rows:
                return self.rows[key][column]
        return ""


def read_columns(path: Path) -> Columns:
    """Read a CSV file whose first line names the columns, and whose first column names people or pictures.

    Raises:
        FormatError: If the file is unreadable or malformed.
    """
    lines = csv.reader(read_text(path).splitlines())
    try:
        names = tuple(name.strip() for name in next(lines, []))
        if len(names) < 2 or len(set(names)) < len(names) or not all(names):
            raise FormatError(f"'{path}' does not start with a line of at least two different column names")
        rows: dict[str, dict[str, str]] = {}
        for line in lines:
            if not any(line):
                continue
            if len(line) != len(names):
                raise FormatError(f"'{path}' has {len(line)} columns in line {lines.line_num}, not {len(names)}")
            if line[0] in rows:
                raise FormatError(f"'{path}' has two lines for '{line[0][:80]}'")
            rows[line[0].strip()] = {name: value.strip() for name, value in zip(names, line, strict=True)}
    except csv.Error as error:
        raise FormatError(f"'{path}' is not a CSV file: {error}") from error
    return Columns(names, rows)
