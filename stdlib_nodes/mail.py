"""Mail: send by SMTP; list, search, read, flag, move and delete by IMAP; what comes in as a stream.

A server is an address: ``smtps://user:password@host`` and ``imaps://...`` speak TLS from the beginning, ``smtp://``
and ``imap://`` begin with STARTTLS and go no further without, ``smtp+plain://`` and ``imap+plain://`` have no TLS. A
``@`` in the user may stand as it is; other signs of addresses are written ``%2F``. Certificates are checked, by the
authorities of the system or of ``SSL_CERT_FILE``. Errors name the server without user and password.

The resource is ``mail``: reads overlap and wait for writes before them. Nothing is sent twice by itself. A call
connects, logs in and leaves; it waits 20 seconds for a connection and 60 for an answer. A mail is named by its folder
and its ``uid`` there. Built on Python's smtplib and email, and on IMAPClient.

A program that its host does not trust reaches the hosts that it was given, and attaches the files that it was given.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import trio
from attrs import field, frozen

from .. import context, node
from ._aside import aside
from ._mailboxes import imap, sent
from ._mailtext import Unreadable, address, composed, parsed
from ._names import has_control

_SIZE = 50 << 20  # bytes of a mail that is read
_IDLE_SECONDS = 540.0  # servers and routers drop what says nothing for longer
_POLL_SECONDS = 30.0  # of servers that cannot tell by themselves
_FLAG = re.compile(r"\\?[A-Za-z0-9$_.-]+")


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


@node(writes="mail")
def send(
    server: str,
    sender: str,
    to: str | list[str],
    subject: str,
    text: str = "",
    html: str = "",
    cc: str | list[str] | None = None,
    bcc: str | list[str] | None = None,
    reply_to: str = "",
    attachments: list[str | Path | Attachment] | None = None,
    inline: dict[str, str | Path | Attachment] | None = None,
    headers: dict[str, str] | None = None,
) -> Sent:
    """Send a mail.

    ``mail.send(SMTP, "ada@example.org", ["bob@example.org"], "Report", "See below.", attachments=["report.pdf"])``

    ``text`` and ``html`` say the same in two ways; ``inline`` holds pictures that the HTML shows by name
    (``<img src="cid:chart">``). Attachments are files or attachments of other mails. An address is
    ``ada@example.org`` or ``Ada <ada@example.org>``. A call that is tried again sends the same ``Message-ID``. Raises
    MailError for what the server refuses, ConnectionError, TimeoutError, and ValueError for a line break in an
    address, a subject, a name, and for what is no address. It succeeds when the server takes at least one recipient.
    """
    people = [_listed(to), _listed(cc), _listed(bcc)]
    envelope = [address(one).addr_spec for several in people for one in several]
    if not envelope:
        msg = "a mail has at least one recipient"
        raise ValueError(msg)
    own = address(sender)
    message = composed(
        sender=sender,
        to=people[0],
        cc=people[1],
        reply_to=reply_to,
        subject=subject,
        text=text,
        html=html,
        attachments=attachments or [],
        inline=inline or {},
        headers=headers or {},
        message_id=_message_id(own.domain),
        date=datetime.now(UTC),
    )
    refused = sent(server, message, own.addr_spec, list(dict.fromkeys(envelope)))
    return Sent(message_id=str(message["Message-ID"]), refused=refused)


@node(reads="mail")
def folders(server: str) -> list[Folder]:
    """The folders of an account.

    ``names = [f.name for f in mail.folders(IMAP)]``
    """
    with imap(server) as client:
        return [
            Folder(
                name=str(name),
                separator=(separator or b"").decode("utf-8", "replace"),
                flags=[_flag(flag) for flag in flags],
            )
            for flags, separator, name in client.list_folders()
        ]


@node(reads="mail")
def search(
    server: str,
    folder: str = "INBOX",
    seen: bool | None = None,
    flagged: bool | None = None,
    keyword: str = "",
    sender: str = "",
    to: str = "",
    subject: str = "",
    text: str = "",
    since: date | None = None,
    before: date | None = None,
    after: int = 0,
) -> list[int]:
    """The uids of the mails that are all of this, the oldest first.

    ``new = mail.search(IMAP, seen=False, sender="@example.org", since=time.today())``

    Texts are found anywhere and in any case (by the server's own rules); ``since`` and ``before`` look at the day of
    arrival, ``after`` at the uid. Raises MailError, ValueError for a line break.
    """
    plain, others = ["UNDELETED"], []
    for word, wanted in (("SEEN", seen), ("FLAGGED", flagged)):
        if wanted is not None:
            plain.append(word if wanted else f"UN{word}")
    if keyword:
        plain.append(f"KEYWORD {_checked(keyword)}")
    for word, day in (("SINCE", since), ("BEFORE", before)):
        if day is not None:
            plain.append(f"{word} {day.day}-{_MONTHS[day.month - 1]}-{day.year}")
    if after:
        plain.append(f"UID {int(after) + 1}:*")
    for word, value in (("FROM", sender), ("TO", to), ("SUBJECT", subject), ("TEXT", text)):
        if has_control(value):
            msg = f"{word.lower()}: {value!r} holds a line break or another control character"
            raise ValueError(msg)
        if value.isascii():
            # Quoted by ourselves: the library leaves a value like {5} or (ALL) as it is, and that means something.
            plain += [f'{word} "{_escaped(value)}"'] if value else []
        else:
            others.append([word, value])  # goes as a literal, alone: mixed with others those would go unquoted
    with imap(server) as client, _opened(client, folder):
        found = {int(uid) for uid in client.search(" ".join(plain))}
        for criteria in others:
            found &= set(client.search(criteria, "UTF-8"))
    return sorted(uid for uid in found if uid > after)  # `8:*` also names the last one where that is 7


@node(reads="mail")
def read(server: str, uid: int, folder: str = "INBOX", max_size: int = _SIZE) -> Mail:
    """One mail, with its attachments; whether it counts as seen does not change.

    ``letter = mail.read(IMAP, uid)``

    Raises ValueError for one that is not there, and for more than ``max_size`` bytes.
    """
    with imap(server) as client, _opened(client, folder):
        found = _fetched(client, uid, max_size)
    if found is None:
        msg = f"there is no mail {uid} in {folder!r}"
        raise ValueError(msg)
    return found


@node(reads="mail")
async def fetch(server: str, uids: list[int], folder: str = "INBOX", max_size: int = _SIZE) -> AsyncIterator[Mail]:
    """Mails as a stream, one at a time in memory; those that are there no more are left out.

    ``for letter in mail.fetch(IMAP, mail.search(IMAP, seen=False)): ...``

    Raises ValueError for one of more than ``max_size`` bytes.
    """
    async with aside(_reading(server, folder)) as client:
        for uid in uids:
            found = await trio.to_thread.run_sync(_fetched, client, uid, max_size)
            if found is not None:
                yield found


@node(reads="mail")
async def incoming(
    server: str, folder: str = "INBOX", after: int | None = None, max_size: int = _SIZE
) -> AsyncIterator[Mail]:
    """The mails that come, as they come: a stream without an end.

    ``for letter in mail.incoming(IMAP): ...``

    ``after`` is the uid of the last one known: those that came since are first. Left out, it begins with the next one
    to come. The server tells of new mails by itself (IDLE), or is asked every 30 seconds. A connection that breaks is
    an error; a flow that keeps the last uid begins again with that.
    """
    async with aside(_reading(server, folder)) as client:
        last = after
        if last is None:
            state = await trio.to_thread.run_sync(client.folder_status, folder, ["UIDNEXT"])
            last = state[b"UIDNEXT"] - 1
        idle = await trio.to_thread.run_sync(client.has_capability, "IDLE")
        while True:
            client.wire.response("EXISTS")
            found = await trio.to_thread.run_sync(client.search, f"UID {last + 1}:*")
            for uid in sorted(uid for uid in found if uid > last):
                last = uid
                letter = await trio.to_thread.run_sync(_fetched, client, uid, max_size)
                if letter is not None:
                    yield letter
            if client.wire.response("EXISTS") == ("EXISTS", [None]):  # else the server has told of more meanwhile
                await _news(client, idle)


@node(writes="mail")
def flag(
    server: str, uids: list[int], add: list[str] | None = None, remove: list[str] | None = None, folder: str = "INBOX"
) -> None:
    """Set and take away flags: ``\\Seen``, ``\\Flagged``, ``\\Answered``, or words of one's own.

    ``mail.flag(IMAP, [letter.uid], add=["\\\\Seen", "done"])``
    """
    adding, removing = [_checked(one) for one in add or ()], [_checked(one) for one in remove or ()]
    with imap(server) as client, _opened(client, folder, change=True):
        for uid in _numbers(uids):
            if adding:
                client.add_flags(uid, adding, silent=True)
            if removing:
                client.remove_flags(uid, removing, silent=True)


@node(writes="mail")
def move(server: str, uids: list[int], target: str, folder: str = "INBOX") -> None:
    """Move mails to another folder, which has to be there.

    ``mail.move(IMAP, [letter.uid], "Archive")``
    """
    if numbers := _numbers(uids):
        _folder_name(target)
        with imap(server) as client, _opened(client, folder, change=True):
            if client.has_capability("MOVE"):
                client.move(numbers, target)
            else:
                _can_delete(client)
                client.copy(numbers, target)
                client.delete_messages(numbers, silent=True)
                client.uid_expunge(numbers)


@node(writes="mail")
def delete(server: str, uids: list[int], folder: str = "INBOX") -> None:
    """Delete mails for good; those that are not there are no error.

    ``mail.delete(IMAP, [letter.uid])``

    Raises MailError for a server that cannot delete these alone (without UIDPLUS).
    """
    if numbers := _numbers(uids):
        with imap(server) as client, _opened(client, folder, change=True):
            _can_delete(client)
            client.delete_messages(numbers, silent=True)
            client.uid_expunge(numbers)


@node(pure=True)
def parse(data: bytes) -> Mail:
    """A mail from the bytes of a file (``.eml``).

    ``letter = mail.parse(files.read_bytes("letter.eml"))``

    Raises ValueError for more than a thousand parts, or parts nested too deeply.
    """
    return parsed(data)


_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@contextmanager
def _opened(client: Any, folder: str, *, change: bool = False) -> Iterator[None]:
    client.select_folder(_folder_name(folder), readonly=not change)
    yield


@contextmanager
def _reading(server: str, folder: str) -> Iterator[Any]:
    with imap(server) as client, _opened(client, folder):
        yield client


def _fetched(client: Any, uid: int, max_size: int) -> Mail | None:
    """One mail; its size is asked first, as an answer is read whole."""
    (number,) = _numbers([uid])
    state = client.fetch(number, ["RFC822.SIZE", "FLAGS"]).get(number)
    if state is None:
        return None
    if (size := state[b"RFC822.SIZE"]) > max_size:
        msg = f"the mail {uid} has {size} bytes, more than max_size={max_size}"
        raise Unreadable(msg)
    found = client.fetch(number, ["BODY.PEEK[]"]).get(number, {})
    data = found.get(b"BODY[]")
    return None if data is None else parsed(data, number, [_flag(one) for one in state[b"FLAGS"]])


async def _news(client: Any, idle: bool) -> None:
    """Until the server may have something to tell. What waits is a task, so nothing is left of it when it is cut."""
    if not idle:
        await trio.sleep(_POLL_SECONDS)
        await trio.to_thread.run_sync(client.noop)
        return
    await trio.to_thread.run_sync(client.idle)
    with trio.move_on_after(_IDLE_SECONDS):
        if not client.wire.said():
            await trio.lowlevel.wait_readable(client.socket())
    await trio.to_thread.run_sync(client.idle_done)


def _can_delete(client: Any) -> None:
    if not client.has_capability("UIDPLUS"):
        msg = f"{client.host} cannot delete some mails and leave others that are marked so (it has no UIDPLUS)"
        raise MailError(msg)


def _message_id(domain: str) -> str:
    """Alike for the attempts of one call, so that who gets a mail twice can see that it is one."""
    try:
        key = context().key
    except RuntimeError:
        return make_msgid(domain=domain)
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def _listed(people: str | Sequence[str] | None) -> list[str]:
    return [people] if isinstance(people, str) else list(people or ())


def _numbers(uids: Sequence[int]) -> list[int]:
    for uid in uids:
        if isinstance(uid, bool) or not isinstance(uid, int) or uid < 1:
            msg = f"{uid!r} is no uid: a whole number from 1 on"
            raise ValueError(msg)
    return list(uids)


def _checked(flag: str) -> str:
    if not _FLAG.fullmatch(flag):
        msg = f"{flag!r} is no flag: \\Seen, \\Flagged, or a word of letters, digits, $ _ . -"
        raise ValueError(msg)
    return flag


def _folder_name(name: str) -> str:
    if not name or has_control(name):
        msg = f"{name!r} is no name of a folder"
        raise ValueError(msg)
    return name


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _flag(flag: Any) -> str:
    return flag.decode("utf-8", "replace") if isinstance(flag, bytes) else str(flag)
