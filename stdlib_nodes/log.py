"""Lines for the log, on standard error. ``writes="log"``: a line waits until all earlier steps have succeeded, and
nothing but later lines waits for it.

Lines go to Python's logging, logger ``cflow.flow``, so a host that configures logging decides about form, place and
level; where nobody has, lines from ``info`` up appear on standard error. Fields come as ``record.fields`` (a dict),
the run as ``record.run``.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from .. import context, node
from ..compiler.secrets import hide, redact

_LOGGER = logging.getLogger("cflow.flow")


@node(writes="log")
def debug(message: Any, **fields: Any) -> None:
    """A line that only a host which asks for it sees.

    ``log.debug("page fetched", url=url)``
    """
    _say(logging.DEBUG, message, fields)


@node(writes="log")
def info(message: Any, **fields: Any) -> None:
    """A line about what goes as planned.

    ``log.info("settled", orders=len(done))``
    """
    _say(logging.INFO, message, fields)


@node(writes="log")
def warning(message: Any, **fields: Any) -> None:
    """A line about something a person should look at some day.

    ``log.warning(f"record {number} left out: {error}")``
    """
    _say(logging.WARNING, message, fields)


@node(writes="log")
def error(message: Any, **fields: Any) -> None:
    """A line about a failure.

    ``log.error("publish failed", error=e)``
    """
    _say(logging.ERROR, message, fields)


class _Line(logging.Formatter):
    """``12:30:05 warning: message  key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f"  {name}={value!s}" for name, value in getattr(record, "fields", {}).items())
        return f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower()}: {record.getMessage()}{fields}"


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at that moment: progress displays and tests put another there."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_Line())

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


_FALLBACK = _StandardError()


def _say(level: int, message: Any, fields: dict[str, Any]) -> None:
    shown = hide(str(message))
    record = _LOGGER.makeRecord(
        _LOGGER.name, level, "(flow)", 0, "%s", (shown,), None, extra={"fields": redact(fields), "run": _run()}
    )
    if _LOGGER.hasHandlers():
        if _LOGGER.isEnabledFor(level):
            _LOGGER.handle(record)
    elif level >= (_LOGGER.level or logging.INFO):
        _FALLBACK.handle(record)


def _run() -> str:
    """The run this line belongs to; empty where a node is called outside one."""
    try:
        return str(context().run)
    except RuntimeError:
        return ""
