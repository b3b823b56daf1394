"""Lines for the log, on standard error. ``writes="log"``: a line waits until all earlier steps have succeeded, and
nothing but later lines waits for it.

Lines go to Python's logging, logger ``cflow.flow``, so a host that configures logging decides about form, place and
level; where nobody has, lines from ``info`` up appear on standard error. Fields come as ``record.fields`` (a dict),
the run as ``record.run``.
"""

from __future__ import annotations

import logging
from typing import Any

from .. import context, hide, node, redact
from ..executor.loglines import say

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


def _say(level: int, message: Any, fields: dict[str, Any]) -> None:
    shown = hide(message if isinstance(message, str) else str(message))
    record = _LOGGER.makeRecord(
        _LOGGER.name, level, "(flow)", 0, "%s", (shown,), None, extra={"fields": redact(fields), "run": _run()}
    )
    say(_LOGGER, record)


def _run() -> str:
    """The run this line belongs to; empty where a node is called outside one."""
    try:
        return str(context().run)
    except RuntimeError:
        return ""
