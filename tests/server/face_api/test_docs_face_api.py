"""The page on the Face API: what it shows works, and what it says is refused is what the code refuses."""

from __future__ import annotations

import io

import pytest
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import Live
from tests.shown import ROOT, blocks

from nitakao.tasks.face_api import attributes

PAGE = ROOT / "docs" / "face-api.md"
SHOWN = [text for language, text in blocks(PAGE) if language == "python"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("number", range(len(SHOWN)))
def test_each_client_is_pointed_here_as_the_page_shows(live: Live, portraits: Album, number: int) -> None:
    names: dict = {"key": live.key}
    exec(SHOWN[number].replace("http://127.0.0.1:8000", live.url), names)
    if "groups" in names:
        how = {"detection_model": "detection_03", "recognition_model": "recognition_04", "return_face_id": True}
        with names["client"] as client:
            assert len(client.detect(portraits.stranger, **how)) == 1
        assert names["groups"].get_large_person_groups() == []
    elif "CF" in names:
        assert len(names["CF"].face.detect(io.BytesIO(portraits.stranger))) == 1
    else:
        assert len(names["client"].face.detect_with_stream(io.BytesIO(portraits.stranger))) == 1


def test_every_client_is_shown() -> None:
    assert len(SHOWN) == 3


def test_the_page_names_every_attribute_that_is_told_and_every_one_that_is_not() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for word in (*attributes.SUPPORTED, *attributes.UNSUPPORTED, *attributes.RETIRED):
        assert f"`{word}`" in page
