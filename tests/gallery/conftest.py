"""A gallery on each database, with faces made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes import CARD

from nitakao.gallery import Gallery


@pytest.fixture(params=["sqlite"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    """An empty gallery of the fake model."""
    with Gallery(tmp_path / "family.db", card=CARD) as made:
        yield made
