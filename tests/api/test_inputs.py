"""All verbs take photographs in memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import nitakao


def test_all_verbs_take_photos_in_memory(samples, tmp_path):
    path = samples / "out" / "samples" / "astronaut.jpg"
    image = Image.open(path).convert("RGB")
    pixels, data = np.asarray(image), path.read_bytes()
    with open(path, "rb") as file:
        items = [path, str(path), pixels, image, data, file, b"damaged"]
        outcomes = list(nitakao.embed(items))
    assert [len(outcome.faces) for outcome in outcomes] == [1, 1, 1, 1, 1, 1, 0]
    assert outcomes[-1].problem
    assert [len(outcome.faces) for outcome in nitakao.detect(pixels)] == [1]
    assert nitakao.verify(pixels, data).same
    assert nitakao.compare(image, path).verdict.distance == pytest.approx(0, abs=0.05)
    with nitakao.Gallery(tmp_path / "g.db") as gallery:
        summary = gallery.index([data, np.ascontiguousarray(pixels[:, ::-1]), b"damaged", path])
        assert summary.faces == 2
        assert len(summary.problems) == 1
        gallery.people.name_face(1, "Eileen")
        assert gallery.search(image, k=1).hits[0].person == "Eileen"
        assert [identity.person for identity in gallery.identify(io.BytesIO(data))] == ["Eileen"]
        assert "data:image/jpeg;base64," in gallery.search(image, k=1)._repr_html_()
        assert str(path) in gallery.photos[path].paths
        vector = gallery.vectors([1])[0]
        assert gallery.search(vector, k=1).hits[0].face.id == 1
