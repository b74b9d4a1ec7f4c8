"""The client side of a worker process; peers/worker_loop.py is the other side."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cpu_load
import environments


@dataclass(frozen=True)
class Answer:
    """What a handler gave back, seconds it took, CPU seconds of its process, MB resident after and at peak.

    used: CPU seconds of the whole request.  others: share of all cores that other processes took meanwhile.
    """

    result: Any
    seconds: float
    processor_seconds: float
    used: float
    resident: float
    peak: float
    others: float = 0.0


class WorkerError(Exception):
    """A worker ended, or a handler raised."""


class Worker:
    """A process of peers/SCRIPT in one environment, idle until called."""

    def __init__(self, environment: str, script: str, log: Path) -> None:
        self.name = script.removesuffix("_worker")
        self._log = log / f"{script}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        python = environments.ready(environment)
        clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        with self._log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [str(python), "-X", "faulthandler", str(environments.HERE / "peers" / f"{script}.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
                env=clean,
            )

    def ask(self, handler: str, **request: Any) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = cpu_load.reading()
        try:
            self._process.stdin.write(json.dumps({"do": handler, **request}) + "\n")
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise WorkerError(f"{self.name} broke off at '{handler}' (exit code {self._process.wait()}):\n{tail}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name} failed at '{handler}':\n{answer['error']}")
        others = cpu_load.others(before, cpu_load.reading(), answer["used"])
        return Answer(**{"result": answer.pop("result"), "others": others, **answer})

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass
class Rounds:
    """The rounds of one side: seconds each, and the memory of the last."""

    items: int
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    resident: float = 0.0
    peak: float = 0.0
    result: Any = None
    others: list[float] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        self.seconds.append(answer.seconds)
        self.processor.append(answer.processor_seconds)
        self.others.append(answer.others)
        self.resident, self.peak = answer.resident, max(self.peak, answer.peak)
        self.result = answer.result

    @property
    def rate(self) -> float:
        """Items per second in the median round."""
        return self.items / statistics.median(self.seconds)


def alternate(sides: Mapping[str, Callable[[], Answer]], items: int, rounds: int) -> dict[str, Rounds]:
    """Run each side once in turn, `rounds` times, so that slow changes of the machine affect all alike.

    Other processes do not: a side with several threads that wait for each other loses far more to them than one whose
    threads hardly slow down. Their share is measured in each round, and a disturbed benchmark claims no goal.
    """
    measured = {name: Rounds(items) for name in sides}
    for number in range(rounds):
        for name, work in sides.items():
            measured[name].add(work())
            took = f"{measured[name].seconds[-1]:.2f} s for {items}{_disturbance(measured[name])}"
            print(f"  round {number + 1}: {name}: {took}", flush=True)
    return measured


def _disturbance(rounds: Rounds) -> str:
    return (
        f" (others took {100 * rounds.others[-1]:.0f}% of the processor)" if rounds.others[-1] > cpu_load.QUIET else ""
    )


def disturbed(measured: Mapping[str, Rounds]) -> float:
    """The largest CPU share of other processes in the median round of any side."""
    return max((statistics.median(rounds.others) for rounds in measured.values()), default=0.0)
