"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real weights and photographs that lies beside the project, where it does."""
    folder = os.environ.get("NITAKAO_SHARED", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("NITAKAO_SHARED names no folder: the real weights and photographs are not here")
    return Path(folder)
