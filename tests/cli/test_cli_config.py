"""Options set by the environment and by the configuration file."""

from __future__ import annotations

import json

import click
import pytest
from tests.gallery.made import person, photograph
from tests.tasks.family import CARD

from nitakao.cli import defaults
from nitakao.cli.groups import Group
from nitakao.cli.main import main
from nitakao.gallery import GalleryStore


@pytest.fixture
def config(fake, monkeypatch, tmp_path):
    """Writes the configuration file."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("NITAKAO_CONFIG", str(path))
    path.write_text("")
    with GalleryStore("family.db", card=CARD) as gallery:
        for name in ("Ada", "Bob"):
            person(gallery, name, photograph(gallery, f"{name}.jpg", name)[0])
    return lambda text: path.write_text(text, encoding="utf-8")


def entries(run, *arguments):
    code, out, err = run("people", "journal", "--json", "--gallery", "family.db", *arguments)
    assert code == 0, err
    return len(out.splitlines())


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(run, config, monkeypatch):
    run("people", "name", "Ada", "Grace", "--gallery", "family.db")
    run("people", "name", "Bob", "Rob", "--gallery", "family.db")
    everything = entries(run)
    assert everything >= 2
    config("[people.journal]\nlimit = 1\n")
    assert entries(run) == 1
    monkeypatch.setenv("NITAKAO_PEOPLE_JOURNAL_LIMIT", "2")
    assert entries(run) == 2
    assert entries(run, "--limit", "1") == 1


def test_a_gallery_above_the_tables_is_that_of_every_command(run, config):
    config('gallery = "family.db"\n[people.list]\njson = true\n')
    assert [json.loads(line)["name"] for line in run("people", "list")[1].splitlines()] == ["Ada", "Bob"]
    assert [json.loads(line)["name"] for line in run("people")[1].splitlines()] == ["Ada", "Bob"]


def test_a_choice_of_output_can_be_set_everywhere(run, config, monkeypatch):
    config('gallery = "family.db"\n[search]\njson = true\nlimit = 1\nexclude = []\n')
    code, out, err = run("search", "face:1")
    assert code == 0, err
    assert json.loads(out)["rank"] == 1
    config('gallery = "family.db"\n')
    monkeypatch.setenv("NITAKAO_SEARCH_JSON", "1")
    assert json.loads(run("search", "face:1")[1])["rank"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[serch]\nlimit = 1\n", "there is no command 'serch'"),
        ("limit = 1\n", "there is no setting 'limit' above the tables"),
        ("[search]\nlimits = 1\n", "[search] limits: 'nitakao search' has no option --limits"),
        ('[search]\nlimit = "one"\n', "[search] limit is a whole number, not 'one'"),
        ("[search]\nlimit = true\n", "[search] limit is a whole number, not True"),
        ("[search]\njson = 1\n", "[search] json is true or false, not 1"),
        ('[search]\nexclude = "face:1"\n', "[search] exclude is a list of strings, not 'face:1'"),
        ('[search]\nfaces = "ugliest"\n', "[search] faces: 'ugliest' is not one of"),
        ("[search\n", "is not a readable TOML file"),
    ],
)
def test_what_the_file_cannot_set_is_told_in_one_sentence(run, config, text, message):
    config(text)
    code, out, err = run("search", "face:1", "--gallery", "family.db")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_a_missing_file_is_an_error_only_if_it_was_named(run, config, monkeypatch, tmp_path):
    monkeypatch.setenv("NITAKAO_CONFIG", "missing.toml")
    assert "NITAKAO_CONFIG names 'missing.toml'" in run("people", "--gallery", "family.db")[2]
    monkeypatch.delenv("NITAKAO_CONFIG")
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path))
    assert run("people", "--gallery", "family.db")[0] == 0


def walk(command=main, words=(), above=None):
    context = click.Context(command, parent=above, info_name=words[-1] if words else "nitakao")
    yield words, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*words, name), context)


def test_every_option_has_a_variable_of_its_own():
    variables = [
        defaults.variable(*words, defaults.long_name(option))
        for words, command, _ in walk()
        for option in command.params
        if isinstance(option, click.Option)
    ]
    fixed = ["GALLERY", "HOME", "MODELS", "CACHE", "OFFLINE", "MIRROR", "USER", "CONFIG", "COMPLETE"]
    variables += [f"NITAKAO_{name}" for name in fixed]
    assert len(set(variables)) == len(variables)


def test_summaries_are_the_commands_own_and_fit_in_80_columns():
    for words, command, context in walk():
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                summary = below.get_short_help_str(200)
                if isinstance(command, Group):
                    lazy = [each[name].summary for each in command.sections.values() if name in each]
                    assert lazy in ([], [summary.rstrip(".") + "."], [summary]), (*words, name)
            longest = max(len(name) for name in command.list_commands(context))
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                text = below.get_short_help_str(200)
                assert 2 + longest + 2 + len(text) <= 80, (*words, name)


def test_the_help_of_any_command_is_shown_by_name(run):
    assert run("help", "people", "name")[1] == run("people", "name", "--help")[1]
    assert run("help")[1] == run("--help")[1]
    code, _, err = run("help", "people", "rename")
    assert (code, "has no command 'rename'" in err) == (2, True)


def test_the_help_lists_commands_in_groups(run):
    out = run("--help")[1]
    for title in ("Start here:", "People:", "Gallery:", "Models and evaluation:"):
        assert title in out


def test_nitakao_alone_says_what_to_do_next(run):
    code, out, err = run()
    assert (code, out) == (0, run("--help")[1])
    assert err.startswith("Next: ")
    assert run("-q")[2] == ""


def test_options_of_serve_before_a_command_for_keys_are_refused(run, config):
    code, _, err = run("serve", "--gallery", "family.db", "keys", "list")
    assert (code, "give --gallery after the command" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (["people"], "un", ["unhide", "undo"]),
        (["gallery"], "re", ["repair", "reindex"]),
        (["serve", "keys"], "", ["create", "list", "revoke"]),
        (["help", "people"], "m", ["merge", "move"]),
        (["cluster", "--method"], "h", ["hdbscan"]),
        (["embed", "--model"], "facenet-v", ["facenet-vggface2"]),
    ],
)
def test_commands_and_values_are_completed(words, incomplete, expected):
    from click.shell_completion import ShellComplete

    found = ShellComplete(main, {}, "nitakao", "_NITAKAO_COMPLETE").get_completions(words, incomplete)
    assert sorted(item.value for item in found) == sorted(expected)
