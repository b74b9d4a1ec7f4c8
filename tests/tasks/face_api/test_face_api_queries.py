"""Find similar, verify, group and identify over a gallery of made-up faces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.fakes import CARD
from tests.gallery import made

from nitakao.errors import FaceApiError
from nitakao.gallery import GalleryStore
from nitakao.gallery.face_api import containers, faces, ids, people
from nitakao.gallery.face_api.faces import FaceLocation
from nitakao.gallery.face_api.kinds import FACE_LIST, LARGE_PERSON_GROUP
from nitakao.tasks.face_api import group, identify, similar, verify
from nitakao.tasks.face_api.context import FaceQueries

MODEL = "recognition_04"
GROUP = LARGE_PERSON_GROUP, "family"


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[FaceQueries]:
    with GalleryStore(tmp_path / "family.db", card=CARD) as gallery:
        yield FaceQueries(gallery, CARD)


def vector(seed: str, number: int) -> np.ndarray:
    """A vector about 0.14 from others of the same seed and 1.4 from the rest; the threshold is 1."""
    return made.vector(seed, "face-api", number, CARD.dimension)


def store_faces(queries: FaceQueries, *named: str, model: str = MODEL) -> list[str]:
    """Ids of faces, each named by person and number: 'ada 3'."""
    vectors = np.stack([vector(seed, int(number)) for seed, number in (name.split() for name in named)])
    return ids.store(queries.gallery, vectors, model, 60)


def family(queries: FaceQueries, *names: str, each: int = 3) -> dict[str, str]:
    """The ids of persons of a trained group."""
    containers.create(queries.gallery, *GROUP, "Family", None, MODEL)
    found = {name: people.create(queries.gallery, GROUP, name, None) for name in names}
    for name, person in found.items():
        for number in range(each):
            faces.add(queries.gallery, FaceLocation(GROUP, person), vector(name, number), None)
    containers.train(queries.gallery, *GROUP)
    return found


def test_similar_faces_come_best_first_and_strangers_only_in_the_mode_that_ranks_all(queries: FaceQueries) -> None:
    ada, near, bob = store_faces(queries, "ada 0", "ada 1", "bob 0")
    found = similar.among_ids(queries, ada, [bob, near, ada, ada], 20, "matchPerson")
    assert [one.uuid for one in found] == [ada, near]
    assert found[0].confidence > found[1].confidence >= 0.5
    ranked = similar.among_ids(queries, ada, [bob, near], 20, "matchFace")
    assert [one.uuid for one in ranked] == [near, bob]
    assert ranked[1].confidence < 0.5
    assert len(similar.among_ids(queries, ada, [bob, near], 1, "matchFace")) == 1


def test_an_empty_list_is_not_ready_and_one_face_is_enough(queries: FaceQueries) -> None:
    (ada,) = store_faces(queries, "ada 0")
    containers.create(queries.gallery, FACE_LIST, "x", "X", None, MODEL)
    with pytest.raises(FaceApiError, match="is empty"):
        similar.in_list(queries, ada, FACE_LIST, "x", 20, "matchPerson")
    face = faces.add(queries.gallery, FaceLocation((FACE_LIST, "x")), vector("ada", 1), None)
    assert [one.uuid for one in similar.in_list(queries, ada, FACE_LIST, "x", 20, "matchPerson")] == [face]


def test_a_face_is_who_it_is_and_a_stranger_nobody(queries: FaceQueries) -> None:
    record = family(queries, "ada", "bob", "cid")
    probe = store_faces(queries, "ada 9", "bob 9", "dan 9")
    first, second, stranger = identify.in_group(queries, probe, *GROUP, 10, None)
    assert [one.person for one in first.candidates] == [record["ada"]]
    assert [one.person for one in second.candidates] == [record["bob"]]
    assert stranger.candidates == ()
    (all_of_them,) = identify.in_group(queries, probe[2:], *GROUP, 2, 0.0)
    assert len(all_of_them.candidates) == 2
    assert all_of_them.candidates[0].confidence >= all_of_them.candidates[1].confidence


def test_a_threshold_of_the_callers_holds_instead_of_ours(queries: FaceQueries) -> None:
    family(queries, "ada")
    probe = store_faces(queries, "ada 9")
    (found,) = identify.in_group(queries, probe, *GROUP, 1, None)
    confidence = found.candidates[0].confidence
    assert identify.in_group(queries, probe, *GROUP, 1, confidence)[0].candidates == found.candidates
    assert identify.in_group(queries, probe, *GROUP, 1, min(1.0, confidence + 0.01))[0].candidates == ()


def test_verifying_a_person_gives_the_confidence_of_identifying(queries: FaceQueries) -> None:
    record = family(queries, "ada", "bob")
    (probe,) = store_faces(queries, "ada 9")
    (found,) = identify.in_group(queries, [probe], *GROUP, 1, None)
    result = verify.in_group(queries, probe, *GROUP, record["ada"])
    assert (result.is_identical, result.confidence) == (True, found.candidates[0].confidence)
    assert not verify.in_group(queries, probe, *GROUP, record["bob"]).is_identical


def test_two_faces_are_one_person_or_two(queries: FaceQueries) -> None:
    ada, near, bob = store_faces(queries, "ada 0", "ada 1", "bob 0")
    assert verify.faces(queries, ada, near).is_identical
    assert not verify.faces(queries, ada, bob).is_identical


def test_faces_are_grouped_by_person_the_largest_group_first(queries: FaceQueries) -> None:
    named = ["bob 0", "ada 0", "ada 1", "bob 1", "ada 2", "cid 0"]
    found = store_faces(queries, *named)
    at = dict(zip(named, found, strict=True))
    grouped = group.group(queries, [*found, found[0]])
    assert [set(one) for one in grouped.groups] == [
        {at["ada 0"], at["ada 1"], at["ada 2"]},
        {at["bob 0"], at["bob 1"]},
    ]
    assert grouped.messy == (at["cid 0"],)


def test_a_thousand_faces_are_grouped_together(queries: FaceQueries) -> None:
    found = store_faces(queries, *(f"person{n // 4} {n}" for n in range(1000)))
    grouped = group.group(queries, found)
    sizes = [len(one) for one in grouped.groups]
    assert sizes.count(4) >= 245  # in 16 dimensions a few of 250 people look alike by chance
    assert sum(sizes) + len(grouped.messy) == 1000


def test_faces_of_two_recognition_models_are_refused_together(queries: FaceQueries) -> None:
    (ada,), (old,) = store_faces(queries, "ada 0"), store_faces(queries, "ada 0", model="recognition_01")
    family(queries, "ada")
    for ask in (
        lambda: verify.faces(queries, ada, old),
        lambda: group.group(queries, [ada, old]),
        lambda: similar.among_ids(queries, ada, [old], 1, "matchFace"),
        lambda: identify.in_group(queries, [ada, old], *GROUP, 1, None),
    ):
        with pytest.raises(FaceApiError, match="recognition_01 and recognition_04") as caught:
            ask()
        assert (caught.value.status, caught.value.code) == (400, "BadArgument")
