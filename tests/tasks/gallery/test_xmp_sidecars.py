"""Names between a gallery and side-cars, on real JPEGs in every way up."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests import fakes
from tests.gallery.made import person

from nitakao.errors import MisuseError
from nitakao.gallery import GalleryStore, enrol, people
from nitakao.gallery.photos import stream_photos
from nitakao.photos import xmp
from nitakao.tasks.gallery.people import undo
from nitakao.tasks.gallery.xmp_sidecars import export_xmp, import_xmp
from nitakao.values import NewFace, Quality


@pytest.fixture
def gallery(tmp_path):
    with GalleryStore(tmp_path / "family.db", card=fakes.CARD) as made:
        yield made


def picture(gallery: GalleryStore, path: Path, count: int = 2, orientation: int = 1) -> list[int]:
    """The numbers of the faces of a real JPEG of 200 x 100, upright, as indexing it would keep them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise = np.random.default_rng([*os.fsencode(path), orientation]).integers(0, 256, (100, 200, 3), np.uint8)
    Image.fromarray(noise if orientation < 5 else noise.swapaxes(0, 1)).save(path, "JPEG", exif=exif)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    found = tuple(NewFace(fakes.face(n), fakes.vector(f"{path}{n}"), Quality()) for n in range(count))
    state = os.stat(path)
    file = enrol.FileInfo(str(path), state.st_size, state.st_mtime_ns)
    (one,) = enrol.enrol(gallery, [enrol.ScannedFile(file, sha, (200, 100), found, detector="made")])
    return list(one.faces)


def names(gallery: GalleryStore) -> list[str]:
    return [kept.name for one in stream_photos(gallery) for kept in one.faces]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8, 5])
def test_names_go_out_and_come_back_whichever_way_up_the_photograph_lies(gallery, tmp_path, orientation):
    path = tmp_path / "photos" / "a.jpg"
    ada, bob = picture(gallery, path, orientation=orientation)
    person(gallery, "Ada", ada)
    person(gallery, "Bob", bob)
    (one,) = export_xmp(gallery)
    assert (one.path, one.status, one.names) == (f"{path}.xmp", "written", ("Ada", "Bob"))
    regions = xmp.read_regions(Path(one.path).read_bytes(), xmp.Frame((200, 100), orientation))
    assert np.allclose(regions[0].box, (0.05, 0.1, 0.21, 0.42), atol=1e-5)
    with people.begin_edit(gallery, "test") as edit:
        edit.drop(*(p.id for p in people.people(gallery)))
    assert names(gallery) == ["", ""]
    told = import_xmp(gallery)
    assert (told.photos, told.named, told.unmatched, told.problems) == (1, 2, 0, [])
    assert names(gallery) == ["Ada", "Bob"]
    undo(gallery)
    assert names(gallery) == ["", ""]


def test_a_dry_run_writes_nothing(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    person(gallery, "Ada", ada)
    before = sorted(os.listdir(tmp_path))
    (one,) = export_xmp(gallery, dry_run=True)
    assert one.status == "written"
    assert sorted(os.listdir(tmp_path)) == before


def test_a_second_export_leaves_files_as_they_are(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    person(gallery, "Ada", ada)
    (first,) = export_xmp(gallery)
    os.utime(first.path, ns=(1, 1))
    (again,) = export_xmp(gallery)
    assert again.status == "unchanged"
    assert os.stat(first.path).st_mtime_ns == 1


def test_a_new_name_takes_the_place_of_the_old_one(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    number = person(gallery, "Ada", ada)
    list(export_xmp(gallery))
    with people.begin_edit(gallery, "name") as edit:
        edit.rename(number, "Countess")
    (one,) = export_xmp(gallery)
    text = Path(one.path).read_text("utf-8")
    assert "Countess" in text
    assert "Ada" not in text


def test_photographs_without_names_and_hidden_people_get_no_side_car(gallery, tmp_path):
    picture(gallery, tmp_path / "a.jpg", 1)
    (bob,) = picture(gallery, tmp_path / "b.jpg", 1)
    number = person(gallery, "Bob", bob)
    with people.begin_edit(gallery, "hide") as edit:
        edit.hide(number, True)
    assert list(export_xmp(gallery)) == []


def test_the_name_without_ending_is_written_where_asked_and_always_read(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    number = person(gallery, "Ada", ada)
    (one,) = export_xmp(gallery, without_ending=True)
    assert one.path == str(tmp_path / "a.xmp")
    with people.begin_edit(gallery, "test") as edit:
        edit.drop(number)
    assert import_xmp(gallery, [str(tmp_path / "a.jpg")]).named == 1


def test_what_lies_in_the_photograph_itself_is_read(gallery, tmp_path):
    frame = xmp.Frame((200, 100))
    inner = xmp.write_regions(None, [xmp.Region("Ada", (0.05, 0.1, 0.21, 0.42))], frame)
    picture(gallery, tmp_path / "a.jpg", 1)
    image = Image.open(tmp_path / "a.jpg")
    image.save(tmp_path / "b.jpg", "JPEG", xmp=inner)
    data = (tmp_path / "b.jpg").read_bytes()
    looked = enrol.ScannedFile(
        enrol.FileInfo(str(tmp_path / "b.jpg"), len(data), 0),
        hashlib.sha256(data).hexdigest(),
        (200, 100),
        (NewFace(fakes.face(), fakes.vector("b"), Quality()),),
        detector="made",
    )
    enrol.enrol(gallery, [looked])
    assert import_xmp(gallery, [str(tmp_path / "b.jpg")]).named == 1


@pytest.mark.parametrize("bad", [b"no xmp", b'<!DOCTYPE x [<!ENTITY a "b">]><a/>', b"x" * (9 << 20)])
def test_a_damaged_or_hostile_side_car_is_named_and_left_as_it_is(gallery, tmp_path, bad):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    side = tmp_path / "a.jpg.xmp"
    side.write_bytes(bad)
    told = import_xmp(gallery)
    assert str(side) in told.problems[0]
    person(gallery, "Ada", ada)
    (one,) = export_xmp(gallery)
    assert one.status == "problem"
    assert str(side) in one.problem
    assert side.read_bytes() == bad


def test_a_photograph_that_has_changed_is_left_alone(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    person(gallery, "Ada", ada)
    Image.new("RGB", (50, 50)).save(tmp_path / "a.jpg")
    (one,) = export_xmp(gallery)
    assert one.status == "problem"
    assert "changed since it was indexed" in one.problem
    assert "changed since it was indexed" in import_xmp(gallery).problems[0]


def test_photographs_that_are_gone_are_named_by_export_and_passed_by_on_import(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    person(gallery, "Ada", ada)
    os.unlink(tmp_path / "a.jpg")
    (one,) = export_xmp(gallery)
    assert one.status == "problem"
    assert import_xmp(gallery).photos == 0


def test_names_for_faces_that_the_gallery_does_not_have_are_counted(gallery, tmp_path):
    picture(gallery, tmp_path / "a.jpg", 1)
    far = xmp.write_regions(None, [xmp.Region("Ada", (0.8, 0.5, 0.9, 0.9))], xmp.Frame((200, 100)))
    (tmp_path / "a.jpg.xmp").write_bytes(far)
    told = import_xmp(gallery)
    assert (told.named, told.unmatched) == (0, 1)


def test_a_dry_run_of_an_import_only_counts(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    number = person(gallery, "Ada", ada)
    list(export_xmp(gallery))
    with people.begin_edit(gallery, "test") as edit:
        edit.drop(number)
    assert import_xmp(gallery, dry_run=True).named == 1
    assert names(gallery) == [""]


def test_what_is_not_in_the_gallery_is_named(gallery, tmp_path):
    Image.new("RGB", (50, 50)).save(tmp_path / "new.jpg")
    told = import_xmp(gallery, [str(tmp_path / "new.jpg")])
    assert "does not have it" in told.problems[0]
    with pytest.raises(MisuseError):
        import_xmp(gallery, [str(tmp_path / "nothing.jpg")])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the system's owner may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_named(gallery, tmp_path):
    (ada,) = picture(gallery, tmp_path / "locked" / "a.jpg", 1)
    person(gallery, "Ada", ada)
    (tmp_path / "locked").chmod(0o500)
    (one,) = export_xmp(gallery)
    (tmp_path / "locked").chmod(0o700)
    assert one.status == "problem"
    assert os.listdir(tmp_path / "locked") == ["a.jpg"]
