"""Structured log lines: one JSON object each, with the request's, user's and task's ids, for web and worker alike.

Lines of ours go straight from structlog to standard error; those of libraries, which use the standard library's logging, are made
to look the same.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, Final, TextIO

import structlog

SHARED_PROCESSORS: Final[list[structlog.types.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


class _Lines:
    """What structlog calls with a finished line. Where nobody reads the log any more, work goes on, as with logging's handlers."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        self._stream, self.name = stream, name

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            # In one, so that no other thread's or process's comes in between.
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def configure(level: str) -> None:
    # No line of ours says where in the code it is from, in which thread or process: nothing looks for it
    # (https://docs.python.org/3/howto/logging.html#optimization).
    logging._srcfile = None  # noqa: SLF001 (as documented)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # A worker puts something else in its place later, which would log what is logged.
    stream = sys.stderr
    structlog.configure(
        processors=[*SHARED_PROCESSORS, _rendered()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *name: _Lines(stream, *name),
        cache_logger_on_first_use=True,
    )


def _rendered() -> structlog.processors.JSONRenderer:
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(processor=_rendered(), foreign_pre_chain=SHARED_PROCESSORS)


def logging_config(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "config.logs.formatter"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
    }
