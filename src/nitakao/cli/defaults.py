"""Values of options from the environment and from the configuration file; docs/configuration.md tells users of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nitakao.errors import MisuseError

SHARED = ("device", "gallery")  # keys that may stand above all tables: every command that has the option takes them


def prepare(context: click.Context, name: str, command: click.Command, *, read_file: bool) -> None:
    """Name the environment variable of each option, and put the file's values where click looks for defaults.

    Raises:
        MisuseError: The file cannot be read, or sets something that the command does not have.
    """
    words = [*_words(context), name]
    for option in _options(command).values():
        if option.envvar is None:
            option.envvar = variable(*words, long_name(option))
    if read_file:
        values = _of_command(_file(context), words, command, context)
        context.default_map = {**(context.default_map or {}), name: values}


def variable(*words: str) -> str:
    """The environment variable of an option: NITAKAO_SEARCH_MAX_DISTANCE."""
    return "_".join(["nitakao", *words]).upper().replace("-", "_")


def long_name(option: click.Option) -> str:
    """The option's name without its dashes: 'max-distance'."""
    return next((name for name in option.opts if name.startswith("--")), option.opts[0]).lstrip("-")


def _words(context: click.Context) -> list[str]:
    return [] if context.parent is None else [*_words(context.parent), context.info_name or ""]


def _options(command: click.Command) -> dict[str, click.Option]:
    return {long_name(option): option for option in command.params if isinstance(option, click.Option)}


def _file(context: click.Context) -> Mapping[str, Any]:
    """The file's tables, read once for each run."""
    root = context.find_root()
    if "nitakao.config" not in root.meta:
        root.meta["nitakao.config"] = _read(root)
    tables: Mapping[str, Any] = root.meta["nitakao.config"]
    return tables


def path() -> Path:
    """Where the configuration file is: NITAKAO_CONFIG, else config.toml in nitakao's configuration folder."""
    from nitakao.system import dirs

    named = os.environ.get("NITAKAO_CONFIG")
    return Path(named) if named else dirs.config()


def _read(root: click.Context) -> Mapping[str, Any]:
    file = path()
    if not file.is_file():
        if os.environ.get("NITAKAO_CONFIG"):
            raise MisuseError(f"NITAKAO_CONFIG names '{file}', which is not a file: create it, or unset the variable")
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MisuseError(f"'{file}' is not a readable TOML file: {error}") from error
    assert isinstance(root.command, click.Group)
    commands = root.command.list_commands(root)
    for key, value in tables.items():
        if key not in commands if isinstance(value, dict) else key not in SHARED:
            kind = f"command '{key}'" if isinstance(value, dict) else f"setting '{key}' above the tables"
            raise MisuseError(f"'{file}': there is no {kind}: see docs/configuration.md")
    return tables


def _of_command(
    tables: Mapping[str, Any], words: list[str], command: click.Command, context: click.Context
) -> dict[str, Any]:
    """Values by the names of the command's parameters."""
    options = _options(command)
    table: Any = tables
    for word in words:
        table = table.get(word, {}) if isinstance(table, dict) else {}
    values: dict[str, Any] = {}
    for key in SHARED:
        if key in tables and key in options:
            values |= _value(options[key], tables[key], key, context)
    below = command.list_commands(context) if isinstance(command, click.Group) else ()
    for key, value in table.items() if isinstance(table, dict) else ():
        place = f"[{'.'.join(words)}] {key}"
        if isinstance(value, dict) and key in below:
            continue
        if key not in options:
            raise MisuseError(f"'{path()}': {place}: 'nitakao {' '.join(words)}' has no option --{key}")
        values |= _value(options[key], value, place, context)
    return values


def _value(option: click.Option, value: Any, place: str, context: click.Context) -> dict[str, Any]:
    """The option's parameter with this value, or nothing where a flag is off."""
    several = option.multiple or option.nargs != 1
    items = value if several and isinstance(value, list) else [value]
    kinds, words = _kinds(option)
    if (several and not isinstance(value, list)) or not all(_is(item, kinds) for item in items):
        expected = f"a list of {words.removeprefix('a ')}s" if several else words
        raise MisuseError(f"'{path()}': {place} is {expected}, not {value!r}")
    name = option.name or ""
    if option.is_flag and not option.is_bool_flag:
        return {name: option.flag_value} if value else {}
    try:
        for item in items:
            option.type.convert(item, option, context)
    except click.BadParameter as error:
        raise MisuseError(f"'{path()}': {place}: {error.message}") from error
    return {name: value}


def _kinds(option: click.Option) -> tuple[tuple[type, ...], str]:
    if option.is_flag:
        return (bool,), "true or false"
    if option.count or isinstance(option.type, (click.types.IntParamType, click.IntRange)):
        return (int,), "a whole number"
    if isinstance(option.type, (click.types.FloatParamType, click.FloatRange)):
        return (int, float), "a number"
    return (str,), "a string"


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
