"""Results of a benchmark: tables, notes and goals, saved as JSON and rendered together to RESULTS.md."""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import environments
from cpu_load import QUIET
from session import cores


@dataclass
class Table:
    caption: str
    header: list[str]
    rows: list[list[str]]


@dataclass
class Goal:
    """A goal, the measured figure, and whether it is met; None for figures without a goal."""

    goal: str
    measured: str
    met: bool | None


@dataclass
class Result:
    title: str
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)  # every number behind the tables
    disturbed: float = 0.0  # CPU share of other processes in timed rounds

    def table(self, caption: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.tables.append(Table(caption, list(header), [[_shown(cell) for cell in row] for row in rows]))

    def goal(self, goal: str, measured: str, met: bool | None) -> None:
        self.goals.append(Goal(goal, measured, met))

    def disturb(self, share: float) -> None:
        """Record that timed rounds ran beside other load."""
        self.disturbed = max(self.disturbed, share)

    def timed(self, goal: str, measured: str, met: bool | None) -> None:
        """A speed goal, which counts only if the machine was idle."""
        if self.disturbed > QUIET:
            measured, met = f"{measured} (disturbed: not a result)", None
        self.goal(goal, measured, met)

    def text(self) -> str:
        """The result as Markdown, also printed."""
        lines = [f"## {self.title}", ""]
        if self.disturbed > QUIET:
            share = f"{100 * self.disturbed:.0f}%"
            lines += [f"**Disturbed: other processes used {share} of the CPU. Do not quote; measure again.**", ""]
        for table in self.tables:
            if table.caption:
                lines += [table.caption, ""]
            lines += ["| " + " | ".join(table.header) + " |", "|" + "---|" * len(table.header)]
            lines += ["| " + " | ".join(row) + " |" for row in table.rows]
            lines.append("")
        if self.goals:
            lines += ["| goal | measured | met |", "|---|---|---|"]
            lines += [f"| {g.goal} | {g.measured} | {_met(g.met)} |" for g in self.goals]
            lines.append("")
        lines += [f"- {note}" for note in self.notes]
        if self.versions:
            lines.append("- versions: " + ", ".join(f"{k} {v}" for k, v in sorted(self.versions.items())))
        return "\n".join(lines).rstrip() + "\n"


def _met(met: bool | None) -> str:
    return {True: "yes", False: "**no**", None: "-"}[met]


def _shown(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.1f}"
    return str(cell)


class Store:
    """results/NAME.json, one per benchmark, so that each can be measured again alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, name: str) -> bool:
        kept = self._read(name)
        return kept is not None and bool(kept["commit"]) and kept["commit"] == commit() and kept["disturbed"] <= QUIET

    def keep(self, name: str, result: Result, seconds: float) -> None:
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        kept = {"commit": commit(), "when": when, "seconds": round(seconds), "machine": machine(), **asdict(result)}
        (self._folder / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    def write_markdown(self, path: Path, names: Sequence[str]) -> None:
        intro = "Written by `python benchmarks/run.py`. [README.md](README.md) explains each benchmark."
        parts = ["# Results", "", intro, ""]
        for name in names:
            kept = self._read(name)
            if kept is None:
                parts += [f"## {name}", "", "Not measured yet.", ""]
                continue
            result = Result(
                title=kept["title"],
                tables=[Table(**t) for t in kept["tables"]],
                goals=[Goal(**g) for g in kept["goals"]],
                notes=kept["notes"],
                versions=kept["versions"],
                disturbed=kept["disturbed"],
            )
            parts.append(result.text().rstrip())
            parts.append(f"- `{name}`, {kept['when']}, commit {kept['commit'] or 'unknown'}, {kept['machine']}")
            parts.append("")
        path.write_text("\n".join(parts), encoding="utf-8")

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._folder / f"{name}.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def commit() -> str:
    """Short hash of the measured commit, with '+' for uncommitted changes; '' if unknown."""
    git = ["git", "-C", str(environments.PROJECT)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "--", "src"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.strip() + ("+" if changed.strip() else "")


def machine() -> str:
    """The machine in general terms: cores, CPU, vector extensions, memory, system, Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        about = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        gigabytes = float(Path("/proc/meminfo").read_text(encoding="ascii").split()[1]) / 1024**2
        memory = f", {gigabytes:.0f} GB"
    except OSError:
        about, memory = {}, ""
    kind = next((k for k in ("Xeon", "EPYC", "Core", "Ryzen") if k in about.get("model name", "")), platform.machine())
    flags = set(about.get("flags", "").split())
    units = [("avx2", "AVX2"), ("avx512f", "AVX-512"), ("avx512_vnni", "VNNI"), ("amx_tile", "AMX")]
    able = "/".join(shown for flag, shown in units if flag in flags)
    processor = f"{cores()} cores of {kind}{', ' + able if able else ''}"
    return f"{processor}{memory}, {platform.system()}, Python {platform.python_version()}"
