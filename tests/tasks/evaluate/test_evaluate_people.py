"""Identification, retrieval, clustering and cohorts over people whose vectors are known."""

from __future__ import annotations

import numpy as np
import pytest
from tests import evaluated, fakes

from nitakao import pipeline
from nitakao.errors import MisuseError, VectorsError
from nitakao.metrics import crosswise
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.clustering import clustering
from nitakao.tasks.evaluate.cohorts import cohorts, measure_cohorts
from nitakao.tasks.evaluate.identification import Enrolment, identification
from nitakao.tasks.evaluate.labelled import LabelledSet, embed_labelled
from nitakao.tasks.evaluate.retrieval import retrieval
from nitakao.tasks.photos import embed

PEOPLE = {"Ada": 4, "Bob": 3, "Cy": 1, "Di": 2, "Ed": 1}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "run", evaluated.run)
    monkeypatch.setattr(embeddings, "load_card", lambda model: fakes.CARD if model in (None, "fake") else model)
    return evaluated.lay(tmp_path / "people", PEOPLE)


def test_the_first_pictures_are_enrolled_and_people_with_too_few_are_strangers(folder):
    found = identification(LabelledSet(folder, draws=30))
    names = np.array([name.rpartition("/")[2] for name in found.labelled.names])
    assert names[found.roles.enrolled].tolist() == ["Ada_0001.jpg", "Bob_0001.jpg", "Di_0001.jpg"]
    assert len(found.roles.probes) == 3 + 2 + 1
    assert names[found.roles.unenrolled].tolist() == ["Cy_0001.jpg", "Ed_0001.jpg"]
    assert found.people == 3
    assert found.unmeasurable == (0.1, 0.01, 0.001)
    two = identification(LabelledSet(folder, draws=0), enrolment=Enrolment(pictures=2))
    assert (len(two.roles.enrolled), len(two.roles.probes), len(two.roles.unenrolled)) == (4, 3, 4)


def test_ranks_are_those_of_all_distances_sorted(folder, monkeypatch):
    plain = evaluated.vector
    monkeypatch.setattr(evaluated, "vector", lambda person, picture: plain(person, picture, 3.0))
    found = identification(LabelledSet(folder, draws=0))
    everyone, people = found.labelled, found.labelled.person_ids
    apart = crosswise(
        everyone.embedded.vectors[found.roles.probes], everyone.embedded.vectors[found.roles.enrolled], "euclidean"
    )
    for row, probe in enumerate(found.roles.probes):
        order = people[found.roles.enrolled][np.argsort(apart[row])]
        assert found.hits.rank[row] == order.tolist().index(people[probe]) + 1
    assert found.figures.values["rank-1"] == pytest.approx(np.mean(found.hits.rank == 1))
    assert found.match_shares[-1] == 1


def test_lists_say_who_is_enrolled_and_who_is_asked_about(folder, tmp_path):
    (tmp_path / "gallery.txt").write_text("Ada/Ada_0002.jpg\nBob/Bob_0001.jpg\n")
    (tmp_path / "probes.txt").write_text("Ada/Ada_0001.jpg\nCy/Cy_0001.jpg\nDi/Di_0001.jpg\tBob\n")
    lists = Enrolment(gallery=tmp_path / "gallery.txt", probes=tmp_path / "probes.txt")
    found = identification(LabelledSet(folder, draws=9), enrolment=lists)
    assert (found.roles.enrolled.tolist(), found.roles.probes.tolist(), found.roles.unenrolled.tolist()) == (
        [0, 1],
        [2, 4],
        [3],
    )
    with pytest.raises(MisuseError, match="go together"):
        Enrolment(gallery=tmp_path / "gallery.txt")


def test_people_kept_out_become_strangers_the_same_each_time(folder):
    found = [identification(LabelledSet(folder, draws=0), enrolment=Enrolment(1, 0.34)) for _ in range(2)]
    assert found[0].people == 2
    assert found[0].roles.unenrolled.tolist() == found[1].roles.unenrolled.tolist()
    with pytest.raises(MisuseError, match="left unenrolled"):
        Enrolment(1, 1.0)


def test_a_probe_without_a_face_is_answered_with_nobody(folder):
    (folder / "Ada" / "none.jpg").write_bytes(evaluated.JPEG)
    (folder / "Bob" / "Bob_0000.jpg").write_bytes(evaluated.JPEG)
    found = identification(LabelledSet(folder, draws=0))
    row = [name.rpartition("/")[2] for name in found.labelled.names].index("none.jpg")
    place = found.roles.probes.tolist().index(row)
    assert found.hits.rank[place] == found.people + 1
    assert np.isinf(found.hits.distance[place])
    assert found.labelled.embedded.faceless == 1


def test_where_nobody_has_more_pictures_nobody_can_be_asked_for(folder):
    with pytest.raises(MisuseError, match="no probes of enrolled people"):
        identification(LabelledSet(folder), enrolment=Enrolment(pictures=9))


def test_everybody_is_found_again_where_people_lie_apart(folder, monkeypatch):
    plain = evaluated.vector
    monkeypatch.setattr(evaluated, "vector", lambda person, picture: plain(person, picture, 0.05))
    found = retrieval(LabelledSet(folder, draws=20))
    assert set(found.figures.values.values()) == {1.0}
    assert len(found.retrieved.rows) == 9  # of people with two or more
    groups = clustering(LabelledSet(folder, draws=20), threshold=0.5)
    assert groups.figures.values["b_cubed_f"] == 1
    assert groups.figures.values["nmi"] == pytest.approx(1)
    assert (groups.groups, groups.ungrouped) == (3, 2)


def test_one_of_scikit_learns_ways_of_grouping_may_be_measured(folder):
    pytest.importorskip("sklearn")
    found = clustering(LabelledSet(folder, draws=0), threshold=0.01, method="agglomerative")
    assert found.figures.values["b_cubed_precision"] == 1
    assert found.figures.values["pairwise_recall"] == 0


def test_only_people_who_were_asked_for_are_measured(folder, tmp_path):
    (tmp_path / "who.txt").write_text("Ada\t4\nCy\t1\nZoe\n")
    assert set(embed_labelled(LabelledSet(folder, people=tmp_path / "who.txt")).labels) == {"Ada", "Cy"}
    assert set(embed_labelled(LabelledSet(folder, min_pictures=3)).labels) == {"Ada", "Bob"}
    with pytest.raises(MisuseError, match="has none of the people"):
        embed_labelled(LabelledSet(folder, min_pictures=9))
    with pytest.raises(MisuseError, match="give a folder with a subfolder per person"):
        embed_labelled(LabelledSet())


def test_a_file_of_vectors_tells_people_by_the_folders_of_its_pictures(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(embed, "load_card", lambda model: fakes.CARD)
    embed.embed_to_file(embed.EmbedOutput(tmp_path / "x.npz"), [folder], options=PipelineOptions(faces="central"))
    monkeypatch.undo()
    found = embed_labelled(LabelledSet(vectors=tmp_path / "x.npz"))
    assert found.labels.count("Ada") == 4
    assert found.embedded.model == "fake"
    assert found.embedded.card is None  # no such model is here
    with pytest.raises(MisuseError, match="fake has no threshold for euclidean distances"):
        clustering(LabelledSet(vectors=tmp_path / "x.npz"))
    np.savez(tmp_path / "flat.npz", keys=["a.jpg"], vectors=np.ones((1, 4), np.float32))
    with pytest.raises(MisuseError, match=r"does not name the person of 'a\.jpg'"):
        embed_labelled(LabelledSet(vectors=tmp_path / "flat.npz"))
    with pytest.raises(VectorsError, match="has none of the 1 pictures"):
        embeddings.read_some(tmp_path / "flat.npz", ["Bob/Bob_0001"])


@pytest.mark.parametrize(
    ("known", "asked", "rows"),
    [
        (["x/Ada/Ada_0001.jpg", "x/Bob/Bob_0001.jpg"], ["Bob/Bob_0001", "Ada/Ada_0001"], [1, 0]),
        (["x/Ada/1.jpg", "x/Bob/1.jpg"], ["Ada/1", "Bob/1"], [0, 1]),
        (["x/Bob/1.jpg", "x/Cy/1.jpg"], ["Ada/1", "Bob/1"], [None, 0]),  # nobody's 1.jpg is not Ada's
        (["x/Bob/1.jpg"], ["Ada/1", "Bob/1"], [None, 0]),
        (["Ada_0001.jpg", "Ada_0002.jpg"], ["Ada/Ada_0002", "Ada/Ada_0003"], [1, None]),  # the article's .pkl
        (["a/Ada/1.jpg", "b/Ada/1.jpg"], ["b/Ada/1.jpg", "c/Ada/1.jpg"], [1, None]),
        (["x/Ada/1.jpg", "x/Ada/1.jpg"], ["Ada/1"], [0]),  # two faces of one picture
    ],
)
def test_pictures_are_found_in_a_file_by_as_much_of_their_names_as_it_takes(known, asked, rows):
    assert embeddings._match(known, asked) == rows


def slow_rates(everyone, groups, threshold, name):
    """FNMR and FMR of a group, pair by pair."""
    wrong, pairs = {True: 0, False: 0}, {True: 0, False: 0}
    vectors = everyone.embedded.vectors
    for one in range(len(groups)):
        for two in range(one):
            kind = groups[one] if groups[one] == groups[two] else "across"
            if name not in (kind, "all"):
                continue
            same = everyone.labels[one] == everyone.labels[two]
            apart = np.linalg.norm(vectors[one].astype(float) - vectors[two])
            pairs[same] += 1
            wrong[same] += (apart >= threshold) == same
    return [wrong[same] / pairs[same] if pairs[same] else np.nan for same in (True, False)], pairs


def test_errors_of_groups_are_those_counted_pair_by_pair(folder, monkeypatch):
    plain = evaluated.vector
    monkeypatch.setattr(evaluated, "vector", lambda person, picture: plain(person, picture, 1.5))
    everyone = embed_labelled(LabelledSet(folder))
    groups = ["old" if "0001" in name or "0003" in name else "new" for name in everyone.names]  # a person is in both
    rates, across, whole = measure_cohorts(everyone, groups, 1.2, draws=40)
    assert [each.name for each in rates] == ["new", "old"]
    for each in (*rates, across, whole):
        (fnmr, fmr), pairs = slow_rates(everyone, groups, 1.2, each.name)
        assert [each.fnmr, each.fmr] == pytest.approx([fnmr, fmr], nan_ok=True)
        assert (each.same, each.different) == (pairs[True], pairs[False])
    assert whole.fmr_interval is not None
    assert whole.fmr_interval.low <= whole.fmr <= whole.fmr_interval.high


def test_groups_come_from_a_column_and_what_it_does_not_tell_is_counted(folder, tmp_path):
    (tmp_path / "x.csv").write_text("who,decade\nAda,1990\nBob,1980\nCy,1980\nDi,\n")
    found = cohorts(LabelledSet(folder, draws=10), tmp_path / "x.csv", "decade", threshold=1.0)
    assert [(each.name, each.people, each.pictures) for each in found.cohorts] == [("1980", 2, 4), ("1990", 1, 4)]
    assert found.unlabelled == 3  # of Di, of whom nothing is said, and of Ed, who is not in it
    assert np.isnan(found.cohorts[1].fmr)  # one person alone
    with pytest.raises(MisuseError, match="no column 'age'"):
        cohorts(LabelledSet(folder), tmp_path / "x.csv", "age", threshold=1)
    (tmp_path / "x.csv").write_text("who,decade\nZoe,1990\n")
    with pytest.raises(MisuseError, match="has none of these people"):
        cohorts(LabelledSet(folder), tmp_path / "x.csv", "decade", threshold=1)


def test_a_threshold_at_a_rate_lets_that_share_of_all_pairs_of_two_pass(folder, tmp_path):
    (tmp_path / "x.csv").write_text("who,kind\n" + "\n".join(f"{name},all" for name in PEOPLE))
    found = cohorts(LabelledSet(folder, draws=0), tmp_path / "x.csv", "kind", far=0.1)
    different = found.overall.different
    assert found.overall.fmr == pytest.approx(int(0.1 * different) / different)
    assert found.overall.fmr_interval is None
    with pytest.raises(MisuseError, match="too few for a rate"):
        cohorts(LabelledSet(folder), tmp_path / "x.csv", "kind", far=1e-6)
    with pytest.raises(MisuseError, match="give one of them"):
        cohorts(LabelledSet(folder), tmp_path / "x.csv", "kind", far=0.1, threshold=1)


def test_an_error_that_nobody_has_gets_no_upper_end(folder):
    everyone = embed_labelled(LabelledSet(folder))
    rates, _, _ = measure_cohorts(everyone, ["all"] * len(everyone.labels), 1e-6, draws=10)
    assert rates[0].fmr == 0
    assert rates[0].fmr_interval is not None
    assert np.isnan(rates[0].fmr_interval.high)
