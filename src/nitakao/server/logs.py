"""What the server notes: one JSON object a line, about requests and jobs, never what is in them.

No pictures, vectors, names, paths, queries or keys: of an error, its kind and the places in the code that it came by,
not its words, which may hold any of these.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any

LOGGER = logging.getLogger("nitakao.server")


class Lines(logging.Formatter):
    """Records as JSON lines."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"at": round(record.created, 3), "level": record.levelname.lower(), "what": record.getMessage()}
        told |= getattr(record, "told", {})
        if record.exc_info and record.exc_info[1] is not None:
            told |= of_error(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


def of_error(error: BaseException) -> dict[str, Any]:
    """The kind of an error and where it was raised, without its words."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return {"error": type(error).__name__, "raised": [f"{f.filename}:{f.lineno} {f.name}" for f in frames]}


def note(what: str, *, error: BaseException | None = None, **told: Any) -> None:
    """Note something, as it stands in `told`."""
    level = logging.INFO if error is None else logging.ERROR
    LOGGER.log(level, what, extra={"told": told | ({} if error is None else of_error(error))})


def start(level: int) -> None:
    """Write what is noted to standard error.  level: -1 errors only, 0 warnings, 1 and more: requests, too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    least = logging.ERROR if level < 0 else logging.INFO
    for name in ("nitakao", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        logger.setLevel(least if name == "nitakao" else logging.WARNING)


def now() -> float:
    return time.time()
