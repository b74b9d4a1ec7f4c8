from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests import evaluated, fakes

import nitakao
from nitakao import pipeline
from nitakao.errors import MisuseError, PhotoError
from nitakao.metrics import between
from nitakao.pipeline import PipelineOptions
from nitakao.protocols import read_pairs
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.embeddings import embed_pictures
from nitakao.tasks.evaluate.labelled import LabelledSet
from nitakao.tasks.evaluate.pairs import PairRules, as_facenet, compare_pairs, fold_distances, pairs, worst_errors
from nitakao.tasks.photos import embed


def measure(folder=None, pairs_file="pairs.txt", *, vectors=None, draws=50, aligned=False, **more):
    return pairs(LabelledSet(folder, vectors, draws=draws, aligned=aligned), pairs_file, **more)


@pytest.fixture
def lfw(monkeypatch, tmp_path):
    """A folder of people, a list of pairs, and a pipeline that knows whose each picture is."""
    monkeypatch.setattr(pipeline, "run", evaluated.run)
    monkeypatch.setattr(embeddings, "load_card", lambda model: fakes.CARD if model in (None, "fake") else model)
    evaluated.lay(tmp_path / "lfw", evaluated.people())
    evaluated.pairs_file(tmp_path / "pairs.txt")
    return tmp_path


def _vector(name):
    person, picture = name.split("/")
    return evaluated.vector(person, picture)


def test_pairs_are_judged_by_the_distances_of_their_pictures(lfw):
    found = measure(lfw / "lfw", lfw / "pairs.txt", model="fake")
    listed = read_pairs(lfw / "pairs.txt")
    vectors = [_vector(f"{name}.jpg") for name in listed.pictures]
    expected = between(
        np.stack([vectors[n] for n in listed.first]), np.stack([vectors[n] for n in listed.second]), "euclidean"
    )
    assert found.distances == pytest.approx(expected)
    assert found.accuracy > 0.8
    assert found.people == 12
    assert (found.verification.pairs, found.verification.same) == (24, 12)
    assert set(found.intervals) == {"accuracy", "auc", "eer", "val@0.1", "val@0.01", "val@0.001", "val@0.0001"}
    assert found.intervals["auc"].low <= found.verification.auc <= found.intervals["auc"].high


def test_a_file_of_vectors_gives_the_same_as_the_pictures(lfw, monkeypatch):
    monkeypatch.setattr(embed, "load_card", lambda model: fakes.CARD)
    embed.embed_to_file(embed.EmbedOutput(lfw / "x.npz"), [lfw / "lfw"], options=PipelineOptions(faces="central"))
    one = measure(lfw / "lfw", lfw / "pairs.txt")
    two = measure(None, lfw / "pairs.txt", vectors=lfw / "x.npz", model="fake")
    assert two.distances == pytest.approx(one.distances, abs=1e-6)
    assert str(two.embedded.pictures[0]).endswith("P00_0001.jpg")


def test_a_picture_without_a_face_makes_its_pairs_count_as_two_people(lfw, monkeypatch):
    def run(sources, **settings):
        for outcome in evaluated.run(sources, **settings):
            if outcome.source.endswith("P00_0001.jpg"):
                outcome = fakes.outcome(outcome.source, 0)
            if outcome.source.endswith("P01_0001.jpg"):
                outcome = nitakao.Outcome(outcome.source, status="unreadable", problem="damaged")
            yield outcome

    monkeypatch.setattr(pipeline, "run", run)
    found = measure(lfw / "lfw", lfw / "pairs.txt")
    assert (found.embedded.faceless, found.embedded.problems) == (1, (f"'{lfw}/lfw/P01/P01_0001.jpg': damaged",))
    names = found.pairs.pictures
    lost = {names.index("P00/P00_0001"), names.index("P01/P01_0001")}
    gone = [n for n in range(24) if {found.pairs.first[n], found.pairs.second[n]} & lost]
    assert np.isinf(found.distances[gone]).all()
    assert np.isfinite(np.delete(found.distances, gone)).all()
    false, refused = worst_errors(found)
    assert not set(gone) & {*false, *refused}


def test_pairs_of_missing_pictures_are_an_error_unless_they_are_to_be_skipped(lfw):
    (lfw / "lfw" / "P03" / "P03_0001.jpg").unlink()
    with pytest.raises(MisuseError, match=r"1 of 36 pictures .* such as 'P03/P03_0001': .*--skip-missing"):
        measure(lfw / "lfw", lfw / "pairs.txt")
    found = measure(lfw / "lfw", lfw / "pairs.txt", rules=PairRules(skip_missing=True))
    assert found.pairs.skipped == 2
    assert found.verification.pairs == 22
    with pytest.raises(MisuseError, match="no pair has both of its pictures"):
        measure(lfw, lfw / "pairs.txt", rules=PairRules(skip_missing=True))


def test_where_no_picture_can_be_read_there_is_nothing_to_tell(lfw, monkeypatch):
    monkeypatch.setattr(
        pipeline,
        "run",
        lambda sources, **_: (nitakao.Outcome(s, status="unreadable", problem="damaged") for s in sources),
    )
    with pytest.raises(PhotoError, match="none of the 36 pictures could be read"):
        measure(lfw / "lfw", lfw / "pairs.txt")


def test_the_mean_that_is_subtracted_is_that_of_the_other_folds(lfw):
    listed = read_pairs(lfw / "pairs.txt")
    vectors = np.stack([_vector(name) for name in listed.pictures])
    rows = fold_distances(listed, vectors, "cosine", subtract_mean=True)
    for fold in range(3):
        rest = listed.fold != fold
        mean = np.concatenate([vectors[listed.first[rest]], vectors[listed.second[rest]]]).astype(float).mean(axis=0)
        for n in range(24):
            a, b = vectors[listed.first[n]] - mean, vectors[listed.second[n]] - mean
            expected = 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert rows[fold, n] == pytest.approx(expected, abs=1e-6)


def test_facenets_distances_are_squares_and_shares_of_half_a_turn():
    assert as_facenet(np.array([[0.5, np.inf]]), "euclidean").tolist() == [[0.25, np.inf]]
    assert as_facenet(np.array([[1.0, 2.0, 0.0, np.inf]]), "cosine")[0] == pytest.approx([0.5, 1.0, 0.0, np.inf])


def test_with_the_grid_thresholds_are_of_facenets_grid(lfw):
    found = measure(lfw / "lfw", lfw / "pairs.txt", rules=PairRules(grid=True), draws=0)
    assert [round(fold.threshold * 100) / 100 for fold in found.verification.folds] == pytest.approx(
        [fold.threshold for fold in found.verification.folds]
    )
    assert found.intervals == {}


def test_a_model_does_not_differ_from_itself_and_a_worse_one_does(lfw, monkeypatch):
    one = measure(lfw / "lfw", lfw / "pairs.txt", draws=200)
    assert {(each.difference, each.chance) for each in compare_pairs([one, one])} == {(0.0, 1.0)}
    plain = evaluated.vector
    monkeypatch.setattr(evaluated, "vector", lambda person, picture: plain(person, picture, 6.0))
    worse = measure(lfw / "lfw", lfw / "pairs.txt", draws=200)
    told = {each.figure: each for each in compare_pairs([one, worse])}
    assert told["auc"].difference > 0.1
    assert told["auc"].interval.low > 0
    assert told["auc"].chance < 0.05
    other = measure(lfw / "lfw", evaluated.pairs_file(lfw / "few.txt", 2))
    with pytest.raises(MisuseError, match="compared on the same pairs"):
        compare_pairs([one, other])


def test_the_worst_come_first_and_are_wrong(lfw, monkeypatch):
    plain = evaluated.vector
    monkeypatch.setattr(evaluated, "vector", lambda person, picture: plain(person, picture, 3.0))
    found = measure(lfw / "lfw", lfw / "pairs.txt")
    false, refused = worst_errors(found, most=3)
    assert false
    assert refused
    assert not found.pairs.same[false].any()
    assert found.pairs.same[refused].all()
    assert (np.diff(found.distances[false]) >= 0).all()
    assert (np.diff(found.distances[refused]) <= 0).all()


def test_a_bin_brings_its_pictures_and_what_is_damaged_in_it_is_told(lfw, monkeypatch):
    import io

    from PIL import Image

    def jpeg(shade):
        data = io.BytesIO()
        Image.new("RGB", (112, 112), (shade, 99, 99)).save(data, "JPEG")
        return data.getvalue()

    pictures = [jpeg(n // 2 * 5) if n % 2 else jpeg(n * 5 + 1) for n in range(39)] + [b"damaged"]
    (lfw / "x.bin").write_bytes(pickle.dumps((pictures, [True, False] * 10), 4))
    settings = {}

    def run(sources, **given):
        settings.update(given)
        return evaluated.run(sources)

    monkeypatch.setattr(pipeline, "run", run)
    found = measure(None, lfw / "x.bin", rules=PairRules(folds=2))
    assert settings["options"].detector.name == "none"
    assert found.pairs.named is False
    assert len(found.verification.folds) == 2


def test_the_middle_of_a_picture_is_cut_or_padded_to_the_size_of_the_crop(lfw, monkeypatch):
    from PIL import Image

    for person, size in (("P00", (50, 40)), ("P01", (20, 10))):
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[size[1] // 2, size[0] // 2] = 255
        Image.fromarray(picture).save(lfw / "lfw" / person / f"{person}_0001.png")
        (lfw / "lfw" / person / f"{person}_0001.jpg").unlink()
    seen = {}

    def run(sources, **settings):
        assert settings["options"].detector.name == "none"
        for source in sources:
            name = source if isinstance(source, str) else source.source
            if not isinstance(source, str):
                seen[name[-12:]] = source.pixels
            yield from evaluated.run([name])

    monkeypatch.setattr(pipeline, "run", run)
    found = measure(lfw / "lfw", lfw / "pairs.txt", aligned=True)
    assert found.verification.pairs == 24
    assert sorted(seen) == ["P00_0001.png", "P01_0001.png"]  # the others are no pictures, and are told by the pipeline
    for pixels in seen.values():
        assert pixels.shape == (32, 32, 3)
        assert np.argwhere(pixels[..., 0] == 255).tolist() == [[16, 16]]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: PairRules(fars=(0.0,)), "rates lie between 0 and 1"),
        (lambda: LabelledSet(draws=-1), "0 draws or more"),
        (lambda: embed_pictures([], options=PipelineOptions(faces="all")), "one face of each picture"),
        (lambda: PipelineOptions(batch_size=0), "at least 1"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(call, said):
    with pytest.raises(MisuseError, match=said):
        call()
