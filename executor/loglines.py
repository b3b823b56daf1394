"""Where lines for a log go: to Python's logging, and where nobody has configured that, to standard error.

A host that configures logging decides about form, place and level. Without one, lines from ``info`` up are written as
``12:30:05 warning: message  key=value``, secrets hidden.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

from ..compiler.secrets import hide


class _Line(logging.Formatter):
    """``12:30:05 warning: message  key=value``, and below it the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f"  {name}={value!s}" for name, value in getattr(record, "fields", {}).items())
        text = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower()}: {record.getMessage()}{fields}"
        return hide(f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at that moment: progress displays and tests put another there."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_Line())

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


_FALLBACK = _StandardError()


def wanted(logger: logging.Logger, level: int) -> bool:
    """Would a line of that level be seen?"""
    return logger.isEnabledFor(level) if logger.hasHandlers() else level >= (logger.level or logging.INFO)


def say(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Hand on a line."""
    if not wanted(logger, record.levelno):
        return
    if logger.hasHandlers():
        logger.handle(record)
    else:
        _FALLBACK.handle(record)


def complain(message: str) -> None:
    """Hand on an error that nobody waits for."""
    logger = logging.getLogger("cflow")
    say(logger, logger.makeRecord(logger.name, logging.ERROR, "(flow)", 0, message, (), None))


class NodeLog(logging.LoggerAdapter[logging.Logger]):
    """The logger of a call of a node: it knows the run and the node, and hides secrets."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        return wanted(self.logger, level)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if not self.isEnabledFor(level):
            return
        if self.logger.hasHandlers():
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1  # the node's line, not this one
            super().log(level, msg, *args, **kwargs)
            return
        extra: MutableMapping[str, Any] = self.process(msg, kwargs)[1].get("extra") or {}
        record = self.logger.makeRecord(
            self.logger.name, level, "(node)", 0, msg, args, _exc_info(kwargs.get("exc_info")), extra=dict(extra)
        )
        _FALLBACK.handle(record)


def _exc_info(given: Any) -> Any:
    """What logging makes of its argument ``exc_info``."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    return sys.exc_info() if given and not isinstance(given, tuple) else given or None


def _without_secrets(record: logging.LogRecord) -> bool:
    try:
        text = record.getMessage()
    except Exception:  # the handler reports a format that does not fit
        return True
    if (hidden := hide(text)) != text:
        record.msg, record.args = hidden, None
    if record.exc_info:
        trace = _TRACES.formatException(record.exc_info)
        if (hidden := hide(trace)) != trace:
            record.exc_info, record.exc_text = None, hidden  # what formatters take in its place
    return True


_TRACES = logging.Formatter()


NODES = logging.getLogger("cflow.node")
NODES.addFilter(_without_secrets)
