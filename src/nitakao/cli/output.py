"""What the commands print: results on standard output; progress, warnings and notes on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # rich is loaded only where something moves on a terminal
    from rich.progress import Progress, TaskID

    from nitakao.values import ModelCard

LINE_EVERY = 10.0  # seconds between lines of progress where there is no terminal


class Voice:
    """How much is said on standard error: -1 errors only, 0 warnings and progress, 1 details, 2 tracebacks too."""

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self.bar: Progress | None = None

    def warn(self, text: str) -> None:
        self._say(text, 0)

    def detail(self, text: str) -> None:
        self._say(text, 1)

    def _say(self, text: str, level: int) -> None:
        if self.level < level:
            return
        if self.bar is not None:  # above the bar, which is drawn again below it
            self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, err=True)

    @contextmanager
    def progress(self, unit: str, total: int | None = None, *, on_terminal: bool = True) -> Iterator[Steps]:
        """Counts `unit` until the block ends: a bar with rate and time left, or a plain line every ten seconds."""
        if self.level < 0:
            yield Steps(total)
        elif on_terminal and sys.stderr.isatty():
            with _bar(unit) as bar:
                self.bar = bar
                try:
                    yield BarSteps(bar, unit, total)
                finally:
                    self.bar = None
        else:
            yield LineSteps(self, unit, total)


class Steps:
    """Counts in silence. total: None until it is known; may be set from another thread."""

    def __init__(self, total: int | None) -> None:
        self.done = 0
        self.total = total

    def step(self, count: int = 1) -> None:
        self.done += count
        self.show()

    def show(self) -> None:
        pass


class BarSteps(Steps):
    def __init__(self, bar: Progress, unit: str, total: int | None) -> None:
        super().__init__(total)
        self._bar = bar
        self._task: TaskID = bar.add_task(unit, total=total)

    def show(self) -> None:
        self._bar.update(self._task, completed=self.done, total=self.total)


class LineSteps(Steps):
    def __init__(self, voice: Voice, unit: str, total: int | None) -> None:
        super().__init__(total)
        self._voice = voice
        self._unit = unit
        self._start = self._last = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self._last < LINE_EVERY:
            return
        self._last = now
        rate = self.done / (now - self._start)
        of = f" of {self.total}" if self.total else ""
        left = f", {duration((self.total - self.done) / rate)} left" if self.total and rate else ""
        self._voice.warn(f"{self.done}{of} {self._unit}, {rate:.1f} a second{left}")


def _bar(unit: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} a second" if speed else "")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeLeft(compact=True),
        console=Console(stderr=True),
        redirect_stdout=False,  # results stay on standard output
        redirect_stderr=False,
    )


def duration(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def fetched(voice: Voice, card: ModelCard) -> None:
    """Have the model's files here, with progress where they must be fetched first."""
    from nitakao.models.weights import files

    for file in card.files:
        with downloading(voice, file.name) as progress:
            files.locate(file, progress=progress)


@contextmanager
def downloading(voice: Voice, name: str) -> Iterator[Callable[[int, int], None]]:
    """What is called with (bytes so far, bytes in all) while a file is fetched; nothing is shown if it never is."""
    with voice.progress(f"MB of {name}") as steps:

        def report(done: int, total: int) -> None:
            steps.total = round(total / 1e6) or None
            steps.step(round(done / 1e6) - steps.done)

        yield report


def json_line(record: dict[str, Any]) -> None:
    """One object on one line; what is not a number becomes null."""
    click.echo(json.dumps(_json_safe(record), ensure_ascii=False, allow_nan=False))


def _json_safe(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(item) for item in value]
    return value


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns, numbers to the right; the last column is left as it is."""
    body = [[harmless(str(cell)) for cell in row] for row in rows]
    numeric = [all(_is_number(row[c]) for row in body) for c in range(len(header))]
    widths = [max(_width(row[c]) for row in [header, *body]) for c in range(len(header))]
    for row in [list(header), *body]:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [gap + cell if right else cell + gap for cell, gap, right in zip(row, gaps, numeric, strict=True)]
        click.echo("  ".join(cells).rstrip())


def padded(text: str, columns: int) -> str:
    """The text on one line, filled with blanks up to so many columns; a longer one stays as long as it is."""
    shown = harmless(text)
    return shown + " " * (columns - _width(shown))


def harmless(text: str) -> str:
    """The text on one line: what would break the line, or turn it around, is shown with escapes."""
    return "".join(letter if _is_harmless(letter) else ascii(letter)[1:-1] for letter in text)


def _is_harmless(letter: str) -> bool:
    turning = "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"
    return not turning and unicodedata.category(letter) not in ("Cc", "Zl", "Zp", "Cs")


def _width(text: str) -> int:
    """Columns of a terminal: a letter of Japanese takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def path_from_here(path: str) -> str:
    """The path as it is named from the current folder, where it lies below that; else as it is."""
    here = os.path.join(os.getcwd(), "")
    return path[len(here) :] if path.startswith(here) and len(path) > len(here) else path


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).isdecimal() or cell == "-"


def plural(count: int, noun: str, several: str = "") -> str:
    """1 face, 2 faces, 0 faces. several: the plural of a noun that takes no s."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"
