"""The command as it is installed: start-up, pipes, signals, and the embedded default on a real photograph."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from nitakao.vectors import read

COMMAND = str(Path(sysconfig.get_path("scripts")) / "nitakao")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, and no state of the user's."""
    if shutil.which(COMMAND) is None:
        pytest.skip("the command nitakao is not installed beside this Python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NITAKAO_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def astronaut(here):
    """photos/ with scikit-image's astronaut under several names, a text called .jpg, and a truncated JPEG."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-image, whose astronaut is a sample picture, is not installed")
    picture = Path(spec.submodule_search_locations[0]) / "data" / "astronaut.png"
    folder = here / "photos"
    folder.mkdir()
    for name in ("宇宙飛行士.png", "b.png", "c.png", "d.png"):
        shutil.copy(picture, folder / name)
    (folder / "text.jpg").write_text("not a picture\n")
    (folder / "short.png").write_bytes(picture.read_bytes()[:50_000])
    return folder


def nitakao(*arguments, **options):
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, **options
    )


@pytest.mark.skipif(os.name != "posix", reason="the processor time of children is told on POSIX only")
def test_help_comes_at_once(here):
    import resource

    def seconds(*command):
        """Processor time, which does not depend on what else runs."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds(COMMAND, "--help")  # byte code is compiled and the disk is warm
    helped = min(seconds(COMMAND, "--help") for _ in range(3))
    assert helped - min(seconds(sys.executable, "-c", "pass") for _ in range(3)) < 0.15


def test_help_loads_no_library_that_is_slow_to_load(here):
    slow = ("numpy", "onnxruntime", "cv2", "PIL", "rich")
    code = f"import sys, nitakao.cli.main; print([m for m in {slow} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_misuse_and_failure_have_their_exit_codes(here):
    assert nitakao("embed").returncode == 2
    assert nitakao("embed", "nobody.jpg", "-o", "a.npz").returncode == 2
    assert nitakao("verify", "--vectors", "missing.npz", "a", "b").returncode == 1


def test_photographs_become_vectors_and_a_bad_one_stops_nothing(astronaut):
    done = nitakao("embed", "photos", "-o", "faces.npz", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["photos"], summary["faces"], summary["unreadable"]) == (6, 4, 2)
    assert "'photos/text.jpg'" in done.stderr
    assert "'photos/short.png'" in done.stderr
    found = read("faces.npz")
    assert (found.model, found.dimension) == ("dlib-resnet", 128)
    verdict = json.loads(nitakao("verify", "--vectors", "faces.npz", "b.png", "宇宙飛行士.png", "--json").stdout)
    assert verdict["verdict"] == "same"
    assert verdict["distance"] == pytest.approx(0, abs=1e-5)


def test_a_text_file_called_jpg_alone_is_a_failure(astronaut):
    done = nitakao("embed", "photos/text.jpg", "-o", "a.npz")
    assert done.returncode == 1
    assert not os.path.exists("a.npz")


def wait_for(happened, process):
    until = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_whole_file(astronaut, kind):
    command = [COMMAND, "embed", "-", "-o", "faces.csv", "--crops", "crops", "--detector", "none"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"photos/b.png\n" * 300)  # and the list does not end: the run waits for more
        process.stdin.flush()
        wait_for(lambda: os.path.isdir("crops") and os.listdir("crops"), process)
        process.send_signal(kind)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"saved in 'faces.csv'" in err
    assert len(read("faces.csv").names) >= 1
    assert not [name for name in os.listdir(".") if name.startswith(".nitakao")]


@pytest.mark.skipif(os.name != "posix", reason="a closed pipe is told by its own signal on POSIX only")
def test_a_reader_that_has_had_enough_ends_the_run_quietly(astronaut):
    command = [
        COMMAND,
        "detect",
        "--json",
        "-q",
        "--detector",
        "none",
        *["photos/b.png"] * 400,
    ]  # more than a pipe holds
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 141
    assert err == b""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_shows_a_bar_with_rate(astronaut):
    import pty

    ours, theirs = pty.openpty()
    command = [COMMAND, "embed", "photos", "-o", "faces.npz"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # Linux tells the end of a terminal so
                break
            if not more:
                break
            shown += more
        os.close(ours)
        assert process.stdout is not None
        assert b"4 faces in 'faces.npz'" in process.stdout.read()
    assert process.returncode == 0
    assert b"6/6" in shown
    assert b"a second" in shown
    assert b"'photos/text.jpg'" in shown
