from __future__ import annotations

import json
import re
import typing

import click
import pytest

from nitakao import values
from nitakao.cli import options, output
from nitakao.cli.main import main
from nitakao.models.onnx import session
from nitakao.values import Check


def test_the_options_words_are_those_of_the_values():
    assert typing.get_args(values.DetectorName) == options.DETECTORS
    assert typing.get_args(values.Choice) == options.CHOICES
    for device in options.DEVICES:
        session.Device(device)


def commands(command=main, path=("nitakao",)):
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_help_ends_with_one_line_that_can_be_pasted(path, run):
    code, out, _ = run(*path[1:], "--help")
    last = out.rstrip().splitlines()[-1].strip()
    assert code == 0
    assert re.match(r'(eval "\$\()?nitakao ', last), last


def test_the_version_is_printed(run):
    assert run("--version")[1].startswith("nitakao ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(run, shell):
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "_NITAKAO_COMPLETE" in out


def test_names_of_models_are_completed():
    context, parameter = click.Context(main), click.Argument(["model"])
    found = [item.value for item in options.complete_models(context, parameter, "facenet-v")]
    assert found == ["facenet-vggface2"]
    assert options.complete_models(context, parameter, "./car")[0].type == "file"


def test_models_are_listed(run):
    code, out, _ = run("models", "list")
    assert code == 0
    assert out.splitlines()[0].split() == [
        "name",
        "dimension",
        "metric",
        "threshold",
        "commercial",
        "installed",
        "title",
    ]
    assert out.splitlines()[1].startswith("dlib-resnet ")
    first = json.loads(run("models", "list", "--json")[1].splitlines()[0])
    assert (first["name"], first["dimension"], first["commercial"]) == ("dlib-resnet", 128, "allowed")


def test_a_model_is_shown_with_every_field(run):
    card = json.loads(run("models", "show", "facenet-vggface2", "--json")[1])
    assert {"threshold", "threshold_source", "weights_licence", "data_licence", "commercial", "crop"} <= set(card)
    out = run("models", "show", "dlib-resnet")[1]
    assert "weights_licence: " in out
    assert "golden:" not in out


def test_an_unknown_model_offers_its_neighbour(run):
    code, _, err = run("models", "show", "dlib-resnt")
    assert code == 1
    assert "did you mean dlib-resnet?" in err


@pytest.mark.parametrize("failed", [[], ["needed"], ["optional"]])
def test_doctor_fails_only_for_what_is_needed(run, monkeypatch, failed):
    from nitakao.tasks.models import doctor

    checks = [Check("python", True, "3"), Check("needed", "needed" not in failed, "x")]
    checks.append(Check("optional", "optional" not in failed, "y", needed=False))
    monkeypatch.setattr(doctor, "examine", lambda device: checks)
    code, out, _ = run("doctor")
    assert code == (1 if "needed" in failed else 0)
    assert ("FAILED" in out) == ("needed" in failed)
    assert len(run("doctor", "--json")[1].splitlines()) == 3


def test_a_missing_weights_file_is_a_failure_of_models_verify(run, monkeypatch):
    from nitakao.tasks.models import models

    monkeypatch.setattr(models, "verify", lambda name, device: [Check("x.pt", False, "is not here")])
    assert run("models", "verify", "sface")[0] == 1


def test_an_error_of_the_system_is_one_sentence(run, monkeypatch):
    from nitakao.tasks.models import models

    def fail(name):
        raise OSError(28, "No space left on device", "x.onnx")

    monkeypatch.setattr(models, "show", fail)
    code, _, err = run("models", "show", "x")
    assert (code, err) == (1, "nitakao: 'x.onnx': No space left on device\n")


def test_progress_is_a_line_every_ten_seconds_where_there_is_no_terminal(monkeypatch, capsys):
    clock = iter([0.0, 5.0, 12.0, 15.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock, 15.0))
    with output.Voice().progress("photos", total=100) as steps:
        for _ in range(3):
            steps.step(12)
    assert capsys.readouterr().err == "24 of 100 photos, 2.0 a second, 0:38 left\n"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3723, "1:02:03")])
def test_durations_are_read_like_a_clock(seconds, text):
    assert output.format_duration(seconds) == text


def test_a_table_is_aligned_with_numbers_to_the_right(capsys):
    output.table(["n", "name"], [[1, "a"], [20, "bb"], ["-", "c"]])
    assert capsys.readouterr().out == " n  name\n 1  a\n20  bb\n -  c\n"


def test_what_is_not_a_number_is_null_in_json(capsys):
    output.json_line({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": (1,)}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": [1]}}


def test_a_column_is_as_wide_for_letters_that_take_two_places():
    assert output.pad("花子", 6) == "花子  "
    assert output.pad("a\nb", 6) == "a\\nb  "
    assert output.pad("longer than it", 6) == "longer than it"
