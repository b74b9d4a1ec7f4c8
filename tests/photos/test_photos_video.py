"""Videos that OpenCV writes here, whole and spoiled."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from nitakao import photos
from nitakao.errors import MisuseError, PhotoTooLargeError, UnreadablePhotoError
from nitakao.photos import VideoLimits
from nitakao.photos.video import HEADER_BYTES, is_video

KINDS = {  # OpenCV names the codec for each container in its own way
    "mp4": "mp4v",
    "mov": "MJPG",
    "mkv": "mp4v",
    "avi": "MJPG",
    "mpg": "PIM1",
    "ts": "MPG2",
    "wmv": "WMV2",
    "flv": "FLV1",
}


def write(path: Path, seconds: float = 3, rate: float = 20, size: tuple[int, int] = (160, 120)) -> Path:
    """A grey that brightens by 4 levels a frame, with a red corner at the upper left."""
    codec = cv2.VideoWriter.fourcc(*KINDS[path.suffix[1:]])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, rate, size)
    if not writer.isOpened():
        pytest.skip(f"this OpenCV writes no {path.suffix}")
    for number in range(round(seconds * rate)):
        frame = np.full((size[1], size[0], 3), 4 * number % 256, np.uint8)
        frame[:40, :60] = (0, 0, 255)
        writer.write(frame)
    writer.release()
    return path


def taken_at(path: Path, **options: object) -> list[float]:
    return [round(time, 3) for time, _ in photos.read_frames(str(path), **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", KINDS)
def test_videos_are_told_by_content_and_give_frames(tmp_path, ending, capfd):
    path = write(tmp_path / f"video.{ending}").rename(tmp_path / "no ending.txt")
    capfd.readouterr()
    assert photos.looks_like_video(str(path))
    times = taken_at(path)
    assert len(times) in (3, 4)  # MPEG's program streams give the rate as 23.976
    assert times[0] == 0
    assert times[1] == pytest.approx(1, abs=0.06)


def test_a_frame_is_a_photograph_in_rgb_with_its_time(tmp_path):
    path = write(tmp_path / "a.mp4")
    (time, first), (_, second), *_ = photos.read_frames(str(path))
    assert time == 0
    assert first.size == (160, 120)
    assert first.source == str(path)
    red, green, blue = first.pixels[5, 5].astype(int)
    assert red > 180 > 90 > max(green, blue)
    assert second.pixels[100, 100].mean() == pytest.approx(80, abs=6)  # frame 20


def test_every_says_how_far_frames_lie_apart(tmp_path):
    path = write(tmp_path / "a.avi")
    assert taken_at(path, every=0.5) == [0, 0.5, 1, 1.5, 2, 2.5]
    assert taken_at(path, every=100) == [0]
    assert len(taken_at(path, every=0)) == 60


@pytest.mark.parametrize("every", [-1, float("nan"), float("inf")])
def test_frames_cannot_be_taken_every_odd_number_of_seconds(tmp_path, every):
    with pytest.raises(MisuseError, match="interval"):
        taken_at(tmp_path / "a.avi", every=every)


def test_a_video_that_was_filmed_upright_is_shown_upright(tmp_path):
    path = write(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    matrix = data.index(struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30), data.index(b"tkhd"))
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 120 << 16, 0, 1 << 30)
    path.write_bytes(data)
    _, photo = next(photos.read_frames(str(path)))
    assert photo.size == (120, 160)
    assert photo.pixels[5, -5, 0] > 180 > photo.pixels[5, 5, 0]  # the red corner has gone to the right


@pytest.mark.parametrize("name", ["日本 ü.mp4", "img_%02d.mp4", "[a]{b}'c\".mp4", "http:x.mp4"])
def test_odd_names_are_names(tmp_path, name):
    try:
        path = write(tmp_path / "a.mp4").rename(tmp_path / name)
    except OSError:
        pytest.skip("no such name on this system")
    assert len(taken_at(path)) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep names as text")
def test_a_name_that_is_no_text_is_a_name(tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff\xfe.mp4"
    os.rename(write(tmp_path / "a.mp4"), odd)
    assert len([*photos.read_frames(os.fsdecode(odd))]) == 3


@pytest.mark.parametrize("ending", ["avi", "mkv"])
def test_a_truncated_video_gives_its_frames_and_then_says_where_it_breaks_off(tmp_path, ending, capfd):
    path = write(tmp_path / f"a.{ending}", seconds=6)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    capfd.readouterr()
    seen: list[float] = []
    with pytest.raises(UnreadablePhotoError, match=r"'.*' *: the video is truncated after [23]\.\d of 6\.0 seconds"):
        seen.extend(time for time, _ in photos.read_frames(str(path)))
    assert seen[:2] == [0, 1]


@pytest.mark.parametrize(
    "content",
    [b"", b"not a video", b"\0\0\0\x1cftypisom" + bytes(range(256)) * 9, b"\x1aE\xdf\xa3\x80matroska" + bytes(5000)],
    ids=["empty", "text", "mp4", "mkv"],
)
def test_what_is_no_video_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadablePhotoError, match=r"a\.mp4'"):
        taken_at(path)


def test_what_is_not_there_or_no_file_is_refused(tmp_path):
    for path in (tmp_path / "nothing.mp4", tmp_path, "a\0b"):
        with pytest.raises(UnreadablePhotoError):
            taken_at(path)  # type: ignore[arg-type]
        assert not photos.looks_like_video(str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UnreadablePhotoError):
        taken_at(tmp_path / "pipe.mp4")
    assert not photos.looks_like_video(str(tmp_path / "pipe.mp4"))


def test_damage_in_the_middle_ends_in_frames_or_a_sentence(tmp_path):
    path = write(tmp_path / "a.mp4", seconds=5)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(5)
    for _ in range(20):
        spoiled = bytearray(data)
        for at in rng.integers(40, len(data), 60):
            spoiled[at] = rng.integers(256)
        path.write_bytes(spoiled)
        with contextlib.suppress(UnreadablePhotoError, PhotoTooLargeError):
            for time, photo in photos.read_frames(str(path)):
                assert 0 <= time <= VideoLimits().seconds
                assert photo.size == (160, 120)


def test_limits_end_a_video_with_a_sentence_after_what_is_within_them(tmp_path):
    path = write(tmp_path / "a.avi")
    for limits, words in (
        (VideoLimits(seconds=1.5), "longer than the limit of 1.5 seconds"),
        (VideoLimits(frames=30), "more frames than the limit of 30"),
    ):
        seen: list[float] = []
        with pytest.raises(PhotoTooLargeError, match=words):
            seen.extend(time for time, _ in photos.read_frames(str(path), limits=limits))
        assert seen == [0, 1]
    with pytest.raises(PhotoTooLargeError, match="160 x 120"):
        taken_at(path, limits=VideoLimits(pixels=19_199))
    with pytest.raises(MisuseError, match="above 0"):
        VideoLimits(frames=0)


def test_nothing_is_written_to_the_terminal_over_a_damaged_video(tmp_path):
    path = write(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:-400])
    program = "import sys; from nitakao import photos; list(photos.read_frames(sys.argv[1]))"
    ran = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert ran.stderr.splitlines()[0].startswith("Traceback")
    assert "UnreadablePhotoError" in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8\xff\xe0" + bytes(60),
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(60),
        b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(60),
        b"\0\0\0\x18ftypM4A \0\0\0\0M4A " + bytes(60),
        b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + bytes(60),
        b"RIFF\0\0\0\0WAVE" + bytes(60),
        b"#EXTM3U\n" + bytes(60),
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"G" + bytes(HEADER_BYTES),
        b"",
    ],
)
def test_pictures_sound_and_playlists_are_no_videos(head):
    assert not is_video(head)


def test_camcorder_streams_with_times_before_each_packet_are_videos():
    assert is_video((b"\0\0\0\0G" + bytes(187)) * 4)
    assert is_video((b"G" + bytes(187)) * 4)
