"""Mails, their parts, what becomes of them and what goes wrong: values only."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen


class MailError(Exception):
    """What a server of mail refuses. ``code`` is SMTP's number; None: there is none."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


@frozen(kw_only=True)
class Attachment:
    """A file in a mail. Of a mail that came, ``name`` is a plain file name, whatever the sender wrote; ``cid`` is what
    its HTML calls the picture by (``cid:NAME``), where it does."""

    name: str
    data: bytes = field(repr=lambda data: f"<{len(data)} bytes>")
    type: str = "application/octet-stream"
    cid: str = ""


@frozen(kw_only=True)
class Mail:
    """A mail that came. Addresses are addresses alone; names of headers are in lower case, and one that stands there
    more than once has a line each; ``date`` is what the sender says, in UTC. ``uid`` (in its folder) and ``flags`` are
    the server's."""

    uid: int = 0
    flags: list[str] = field(factory=list)
    sender: str = ""
    sender_name: str = ""
    to: list[str] = field(factory=list)
    cc: list[str] = field(factory=list)
    subject: str = ""
    date: datetime | None = None
    message_id: str = ""
    text: str = ""
    html: str = ""
    attachments: list[Attachment] = field(factory=list)
    headers: dict[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Sent:
    """What became of a mail: its id, and the recipients that the server refused, with its reasons."""

    message_id: str
    refused: dict[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Folder:
    """A folder of mails, with the flags that the server gives it (``\\Sent``, ``\\Noselect``)."""

    name: str
    separator: str
    flags: list[str]
