"""The shipped cards, and finding those that users bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from nitakao.errors import CardError, ModelError
from nitakao.models.cards import registry
from nitakao.models.cards.registry import card, cards, dump, parse, read, user_cards
from nitakao.values import ModelCard

OWN = dump(card("dlib-resnet")).replace('name = "dlib-resnet"', 'name = "mine"')


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NITAKAO_MODELS", "NITAKAO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "models").mkdir(parents=True)
    return tmp_path / "home"


@pytest.mark.parametrize("shipped", cards(), ids=lambda c: c.name)
def test_a_shipped_card_says_all_that_must_travel_with_its_weights(shipped: ModelCard) -> None:
    assert shipped.threshold > 0
    assert shipped.threshold_source
    assert shipped.origin.startswith("https://")
    assert shipped.title
    assert shipped.data_licence != "not stated"
    assert shipped.weights_licence
    assert shipped.network in ("dlib_resnet", "facenet", "onnx", "openface")
    assert parse(dump(shipped), "again") == shipped


def test_the_default_comes_first_and_needs_no_download() -> None:
    first = cards()[0]
    assert first.name == registry.DEFAULT
    assert first.commercial == "allowed"
    assert all(f.package and f.sha256 for f in first.files)


def test_every_shipped_card_file_is_listed() -> None:
    folder = Path(registry.__file__).parent
    assert sorted(p.stem for p in folder.glob("*.toml")) == sorted(c.name for c in cards())


def test_a_card_without_a_certain_hash_says_so() -> None:
    for shipped in cards():
        if any(f.urls and not f.sha256 for f in shipped.files):
            assert "hash" in shipped.note
            assert "first use" in shipped.note


def test_an_unknown_name_is_answered_with_the_near_one() -> None:
    with pytest.raises(ModelError, match=r"no model 'facenet-vgface2': did you mean facenet-vggface2\?"):
        card("facenet-vgface2")
    with pytest.raises(ModelError, match="choose one of dlib-resnet, facenet-vggface2"):
        card("???")


def test_a_card_is_found_by_its_path_and_by_that_of_its_network(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(OWN, "utf-8")
    for path in ("net.toml", "net.onnx"):
        found = card(str(tmp_path / path))
        assert found.name == "mine"
        assert found.files[0].folder == str(tmp_path)


def test_a_network_without_a_card_is_told_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.onnx has no card: write net\.toml next to it"):
        card(str(tmp_path / "net.onnx"))


def test_users_cards_are_found_by_name_in_their_folders(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "models" / "a.toml").write_text(OWN, "utf-8")
    assert card("mine").name == "mine"
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "b.toml").write_text(OWN.replace('"mine"', '"顔"'), "utf-8")
    monkeypatch.setenv("NITAKAO_MODELS", str(theirs))
    assert card("顔").files[0].folder == str(theirs)


def test_a_broken_card_is_told_and_hides_no_other(home: Path) -> None:
    (home / "models" / "a.toml").write_text("name = ", "utf-8")
    (home / "models" / "b.toml").write_bytes(b"\xff")
    (home / "models" / "c.toml").write_text(OWN, "utf-8")
    found, problems = user_cards()
    assert [c.name for c in found] == ["mine"]
    assert len(problems) == 2
    with pytest.raises(CardError, match=r"a\.toml: invalid TOML"):
        card("a")


def test_a_shipped_name_cannot_be_taken_over(home: Path) -> None:
    (home / "models" / "a.toml").write_text(dump(card("sface")).replace("0.637", "9.0"), "utf-8")
    assert card("sface").threshold == 0.637
    assert "belongs to an included model" in user_cards()[1][0]


@pytest.mark.parametrize(("content", "said"), [(None, "no such card"), (b"\xff\xfe", "not UTF-8 text: invalid")])
def test_a_card_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CardError, match=said):
        read(path)


def test_a_zero_filled_card_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(bytes(3_000_000))
    with pytest.raises(CardError, match="too long"):
        read(path)
