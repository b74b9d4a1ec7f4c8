"""What is known of people or of pictures: the columns of a CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nitakao.errors import FormatError, MisuseError
from nitakao.protocols.pairs import text


@dataclass(frozen=True)
class Columns:
    """names: of the columns, the first of which says who or which picture it is.  rows: by that, what each says."""

    names: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def of(self, column: str, picture: str, person: str) -> str:
        """What a column says of a picture: by its path, its name with or without the ending, or its person; else ''."""
        if column not in self.names[1:]:
            raise MisuseError(f"no column '{column}': choose one of {', '.join(self.names[1:]) or 'none'}")
        name = os.path.basename(picture)
        for key in (picture, name, os.path.splitext(name)[0], person):
            if key in self.rows:
                return self.rows[key][column]
        return ""


def read_columns(path: Path) -> Columns:
    """A CSV whose first line names its columns, and whose first column names people or pictures. Raises FormatError."""
    lines = csv.reader(text(path).splitlines())
    try:
        names = tuple(name.strip() for name in next(lines, []))
        if len(names) < 2 or len(set(names)) < len(names) or not all(names):
            raise FormatError(f"'{path}' does not begin with a line of two column names or more, all different")
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
        raise FormatError(f"'{path}' is no CSV: {error}") from error
    return Columns(names, rows)
