"""Log lines: one JSON object each, of fields that are listed here, and nobody's name.

What is not listed is left out, whoever logs it: a line cannot leak what it cannot hold.  What
libraries log becomes such a line too, without their words, which may quote a value.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import structlog
from structlog.typing import EventDict, WrappedLogger

FIELDS = (
    "timestamp",
    "level",
    "event",
    "request_id",
    "trace",
    "route",
    "method",
    "status",
    "ms",
    "ledger",
    "position",
    "size",
    "id",
    "error",
    "why",
    "where",
    "what",
    "sequence",
    "witness",
)
LONGEST = 200
MOST = 20


def configure(level: str, file: BinaryIO | None = None) -> None:
    """Log from that level on to a file, standard error unless another is named."""
    for known in tuple(logging.root.handlers):
        if isinstance(known, OfLibraries):
            logging.root.removeHandler(known)
    logging.root.addHandler(OfLibraries(logging.WARNING))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            listed,
            structlog.processors.JSONRenderer(serializer=line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.BytesLoggerFactory(file=file or sys.stderr.buffer),
    )


class OfLibraries(logging.Handler):
    """Tells that a library has logged something: which one, and what kind of error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line about a record."""
        kind, _, trace = record.exc_info or (None, None, None)
        frames = traceback.extract_tb(trace)
        structlog.get_logger().log(
            record.levelno,
            "of a library",
            error=None if kind is None else kind.__name__,
            where=[
                record.name,
                f"{record.filename}:{record.lineno}",
                *(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames),
            ],
        )


def listed(_logger: WrappedLogger, _method: str, told: EventDict) -> EventDict:
    """Keep the fields that are listed, in their order, each at most so long."""
    return {name: _short(told[name]) for name in FIELDS if name in told}


def _short(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_short(one) for one in value[-MOST:]]
    return str(value)[:LONGEST]


def line(told: Mapping[str, object], **_options: object) -> bytes:
    """Write a line in ASCII: no control or direction character reaches a terminal."""
    return json.dumps(told).replace("\x7f", "\\u007f").encode()
