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
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from email.utils import make_msgid
from pathlib import Path

import trio

from .. import context, node
from ._aside import aside
from ._mailboxes import imap, sent
from ._mailfolder import can_delete, can_keep, fetched, flag_of, flag_word, folder_name, news, numbers, opened, reading
from ._mailsearch import criteria
from ._mailtext import address, composed, parsed
from ._mailwords import Attachment, Folder, Mail, MailError, Sent

# Made elsewhere, they belong to the pack as its nodes do.
__all__ = ["Attachment", "Folder", "Mail", "MailError", "Sent"]

_SIZE = 50 << 20  # bytes of a mail that is read


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
                flags=[flag_of(flag) for flag in flags],
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
    answered: bool | None = None,
    without: str = "",
) -> list[int]:
    """The uids of the mails that are all of this, the oldest first.

    ``new = mail.search(IMAP, seen=False, sender="@example.org", since=time.today())``

    Texts are found anywhere and in any case (by the server's own rules); ``since`` and ``before`` look at the day of
    arrival, ``after`` at the uid; ``keyword`` is a flag that they have, ``without`` one that they have not. Raises
    MailError, ValueError for a line break.
    """
    plain, others = criteria(
        {"SEEN": seen, "FLAGGED": flagged, "ANSWERED": answered},
        {"KEYWORD": keyword, "UNKEYWORD": without},
        {"SINCE": since, "BEFORE": before},
        {"FROM": sender, "TO": to, "SUBJECT": subject, "TEXT": text},
        after,
    )
    with imap(server) as client, opened(client, folder):
        found = {int(uid) for uid in client.search(plain)}
        for one in others:
            found &= set(client.search(one, "UTF-8"))
    return sorted(uid for uid in found if uid > after)  # `8:*` also names the last one where that is 7


@node(reads="mail")
def read(server: str, uid: int, folder: str = "INBOX", max_size: int = _SIZE) -> Mail:
    """One mail, with its attachments; whether it counts as seen does not change.

    ``letter = mail.read(IMAP, uid)``

    Raises ValueError for one that is not there, and for more than ``max_size`` bytes.
    """
    with imap(server) as client, opened(client, folder):
        found = fetched(client, uid, max_size)
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
    async with aside(reading(server, folder)) as client:
        for uid in uids:
            found = await trio.to_thread.run_sync(fetched, client, uid, max_size)
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
    async with aside(reading(server, folder)) as client:
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
                letter = await trio.to_thread.run_sync(fetched, client, uid, max_size)
                if letter is not None:
                    yield letter
            if client.wire.response("EXISTS") == ("EXISTS", [None]):  # else the server has told of more meanwhile
                await news(client, idle)


@node(writes="mail")
def flag(
    server: str, uids: list[int], add: list[str] | None = None, remove: list[str] | None = None, folder: str = "INBOX"
) -> None:
    """Set and take away flags: ``\\Seen``, ``\\Flagged``, ``\\Answered``, or words of one's own.

    ``mail.flag(IMAP, [letter.uid], add=["\\\\Seen", "done"])``

    Raises MailError for a flag that the server does not keep: some have no words of one's own.
    """
    adding, removing = [flag_word(one) for one in add or ()], [flag_word(one) for one in remove or ()]
    with imap(server) as client, opened(client, folder, change=True) as told:
        can_keep(client, told, adding)
        for uid in numbers(uids):
            if adding:
                client.add_flags(uid, adding, silent=True)
            if removing:
                client.remove_flags(uid, removing, silent=True)


@node(writes="mail")
def move(server: str, uids: list[int], target: str, folder: str = "INBOX") -> None:
    """Move mails to another folder, which has to be there.

    ``mail.move(IMAP, [letter.uid], "Archive")``
    """
    if found := numbers(uids):
        folder_name(target)
        with imap(server) as client, opened(client, folder, change=True):
            if client.has_capability("MOVE"):
                client.move(found, target)
            else:
                can_delete(client)
                client.copy(found, target)
                client.delete_messages(found, silent=True)
                client.uid_expunge(found)


@node(writes="mail")
def copy(server: str, uids: list[int], target: str, folder: str = "INBOX") -> None:
    """Copy mails to another folder, which has to be there.

    ``mail.copy(IMAP, [letter.uid], "Invoices")``
    """
    if found := numbers(uids):
        folder_name(target)
        with imap(server) as client, opened(client, folder):
            client.copy(found, target)


@node(writes="mail")
def make_folder(server: str, name: str) -> bool:
    """Make a folder, where it is not there; was it made?

    ``mail.make_folder(IMAP, "Archive")``
    """
    folder_name(name)
    with imap(server) as client:
        if client.folder_exists(name):
            return False
        client.create_folder(name)
    return True


@node(writes="mail")
def delete(server: str, uids: list[int], folder: str = "INBOX") -> None:
    """Delete mails for good; those that are not there are no error.

    ``mail.delete(IMAP, [letter.uid])``

    Raises MailError for a server that cannot delete these alone (without UIDPLUS).
    """
    if found := numbers(uids):
        with imap(server) as client, opened(client, folder, change=True):
            can_delete(client)
            client.delete_messages(found, silent=True)
            client.uid_expunge(found)


@node(pure=True)
def parse(data: bytes) -> Mail:
    """A mail from the bytes of a file (``.eml``).

    ``letter = mail.parse(files.read_bytes("letter.eml"))``

    Raises ValueError for more than a thousand parts, or parts nested too deeply.
    """
    return parsed(data)


def _message_id(domain: str) -> str:
    """Alike for the attempts of one call, so that who gets a mail twice can see that it is one."""
    try:
        key = context().key
    except RuntimeError:
        return make_msgid(domain=domain)
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def _listed(people: str | Sequence[str] | None) -> list[str]:
    return [people] if isinstance(people, str) else list(people or ())
