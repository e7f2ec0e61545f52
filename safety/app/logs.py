"""Structured logs: one JSON object a line, ids and codes only, never anybody's words."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Any, TextIO

import structlog

from safety.core.errors import SafetyError


def configure_logs(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send this project's logs to `stream`; libraries speak up from warnings on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Discreet())
    logging.basicConfig(handlers=[handler], level=logging.ERROR, force=True)


class _Discreet(logging.Formatter):
    """What a library has to say, without its words: they may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object: who complained, where, and about which kind of error."""
        fields: dict[str, Any] = {
            "level": record.levelname.lower(),
            "event": "library",
            "logger": record.name,
            "line": f"{record.filename}:{record.lineno}",
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields |= describe(record.exc_info[1])
        return json.dumps(fields, ensure_ascii=False)


def describe(error: BaseException) -> dict[str, Any]:
    """An error as log fields. Only our own messages are known to hold no chat text; of any other
    error the log gets its type and where it arose."""
    fields: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, SafetyError):
        fields["message"] = str(error)
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    fields["at"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
    return fields
