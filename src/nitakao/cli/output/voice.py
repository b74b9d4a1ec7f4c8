"""Standard error: warnings, notes and progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nitakao.cli.output.text import format_duration

if TYPE_CHECKING:  # rich is loaded only to draw a bar on a terminal
    from rich.progress import Progress, TaskID

LINE_EVERY = 10.0  # seconds between lines of progress where there is no terminal


class Voice:
    """Messages on standard error.

    Args:
        level: -1 errors only, 0 warnings and progress, 1 details, 2 tracebacks too.
    """

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self.bar: Progress | None = None

    def warn(self, text: str) -> None:
        self._say(text, 0)

    def detail(self, text: str) -> None:
        self._say(text, 1)

    def next(self, text: str) -> None:
        """Say what users usually do next."""
        self._say(f"Next: {text}.", 0)

    def _say(self, text: str, level: int) -> None:
        if self.level < level:
            return
        if self.bar is not None:  # above the bar, which is drawn again below it
            self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, err=True)

    @contextmanager
    def progress(self, unit: str, total: int | None = None, *, on_terminal: bool = True) -> Iterator[Steps]:
        """Show progress in `unit` until the block ends: a bar on a terminal, else a line every ten seconds."""
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
    """A silent counter. total: None until it is known; may be set from another thread."""

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
        left = f", {format_duration((self.total - self.done) / rate)} left" if self.total and rate else ""
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
