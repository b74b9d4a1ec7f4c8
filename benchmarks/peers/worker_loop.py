"""The worker's side of the protocol: one JSON request per line on stdin, one JSON response per line on stdout.

Standard library only, since it runs in every peer's environment. A worker loads its networks once, then is asked for
rounds; only the handler is timed. What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any


def serve(handlers: Mapping[str, Callable[..., Any]]) -> None:
    """Answers requests {"do": handler, **arguments} until stdin closes."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # output of libraries, including C++, must not mix with the responses
    for line in sys.stdin:
        request = json.loads(line)
        handler = handlers[request.pop("do")]
        reset_peak()
        started, worked = time.perf_counter(), processor()
        try:
            answer = {"result": handler(**request)}
        except Exception:  # passed to the client in full, which stops this benchmark and reports it
            answer = {"error": traceback.format_exc()}
        answer["seconds"] = time.perf_counter() - started
        answer["processor_seconds"] = answer["used"] = processor() - worked
        answer.update(memory())
        if isinstance(answer.get("result"), dict):  # a handler that loads by itself reports when its work started
            own = {key for key in ("seconds", "processor_seconds") if key in answer["result"]}
            answer.update({key: answer["result"].pop(key) for key in own})
        answers.write(json.dumps(answer) + "\n")


def processor() -> float:
    """CPU seconds of this process and its finished children."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def memory() -> dict[str, float]:
    """MB resident now, and the peak since the request."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file)
    except OSError:  # no /proc outside Linux: only time is measured
        return {"resident": 0.0, "peak": 0.0}
    return {name: float(lines[key].split()[0]) / 1024 for name, key in (("resident", "VmRSS"), ("peak", "VmHWM"))}


def reset_peak() -> None:
    """Reset the kernel's high-water mark to the resident memory."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # proc(5): resets VmHWM
    except OSError:
        return
