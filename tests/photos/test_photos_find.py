"""What the user names, as files: folders, globs, lists, and every way of naming nothing."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from nitakao.errors import MisuseError
from nitakao.photos import find


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), "red").save(path, "PNG")
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*arguments: str, stdin: bytes | None = None, **options) -> list[str]:
    names = find(arguments, stdin=None if stdin is None else io.BytesIO(stdin), **options)
    return [name.replace(os.sep, "/") for name in names]


def test_files_come_in_the_order_they_were_named(folder):
    for name in ("b.png", "a.png", "家族.png"):
        picture(folder / name)
    assert found("b.png", "家族.png", "a.png") == ["b.png", "家族.png", "a.png"]


def test_a_file_named_outright_comes_whatever_it_is(folder):
    (folder / "notes.txt").write_text("no picture")
    assert found("notes.txt") == ["notes.txt"]


def test_a_folder_gives_its_pictures_sorted_and_all_below(folder):
    for name in ("in/2.png", "in/10.png", "in/写真/顔.png", "in/a/b/c.png", "in/.hidden/x.png", "in/._2.png"):
        picture(folder / name)
    (folder / "in/read me.txt").write_text("no picture")
    (folder / "in/empty").mkdir()
    assert found("in") == ["in/10.png", "in/2.png", "in/a/b/c.png", "in/写真/顔.png"]


def test_in_a_folder_a_picture_is_known_by_its_ending_or_its_first_bytes(folder):
    picture(folder / "in/no ending")
    picture(folder / "in/picture.dat")
    (folder / "in/broken.JPG").write_text("text called .JPG")
    (folder / "in/empty.bin").write_bytes(b"")
    assert found("in") == ["in/broken.JPG", "in/no ending", "in/picture.dat"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_that_lead_in_circles_are_followed_once(folder):
    picture(folder / "in/a/1.png")
    (folder / "in/a/up").symlink_to(folder / "in")
    (folder / "in/again").symlink_to(folder / "in/a")
    (folder / "in/self").symlink_to("self")
    (folder / "in/dead.png").symlink_to("nowhere.png")
    assert found("in") == ["in/a/1.png", "in/dead.png"]


def test_globs_match_also_below(folder):
    for name in ("x/1.png", "x/2.jpg", "x/y/3.png"):
        picture(folder / name)
    assert found("x/*.png") == ["x/1.png"]
    assert found("x/**/*.png") == ["x/1.png", "x/y/3.png"]
    assert found("x/[12].*") == ["x/1.png", "x/2.jpg"]
    assert found("*") == ["x/1.png", "x/2.jpg", "x/y/3.png"]


def test_names_with_glob_characters_are_names_first(folder):
    for name in ("[1].png", "1.png", "2019 [sea]/1.png", "2019 [sea]/2.png", "s/1.png"):
        picture(folder / name)
    assert found("[1].png") == ["[1].png"]
    assert found("2019 [sea]") == ["2019 [sea]/1.png", "2019 [sea]/2.png"]
    assert found("2019 [sea]/*.png") == ["2019 [sea]/1.png", "2019 [sea]/2.png"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
@pytest.mark.parametrize("last", [True, False])
def test_a_list_on_standard_input_is_lines_or_ends_in_nul(folder, end, last):
    picture(folder / "in/顔 1.png")
    names = ["in/顔 1.png".encode(), b"missing.png", b"in"]
    listed = end.join(names) + (end if last else b"")
    assert found("-", stdin=listed) == ["in/顔 1.png", "missing.png", "in/顔 1.png"]


def test_a_list_may_begin_with_a_byte_order_mark_and_have_empty_lines(folder):
    assert found("-", stdin=b"\xef\xbb\xbfa.png\n\n\nb.png\n") == ["a.png", "b.png"]


def test_a_long_list_is_taken_in_pieces(folder):
    names = [f"picture {number:06}.jpg" for number in range(20_000)]
    assert found("-", stdin="\n".join(names).encode()) == names


def test_a_list_is_worked_on_as_it_comes(folder):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin, os.fdopen(writer, "wb", buffering=0) as list_:
        names = find(["-"], stdin=stdin)
        list_.write(b"1.png\n")
        assert next(names) == "1.png"
        list_.write(b"2.png\n")
        assert next(names) == "2.png"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name at least one"),
        (["missing.jpg"], "no such file or folder: 'missing.jpg'"),
        (["empty"], "no picture in the folder 'empty'"),
        (["*.jpg"], "no file matches"),
        ([""], "is not a valid path"),
        (["a\0b"], "is not a valid path"),
        (["-", "-"], "only once"),
        (["https://example.com/a.jpg"], "only if they are allowed"),
        (["ftp://example.com/a.jpg"], "only http and https"),
        (["file:///etc/passwd"], "only http and https"),
    ],
)
def test_naming_nothing_is_answered_at_once(folder, arguments, message):
    (folder / "empty/deeper").mkdir(parents=True)
    with pytest.raises(MisuseError, match=message):
        find(arguments)


def test_an_empty_list_is_misuse(folder):
    with pytest.raises(MisuseError, match="list on standard input is empty"):
        found("-", stdin=b"\n\n")


def test_addresses_pass_where_urls_are_allowed(folder):
    assert found("https://example.com/顔.jpg", allow_urls=True) == ["https://example.com/顔.jpg"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the system's owner may read everything")
def test_a_folder_that_may_not_be_read_says_so(folder):
    (folder / "locked").mkdir(mode=0)
    with pytest.raises(MisuseError, match="cannot be read"):
        find(["locked"])


def test_videos_of_a_folder_come_only_where_they_are_asked_for(folder):
    picture(folder / "all" / "a.png")
    (folder / "all" / "b.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    (folder / "all" / "c.mp4").write_bytes(b"no video")
    assert found("all") == ["all/a.png"]
    assert found("all", videos=True) == ["all/a.png", "all/b.mp4"]
