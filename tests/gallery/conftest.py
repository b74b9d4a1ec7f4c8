"""A gallery on each database, with faces made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes import CARD
from tests.gallery.postgres_server import Server, UnavailableError

from nitakao.gallery import GalleryStore


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running PostgreSQL, one for all tests."""
    try:
        server = Server()
    except UnavailableError as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """The address of an empty database on PostgreSQL."""
    address = postgres.new()
    yield address
    postgres.drop(address)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a gallery may be made, on each database."""
    return str(tmp_path / "family.db") if request.param == "sqlite" else request.getfixturevalue("database")


@pytest.fixture
def gallery(place: str) -> Iterator[GalleryStore]:
    """An empty gallery of the fake model."""
    with GalleryStore(place, card=CARD) as made:
        yield made
