"""Results as rows: for programs, for pandas and for notebooks."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from nitakao.errors import MissingExtraError

Row = dict[str, Any]


class Table:
    """A result that converts to rows. Subclasses define `to_dicts`."""

    def to_dicts(self) -> list[Row]:
        """One dict per row, with plain Python values."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """A pandas DataFrame with the rows of `to_dicts`.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        return data_frame(self.to_dicts())

    def _repr_html_(self) -> str:
        return html_table(self.to_dicts())


def data_frame(rows: Sequence[Row]) -> Any:
    """A pandas DataFrame. Raises MissingExtraError if pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("a data frame", "pandas") from None
    return pandas.DataFrame(list(rows))


def html_table(rows: Sequence[Row], pictures: Iterable[bytes | None] = ()) -> str:
    """An HTML table of the rows; all text is escaped.

    Args:
        rows: The rows, all with the same keys.
        pictures: A JPEG for each row, shown in the first column.
    """
    if not rows:
        return "<p>empty</p>"
    images = list(pictures)
    head = "".join(f"<th>{escape(str(key))}</th>" for key in (*([""] if images else []), *rows[0]))
    body = "".join(
        f"<tr>{f'<td>{html_image(images[number])}</td>' if images else ''}{_cells(row)}</tr>"
        for number, row in enumerate(rows)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_image(jpeg: bytes | None, height: int = 64) -> str:
    """An <img> element with a JPEG as a data URI; empty if there is none."""
    if not jpeg:
        return ""
    return f'<img height="{height}" alt="face" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'


def _cells(row: Mapping[str, Any]) -> str:
    return "".join(f"<td>{escape(_text(value))}</td>" for value in row.values())


def _text(value: Any) -> str:
    """A cell's text: three decimals, and nothing for None and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
