"""A folder of an IMAP server: opened, read, waited at; names and numbers that are none refused. It knows nothing of
nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import trio

from ._mailboxes import imap
from ._mailtext import Unreadable, parsed
from ._mailwords import Mail, MailError
from ._names import has_control

_IDLE_SECONDS = 540.0  # servers and routers drop what says nothing for longer
_POLL_SECONDS = 30.0  # of servers that cannot tell by themselves
_FLAG = re.compile(r"\\?[A-Za-z0-9$_.-]+")


@contextmanager
def opened(client: Any, folder: str, *, change: bool = False) -> Iterator[dict[bytes, Any]]:
    """Gives what the server tells of the folder."""
    yield client.select_folder(folder_name(folder), readonly=not change)


@contextmanager
def reading(server: str, folder: str) -> Iterator[Any]:
    with imap(server) as client, opened(client, folder):
        yield client


def fetched(client: Any, uid: int, max_size: int) -> Mail | None:
    """One mail; its size is asked first, as an answer is read whole."""
    (number,) = numbers([uid])
    state = client.fetch(number, ["RFC822.SIZE", "FLAGS"]).get(number)
    if state is None:
        return None
    if (size := state[b"RFC822.SIZE"]) > max_size:
        msg = f"the mail {uid} has {size} bytes, more than max_size={max_size}"
        raise Unreadable(msg)
    found = client.fetch(number, ["BODY.PEEK[]"]).get(number, {})
    data = found.get(b"BODY[]")
    return None if data is None else parsed(data, number, [flag_of(one) for one in state[b"FLAGS"]])


async def news(client: Any, idle: bool) -> None:
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


def can_keep(client: Any, told: dict[bytes, Any], flags: Sequence[str]) -> None:
    """Raises MailError for a flag that the server would drop without a word (RFC 3501, 7.1: PERMANENTFLAGS)."""
    kept = {flag_of(one).lower() for one in told.get(b"PERMANENTFLAGS", (b"\\*",))}
    for flag in flags:
        if "\\*" not in kept and flag.lower() not in kept:
            msg = f"{client.host} keeps no flag {flag!r} in this folder, only {', '.join(sorted(kept))}"
            raise MailError(msg)


def can_delete(client: Any) -> None:
    if not client.has_capability("UIDPLUS"):
        msg = f"{client.host} cannot delete some mails and leave others that are marked so (it has no UIDPLUS)"
        raise MailError(msg)


def numbers(uids: Sequence[int]) -> list[int]:
    for uid in uids:
        if isinstance(uid, bool) or not isinstance(uid, int) or uid < 1:
            msg = f"{uid!r} is no uid: a whole number from 1 on"
            raise ValueError(msg)
    return list(uids)


def flag_word(flag: str) -> str:
    if not _FLAG.fullmatch(flag):
        msg = f"{flag!r} is no flag: \\Seen, \\Flagged, or a word of letters, digits, $ _ . -"
        raise ValueError(msg)
    return flag


def folder_name(name: str) -> str:
    if not name or has_control(name):
        msg = f"{name!r} is no name of a folder"
        raise ValueError(msg)
    return name


def flag_of(flag: Any) -> str:
    return flag.decode("utf-8", "replace") if isinstance(flag, bytes) else str(flag)
