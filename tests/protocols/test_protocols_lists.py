from __future__ import annotations

import pytest
from tests.evaluated import lay

from nitakao.errors import FormatError, MisuseError
from nitakao.protocols import read_columns, read_folder, read_list


def test_a_folder_for_each_person_tells_whose_each_picture_is(tmp_path):
    lay(tmp_path, {"Ada": 2, "Bob": 1})
    (tmp_path / "stray.jpg").write_bytes(b"")
    found = read_folder(tmp_path)
    assert [path.rpartition("/")[2] for path in found.pictures] == ["Ada_0001.jpg", "Ada_0002.jpg", "Bob_0001.jpg"]
    assert found.labels == ("Ada", "Ada", "Bob")
    assert found.person_ids.tolist() == [0, 0, 1]


def test_a_folder_without_people_is_told(tmp_path):
    with pytest.raises(MisuseError, match="no such folder"):
        read_folder(tmp_path / "missing")
    (tmp_path / "stray.jpg").write_bytes(b"")
    with pytest.raises(MisuseError, match="one subfolder per person is expected"):
        read_folder(tmp_path)


def test_a_list_names_people_after_a_tab_or_by_their_folders(tmp_path):
    (tmp_path / "list.txt").write_text("Ada/1.jpg\n\nx/2.jpg\tBob Dole\n", encoding="utf-8")
    found = read_list(tmp_path / "list.txt")
    assert found.pictures == (str(tmp_path / "Ada/1.jpg"), str(tmp_path / "x/2.jpg"))
    assert found.labels == ("Ada", "Bob Dole")
    assert read_list(tmp_path / "list.txt", tmp_path / "deep").pictures[0] == str(tmp_path / "deep" / "Ada/1.jpg")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(FormatError, match="lists no pictures"):
        read_list(tmp_path / "empty.txt")


def test_columns_say_things_of_people_and_of_single_pictures(tmp_path):
    (tmp_path / "x.csv").write_text("who,eyewear,decade\nAda,none,1990\nAda_0002.jpg,glasses,1990\n")
    found = read_columns(tmp_path / "x.csv")
    assert found.value("eyewear", "deep/Ada_0001.jpg", "Ada") == "none"
    assert found.value("eyewear", "deep/Ada_0002.jpg", "Ada") == "glasses"
    assert found.value("decade", "Bob_0001.jpg", "Bob") == ""
    with pytest.raises(MisuseError, match="no column 'who': choose one of eyewear, decade"):
        found.value("who", "", "Ada")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not start with a line of at least two different column names"),
        ("who\nAda\n", "does not start"),
        ("who,a,a\n", "different column names"),
        ("who,a\nAda\n", "1 columns in line 2, not 2"),
        ("who,a\nAda,1\nAda,2\n", "two lines for 'Ada'"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, text, said):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(FormatError, match=said):
        read_columns(tmp_path / "x.csv")
