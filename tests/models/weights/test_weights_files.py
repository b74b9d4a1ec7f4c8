"""Where weights are looked for, in which order, and what is answered when they are damaged, changed or missing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nitakao.errors import WeightsError
from nitakao.models.cards.registry import MTCNN_WEIGHTS, card
from nitakao.models.weights import files
from nitakao.values import WeightsFile

DATA = b"weights" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
FILE = WeightsFile("net.bin", sha256=SHA, size=len(DATA))
LOOSE = WeightsFile("net.bin")  # no hash is known for it


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NITAKAO_MODELS", "NITAKAO_CACHE", "NITAKAO_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NITAKAO_OFFLINE", "1")
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def put(folder: Path, data: bytes = DATA) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.bin").write_bytes(data)
    return folder / "net.bin"


def test_the_places_are_looked_through_in_order(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAKAO_MODELS", os.pathsep.join([str(tmp_path / "one"), "", str(tmp_path / "two")]))
    cached = put(home / "cache" / "models")
    assert files.locate(FILE) == cached
    mine = put(home / "models")
    assert files.locate(FILE) == mine
    two = put(tmp_path / "two")
    assert files.locate(FILE) == two
    one = put(tmp_path / "one")
    assert files.locate(FILE) == one
    beside = put(tmp_path / "card")
    assert files.locate(WeightsFile("net.bin", folder=str(tmp_path / "card"))) == beside
    given = put(tmp_path / "given")
    assert files.locate(FILE, given=tmp_path / "given") == given
    assert files.locate(FILE, given=one) == one


def test_a_given_file_may_have_any_name_but_must_be_there(tmp_path: Path) -> None:
    path = put(tmp_path).rename(tmp_path / "other-name")
    assert files.locate(FILE, given=path) == path
    with pytest.raises(WeightsError, match="no such file or folder"):
        files.locate(FILE, given=tmp_path / "absent")


def test_the_cache_has_a_place_of_its_own_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAKAO_CACHE", str(tmp_path / "c"))
    cached = put(tmp_path / "c" / "models")
    assert files.locate(FILE) == cached


@pytest.mark.parametrize("file", [*card("dlib-resnet").files, *MTCNN_WEIGHTS], ids=lambda f: f.name)
def test_weights_in_packages_are_found_without_importing_them(file: WeightsFile) -> None:
    path = files.locate(file)
    assert path.name == file.name
    assert path.stat().st_size == file.size


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DATA[:-5], r"net\.bin is truncated: 6,995 of 7,000 bytes; replace it with the right file"),
        (DATA + b"x", r"net\.bin is too long: 7,001 of 7,000 bytes"),
        (b"W" + DATA[1:], r"net\.bin is damaged or the wrong file: its sha256 is [0-9a-f]{16}\.\.\., the card says"),
    ],
)
def test_damaged_weights_are_one_clear_sentence(home: Path, data: bytes, said: str) -> None:
    put(home / "models", data)
    with pytest.raises(WeightsError, match=said) as caught:
        files.locate(FILE)
    assert "\n" not in str(caught.value)


def test_damage_in_the_cache_says_delete_and_in_a_package_says_reinstall(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / "cache" / "models", b"")
    with pytest.raises(WeightsError, match="delete it to download it again"):
        files.locate(FILE)
    (tmp_path / "some_package").mkdir()
    (tmp_path / "some_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    put(tmp_path / "some_package" / "inner", b"")
    monkeypatch.syspath_prepend(str(tmp_path))
    packaged = WeightsFile("p.bin", sha256=SHA, package="some_package", inside="inner/net.bin")
    with pytest.raises(WeightsError, match="pip install --force-reinstall --no-deps some_package"):
        files.locate(packaged)


def test_an_unknown_hash_is_recorded_at_first_use_and_held_to(tmp_path: Path) -> None:
    path = put(tmp_path)
    files.locate(LOOSE, given=path)
    assert (tmp_path / "net.bin.sha256").read_text() == f"{SHA}  net.bin\n"
    files.locate(LOOSE, given=path)
    put(tmp_path, DATA[::-1])
    with pytest.raises(WeightsError, match=r"has changed since its first use: sha256 .* then, .* now; restore"):
        files.locate(LOOSE, given=path)
    files.record_hash(path)
    assert files.locate(LOOSE, given=path) == path


def test_a_file_with_a_known_hash_needs_no_record(tmp_path: Path) -> None:
    files.locate(WeightsFile("net.bin", known=(SHA,)), given=put(tmp_path))
    assert [p.name for p in tmp_path.glob("net*")] == ["net.bin"]


def test_the_record_goes_to_the_cache_where_the_folder_cannot_be_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "fixed")
    (tmp_path / "fixed" / "net.bin.sha256").mkdir()  # stands in for a read-only folder, also for root
    files.locate(LOOSE, given=path)
    assert len(list((home / "cache" / "first-use").iterdir())) == 1
    put(tmp_path / "fixed", b"other")
    with pytest.raises(WeightsError, match="has changed since its first use"):
        files.locate(LOOSE, given=path)


def test_without_any_place_for_a_record_the_file_still_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAKAO_HOME", str(put(tmp_path / "blocked")))
    path = put(tmp_path / "fixed")
    (tmp_path / "fixed" / "net.bin.sha256").mkdir()
    assert files.locate(LOOSE, given=path) == path


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            card("facenet-casia").files[0],
            "NITAKAO_OFFLINE forbids downloads: put it in .*models, from https://github",
        ),
        (card("dlib-taguchi").files[0], r"\.dat\.bz2 \(unpack it\); --model dlib-resnet and .* need no download"),
        (card("facenet-20170512-msceleb").files[0], "cannot be downloaded: create it with 'nitakao models import'"),
        (
            WeightsFile("a", package="not_installed_here", inside="b"),
            "pip install not_installed_here, which includes it",
        ),
        (WeightsFile("a", package="__main__", inside="b"), "pip install __main__"),
    ],
)
def test_missing_weights_say_where_to_put_them_and_what_works_without(file: WeightsFile, said: str) -> None:
    with pytest.raises(WeightsError, match=rf"{file.name} is missing.*{said}" if "unpack" not in said else said):
        files.locate(file)


def test_offline_is_off_for_nothing_and_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.offline()
    for value in ("", "0"):
        monkeypatch.setenv("NITAKAO_OFFLINE", value)
        assert not files.offline()


def test_verify_tells_of_each_file_and_fetches_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NITAKAO_OFFLINE")
    assert [h.problem for h in files.verify(card("dlib-resnet"))] == [""]
    (held,) = files.verify(card("sface"))
    assert held.path is None
    assert "is missing: put it in" in held.problem
    (home / "models").mkdir(parents=True)
    (home / "models" / held.file.name).write_bytes(b"short")
    (held,) = files.verify(card("sface"))
    assert "is truncated: 5 of 38,696,353 bytes" in held.problem


def test_the_shared_facenet_weights_are_known(shared: Path) -> None:
    file = card("facenet-vggface2").files[0]
    assert files.locate(file, given=shared / "models") == shared / "models" / file.name
    assert not (shared / "models" / f"{file.name}.sha256").exists()
