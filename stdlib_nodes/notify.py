"""Short messages to people: through Apprise to Slack, Teams, Telegram, Matrix, ntfy, mail and a hundred others.

A target is an address of Apprise, with its tokens: ``slack://TOKEN_A/TOKEN_B/TOKEN_C``, ``ntfy://topic``; its
documentation lists them. Errors name services, not addresses. The resource is ``notify``: a message waits until all
earlier ones are out. Nothing is sent twice by itself.

Where such a service is reached is for its plugin to say, so nobody could hold a message to the hosts that were granted:
a program that its host does not trust sends none, whatever it was given.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from .. import node, permissions
from ._extras import needs


class NotifyError(Exception):
    """Messages that did not get through: ``failed`` holds the numbers of their targets, from 0 on."""

    def __init__(self, message: str, failed: list[int]) -> None:
        super().__init__(message, failed)
        self.failed = failed

    def __str__(self) -> str:
        return str(self.args[0])


@node(writes="notify")
def send(
    targets: str | list[str],
    message: str,
    title: str = "",
    kind: Literal["info", "success", "warning", "failure"] = "info",
    format: Literal["text", "markdown", "html"] = "text",
    attachments: list[str | Path] | None = None,
) -> None:
    """Send a message to one or more targets, to each of them whatever becomes of the others.

    ``notify.send(SLACK, f"{len(late)} orders are late", kind="warning")``

    ``format`` says what the message is written in; a service gets what it can show. Attachments are files, for services
    that take some. Raises NotifyError for those that did not take it (what they said is in the log, by logger
    ``apprise``), ValueError for a target that is none, and before anything is sent.
    """
    if not permissions().trusted:
        msg = "the program is not allowed to notify: a service is reached wherever its plugin says"
        raise PermissionError(msg)
    with needs("notify"):
        import apprise
        from apprise.attachment.file import AttachFile
    attached: Any = AttachFile
    files = [attached(path=str(_file(path))) for path in attachments or ()]
    asset = apprise.AppriseAsset(async_mode=False)
    services: list[Any] = []
    for number, target in enumerate([targets] if isinstance(targets, str) else targets):
        with _unheard():
            service = apprise.Apprise.instantiate(target, asset=asset, suppress_exceptions=True)
        if service is None:
            shown = f"{target.partition('://')[0]}://..." if "://" in target else "without a scheme"
            msg = f"target {number} ({shown}) is no address of a service that Apprise knows"
            raise ValueError(msg)
        services.append(service)
    if not services:
        msg = "a message has at least one target"
        raise ValueError(msg)
    failed = []
    for number, service in enumerate(services):
        group = apprise.Apprise(asset=asset)
        group.add(service)
        if not group.notify(message, title, kind, body_format=format, attach=files or None):
            failed.append(number)
    if failed:
        names = ", ".join(f"{services[number].service_name} (target {number})" for number in failed)
        msg = f"{len(failed)} of {len(services)} did not take the message: {names}"
        raise NotifyError(msg, failed)


@contextmanager
def _unheard() -> Iterator[None]:
    """Without what Apprise says in this thread: of an address that it does not know it logs all, with the tokens."""
    thread, logger = threading.get_ident(), logging.getLogger("apprise")

    def other(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def _file(path: str | Path) -> Path:
    """A file of this machine: Apprise itself would fetch an address, too."""
    file = permissions().file(path)
    if not file.is_file():
        raise FileNotFoundError(2, "there is no such file to attach", str(path))
    return file.absolute()
