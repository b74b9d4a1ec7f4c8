"""The server's log: one JSON object per line about requests and jobs, without personal data.

It has no pictures, vectors, names, paths, queries or keys. Of an error it has the class and the stack, not the message,
which may contain any of these.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any

LOGGER = logging.getLogger("nitakao.server")


class JsonFormatter(logging.Formatter):
    """Formats records as JSON lines."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {"at": round(record.created, 3), "level": record.levelname.lower(), "what": record.getMessage()}
        fields |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            fields |= error_fields(record.exc_info[1])
        return json.dumps(fields, ensure_ascii=False)


def error_fields(error: BaseException) -> dict[str, Any]:
    """The class of an error and its stack, without the message."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return {"error": type(error).__name__, "raised": [f"{f.filename}:{f.lineno} {f.name}" for f in frames]}


def log(what: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log an event with these fields."""
    level = logging.INFO if error is None else logging.ERROR
    LOGGER.log(level, what, extra={"fields": fields | ({} if error is None else error_fields(error))})


def start(level: int) -> None:
    """Log to standard error. `level`: -1 for errors only, otherwise requests and jobs too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    minimum = logging.ERROR if level < 0 else logging.INFO
    for name in ("nitakao", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        logger.setLevel(minimum if name == "nitakao" else logging.WARNING)


def now() -> float:
    return time.time()
