"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

# A shell without job control starts what it puts in the background with Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real weights and photographs that lies beside the project, where it does."""
    folder = os.environ.get("NITAKAO_SHARED", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("NITAKAO_SHARED names no folder: the real weights and photographs are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `make run` leaves it. See `tests.shown.prepare`."""
    from tests.shown import prepare

    for package in ("matplotlib", "skimage"):
        if find_spec(package) is None:
            pytest.skip(f"{package}, which ships one of the sample pictures, is not installed")
    folder = tmp_path_factory.mktemp("samples")
    prepare(folder)
    return folder
