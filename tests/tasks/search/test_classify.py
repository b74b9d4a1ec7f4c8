from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from tests.gallery.made import person, photograph, vector
from tests.tasks.family import CARD, hide, prepare

from nitakao.classifiers import METHODS, files
from nitakao.errors import FormatError, MissingExtraError, MisuseError, NitakaoError
from nitakao.gallery import GalleryStore
from nitakao.tasks.search import classify as task
from nitakao.tasks.search.classify import classify, read_classifier, report, save_classifier, train_classifier

NAMES = ("Ada", "Bob", "山田 太郎", 'O\'Brien\n"x"', "Zoë", "Eve")


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    monkeypatch.setattr(task, "load_card", lambda model: CARD if model == "fake" else model)
    with GalleryStore(tmp_path / "family.db", card=CARD) as made:
        yield made


@pytest.fixture
def people(gallery):
    """Six people; the first with four pictures each, the last with one."""
    for name in NAMES:
        seed = {"Ada": "ada.jpg0", "Bob": "bob.jpg0"}.get(name, name)
        taken = [photograph(gallery, f"{seed}{n}.jpg", seed)[0] for n in range(1 if name == "Eve" else 4)]
        person(gallery, name, *taken)
    return gallery


@pytest.mark.parametrize("method", METHODS)
def test_people_are_recognised_in_photographs_and_strangers_are_nobody(people, method):
    found = list(
        classify(
            train_classifier(people, method=method), ["ada.jpg", "bob.jpg", "zoe.jpg", "none.jpg", "unreadable.jpg"]
        )
    )
    assert [[guess.name for guess in one.guesses] for one in found] == [["Ada"], ["Bob"], [""], [], []]
    assert found[2].guesses[0].likeliest in NAMES
    assert found[2].guesses[0].score < found[0].guesses[0].score
    assert found[3].outcome.problem
    assert found[4].outcome.problem


@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_comes_back_from_its_file_as_it_was(people, tmp_path, method):
    made = train_classifier(people, method=method)
    save_classifier(made, tmp_path / "people.skops")
    back = read_classifier(tmp_path / "people.skops")
    rows = np.stack([vector(name, "elsewhere", 0, 16) for name in NAMES])
    for ours, theirs in zip(made.guess(rows), back.guess(rows), strict=True):
        assert (ours == theirs).all()
    assert (back.people, back.threshold, back.faces) == (made.people, made.threshold, 21)
    assert (back.model, back.fingerprint) == (CARD.name, CARD.fingerprint)
    assert [p.name for p in tmp_path.iterdir() if ".part" in p.name] == []


def test_a_saved_classifier_works_without_the_gallery(people, tmp_path):
    save_classifier(train_classifier(people), tmp_path / "people.skops")
    (found,) = classify(tmp_path / "people.skops", ["ada.jpg"])
    assert found.guesses[0].name == "Ada"


def test_hidden_people_and_those_without_a_name_are_not_learnt(people):
    from nitakao.gallery.people import find_person

    hide(people, find_person(people, "Bob"))
    person(people, None, *photograph(people, "someone.jpg", "someone"))
    assert train_classifier(people).people == tuple(sorted(set(NAMES) - {"Bob"}))


@pytest.mark.parametrize("method", METHODS)
def test_a_report_tries_faces_on_classifiers_that_did_not_see_their_photographs(people, method):
    steps: list[int] = []
    found = report(people, method=method, step=lambda: steps.append(1))
    tried = {one.name: one for one in found.people}
    assert (tried["Ada"].faces, tried["Ada"].tried) == (4, 4)
    assert (tried["Eve"].faces, tried["Eve"].tried) == (1, 0)
    assert found.left_out == 1
    assert found.wrong == 0
    assert all(one.right + one.refused + one.wrong == one.tried for one in found.people)
    assert found.strangers == 21
    assert 10 <= found.refused <= 21
    assert len(steps) > 5


@pytest.mark.parametrize("method", METHODS)
def test_one_picture_of_each_person_is_enough_to_learn_and_can_not_be_tried(gallery, method):
    for number in range(5):
        person(gallery, f"P{number}", *photograph(gallery, f"{number}.jpg", f"p{number}"))
    made = train_classifier(gallery, method=method)
    people, _ = made.guess(np.stack([vector(f"p{number}", "elsewhere", 0, 16) for number in range(5)]))
    assert people.tolist() == [0, 1, 2, 3, 4]
    found = report(gallery, method=method)
    assert (found.tried, found.left_out, found.strangers) == (0, 5, 5)


def test_no_photograph_is_trained_on_and_tried(gallery):
    from nitakao.classifiers.cross_validation import _folds

    for n in range(6):
        first, second, third = photograph(gallery, f"{n}.jpg", "a", "b", "c")
        for name, face in (("A", first), ("B", second), ("C", third)):
            from nitakao.gallery import people as persons

            with persons.begin_edit(gallery, "made") as edit:
                number = persons.find_person(gallery, name, edit.connection) if n else edit.create(name)
                edit.assign([face], number, "hand")
    examples = task._examples(gallery)
    for training, tried in _folds(examples):
        assert not set(examples.photos[training]) & set(examples.photos[tried])
        assert set(examples.people[tried]) <= set(examples.people[training])


def test_too_few_people_are_told(gallery):
    with pytest.raises(MisuseError, match="3 people with a name are needed to learn from, and there are 0"):
        train_classifier(gallery)
    for number in range(3):
        person(gallery, f"P{number}", *photograph(gallery, f"{number}.jpg", f"p{number}"))
    assert train_classifier(gallery).people == ("P0", "P1", "P2")
    with pytest.raises(MisuseError, match="4 people with a name are needed for a report"):
        report(gallery)


def test_a_method_and_a_share_have_to_be_ones(people):
    with pytest.raises(MisuseError, match="no method 'forest'"):
        train_classifier(people, method="forest")  # type: ignore[arg-type]
    with pytest.raises(MisuseError, match="lies between 0 and 1, not 1"):
        train_classifier(people, refuse=1)


def test_more_strangers_are_refused_the_higher_the_share(people):
    thresholds = [train_classifier(people, refuse=share).threshold for share in (0.2, 0.6, 0.99)]
    assert thresholds == sorted(thresholds)


def test_another_models_classifier_is_refused(people, tmp_path, monkeypatch):
    from dataclasses import replace

    made = train_classifier(people)
    with pytest.raises(MisuseError, match="trained on fake vectors, not other"):
        classify(made, ["ada.jpg"], model=replace(CARD, name="other"))
    monkeypatch.setattr(task, "load_card", lambda model: replace(CARD, unit_length=False))
    with pytest.raises(MisuseError, match="another card of the name fake"):
        classify(made, ["ada.jpg"])


def hostile(path, change):
    """The file again, its description changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described = json.loads(members["schema.json"])
    change(described, members)
    members["schema.json"] = json.dumps(described).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    path.write_bytes(written.getvalue())


def asks_for_system(described, _):
    described["content"]["kind"] = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "FunctionNode",
        "content": {"module_path": "os", "function": "system"},
    }


def asks_for_a_trusted_class_of_another_kind(described, _):
    described["content"]["estimator"].update(__class__="Pipeline", __module__="sklearn.pipeline")


def asks_for_ours_by_another_loader(described, _):
    described["content"]["estimator"]["__loader__"] = "MethodNode"


def has_an_array_of_objects(described, members):
    name = next(name for name in members if name.endswith(".npy"))
    written = io.BytesIO()
    np.save(written, np.array([print], object), allow_pickle=True)
    members[name] = written.getvalue()


def has_other_people(described, _):
    described["content"]["people"]["content"].pop()


def has_another_kind(described, _):
    described["content"]["kind"]["content"] = '"nitakao classifier 99"'


def has_an_array_that_is_not_there(described, members):
    del members[next(name for name in members if name.endswith(".npy"))]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (asks_for_system, r"asks for os\.system, and nothing of it was run"),
        (asks_for_a_trusted_class_of_another_kind, r"asks for sklearn\.pipeline\.Pipeline"),
        (asks_for_ours_by_another_loader, "LogisticRegression, and nothing of it was run"),
        (has_an_array_of_objects, "is damaged, or is none"),
        (has_other_people, "knows other people than it names"),
        (has_another_kind, "not of the kind that this nitakao writes"),
        (has_an_array_that_is_not_there, "is damaged, or is none"),
    ],
)
def test_a_hostile_or_damaged_file_is_refused_in_a_sentence(people, tmp_path, change, said, capsys):
    path = tmp_path / "people.skops"
    save_classifier(train_classifier(people), path)
    hostile(path, change)
    with pytest.raises(FormatError, match=said):
        read_classifier(path)
    assert capsys.readouterr().out == ""


def test_files_that_are_no_classifiers_are_refused(tmp_path, people):
    path = tmp_path / "x.skops"
    for data in (b"", b"PK\x05\x06" + bytes(18), b"not a zip at all", bytes(1000)):
        path.write_bytes(data)
        with pytest.raises(FormatError, match=r"is no classifier, or is damaged"):
            read_classifier(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{" + " " * 10_000_000 + "}")
    with pytest.raises(FormatError, match="it is packed"):
        read_classifier(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "[" * 100_000)
    with pytest.raises(FormatError, match="is no classifier, or is damaged"):
        read_classifier(path)
    with pytest.raises(NitakaoError, match="cannot be read: No such file"):
        read_classifier(tmp_path / "missing.skops")
    with pytest.raises(NitakaoError, match="cannot be written: No such file"):
        save_classifier(train_classifier(people), tmp_path / "nowhere" / "x.skops")


@pytest.mark.parametrize("cut", [10, 100, 1000, -1])
def test_a_file_that_ends_too_early_is_refused(people, tmp_path, cut):
    path = tmp_path / "people.skops"
    save_classifier(train_classifier(people), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError):
        read_classifier(path)


def test_without_scikit_learn_the_pip_line_is_told(people, monkeypatch):
    import sys

    for name in ("sklearn.linear_model", "skops.io", "threadpoolctl"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingExtraError, match=r"nitakao\[learn\]"):
            save_classifier(train_classifier(people), "x.skops")
    with pytest.raises(MissingExtraError, match=r"nitakao\[learn\]"):
        files._skops()
