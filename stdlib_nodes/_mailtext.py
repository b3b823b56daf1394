"""Mails as text: written so that nothing a stranger chose becomes a header, read within bounds. It knows no server."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import format_datetime, getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any

from .. import permissions
from ._mailwords import Attachment, Mail
from ._names import file_name, has_control

_PARTS = 1000  # of a mail that is read
_NESTED = 200  # how many parts may hold parts: the parser takes time for each level at each line
_HEADER = 64 << 10  # characters of a header that are looked at
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_DOTTED = r"{0}(?:\.{0})*".format(r'[^\s"(),.:;<>@\[\]\\]+')
_ADDRESS = re.compile(
    r'(?P<open>(?:"(?P<quoted>[^"\\]*)"|(?P<name>[^"(),:;<>@\[\]\\]*?)) *<)?'
    rf"(?P<local>{_DOTTED})@(?P<domain>{_DOTTED})(?(open)>)"
)
_LONGEST = 1000  # characters of an address with its name
_OURS = "from sender to cc bcc reply-to subject date message-id mime-version".split()
_BAD_CODECS = ("idna", "punycode")  # quadratic in what they are given


class Unreadable(ValueError):
    """A mail that is too large, or broken beyond reading."""


# ---- written -------------------------------------------------------------------------------------


def composed(
    *,
    sender: str,
    to: Sequence[str],
    cc: Sequence[str],
    reply_to: str,
    subject: str,
    text: str,
    html: str,
    attachments: Iterable[str | Path | Attachment],
    inline: Mapping[str, str | Path | Attachment],
    headers: Mapping[str, str],
    message_id: str,
    date: datetime,
) -> EmailMessage:
    """A mail to be sent. Raises ValueError for what would not be one header, one address or one name."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = address(sender)
    for name, people in (("To", to), ("Cc", cc), ("Reply-To", [reply_to] if reply_to else [])):
        if people:
            mail[name] = [address(one) for one in people]
    mail["Subject"] = _line("subject", subject)
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = message_id
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("content-"):
            msg = f"headers={{...}}: {name!r} is no header to be set there"
            raise ValueError(msg)
        mail[name] = _line(name, value)
    if text or not html:
        mail.set_content(text)
    page: Any = mail
    if html:
        if text:
            mail.add_alternative(html, subtype="html")
            page = mail.get_payload(1)
        else:
            mail.set_content(html, subtype="html")
    elif inline:
        msg = "inline= is for pictures that html= shows (<img src='cid:NAME'>)"
        raise ValueError(msg)
    for cid, picture in inline.items():
        if not re.fullmatch(r"[A-Za-z0-9._@-]+", cid):
            msg = f"inline={{...}}: {cid!r} is no name for cid: (letters, digits, . _ - @)"
            raise ValueError(msg)
        _attach(page.add_related, picture, cid=f"<{cid}>", disposition="inline")
    for one in attachments:
        _attach(mail.add_attachment, one)
    return mail


def _attach(add: Any, what: str | Path | Attachment, **how: Any) -> None:
    if isinstance(what, Attachment):
        name, data, kind = what.name, what.data, what.type
    else:
        file = Path(what)
        name, data = file.name, permissions().file(file).read_bytes()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    main, _, sub = kind.partition("/")
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind, re.ASCII) or main in ("message", "multipart"):
        main, sub = "application", "octet-stream"  # those would be read as parts of this mail
    add(data, maintype=main, subtype=sub, filename=_line("name of an attachment", name), **how)


def address(text: str) -> Address:
    """The one address that a text holds: ``ada@example.org`` or ``Ada <ada@example.org>``.

    Raises
    ------
    ValueError: it holds none, several, or something else.
    """
    # Not by the parser of the library: it takes seconds for a few dozen brackets.
    found = None if has_control(text) or len(text) > _LONGEST else _ADDRESS.fullmatch(text.strip())
    if found is not None:
        with suppress(UnicodeError):  # no name of a host
            domain = found["domain"].encode("idna").decode("ascii")
            return Address(found["quoted"] or found["name"] or "", found["local"], domain)
    msg = f"{text!r} is not one address: ada@example.org or Ada <ada@example.org>"
    raise ValueError(msg)


def _line(what: str, text: str) -> str:
    if has_control(text):
        msg = f"{what}: {text!r} holds a line break or another control character"
        raise ValueError(msg)
    return text


# ---- read ----------------------------------------------------------------------------------------


def parsed(data: bytes, uid: int = 0, flags: Sequence[str] = ()) -> Mail:
    """A mail as it came.

    Raises
    ------
    Unreadable: it has too many parts, or is broken beyond reading.
    """
    low = data.lower()
    if low.count(b"multipart/") + low.count(b"message/") > _NESTED:
        msg = f"the mail has more than {_NESTED} parts that hold parts"
        raise Unreadable(msg)
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(data)
        return _read(message, uid, flags)
    except (RecursionError, MemoryError):
        msg = "the parts of the mail are nested too deeply"
        raise Unreadable(msg) from None
    except (LookupError, TypeError, AttributeError, AssertionError, MessageError) as error:
        msg = f"the mail cannot be read: {error}"
        raise Unreadable(msg) from error


def _read(message: Message, uid: int, flags: Sequence[str]) -> Mail:
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        headers.setdefault(_plain(name).lower(), []).append(str(value)[:_HEADER])
    first = {name: values[0] for name, values in headers.items()}
    people = {name: _people(headers.get(name, [])) for name in ("from", "to", "cc")}
    bodies, attachments = {"plain": "", "html": ""}, []
    for number, part in enumerate(_leaves(message), 1):
        main, _, sub = part.get_content_type().partition("/")
        called: str | None = part.get_filename()
        attached = called is not None or str(part.get("Content-Disposition", "")).lower().startswith("attachment")
        if main == "text" and sub in bodies and not bodies[sub] and not attached:
            bodies[sub] = _decoded(_payload(part), part.get_content_charset())
        else:
            cid = _plain(str(part.get("Content-ID", ""))).strip().removeprefix("<").removesuffix(">")
            fine = file_name("" if called is None else _header(called), f"attachment-{number}")
            attachments.append(Attachment(name=fine, data=_payload(part), type=f"{main}/{sub}", cid=cid))
    return Mail(
        uid=uid,
        flags=list(flags),
        sender=next((at for _, at in people["from"]), ""),
        sender_name=next((name for name, _ in people["from"]), ""),
        to=[at for _, at in people["to"]],
        cc=[at for _, at in people["cc"]],
        subject=_header(first.get("subject", "")),
        date=_date(first.get("date", "")),
        message_id=_plain(first.get("message-id", "")).strip(),
        text=bodies["plain"],
        html=bodies["html"],
        attachments=attachments,
        headers={name: "\n".join(map(_header, values)) for name, values in headers.items()},
    )


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold no parts, in order; a mail within a mail is one of them."""
    waiting, seen = [message], 0
    while waiting:
        part = waiting.pop()
        seen += 1
        if seen > _PARTS:
            msg = f"the mail has more than {_PARTS} parts"
            raise Unreadable(msg)
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting += [one for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield part


def _payload(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):  # message/rfc822 and the like
        return b"\n".join(one.as_bytes() for one in inner if isinstance(one, Message))
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _people(values: Iterable[str]) -> list[tuple[str, str]]:
    """Names and addresses. The names are decoded last: an encoded one cannot smuggle in another address."""
    try:
        found = getaddresses([_folded(v) for v in values])
    except RecursionError:  # brackets within brackets
        return []
    return [(_header(name), _plain(at)) for name, at in found if at]


def _header(value: str) -> str:
    """What a header says, on one line."""
    try:
        pieces = decode_header(_folded(value))
    except (ValueError, MessageError):  # a broken encoded word
        return _plain(_folded(value))
    return "".join(
        _plain(piece) if isinstance(piece, str) else _decoded(piece, charset) for piece, charset in pieces
    ).strip()


def _folded(value: str) -> str:
    return re.sub(r"[\r\n]+", "", value)


def _decoded(data: bytes, charset: str | None) -> str:
    try:
        if charset is None or charset.lower() in _BAD_CODECS:
            charset = "utf-8"
        return _plain(data.decode(charset, "replace"))
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _plain(text: str) -> str:
    """Text that can be written: bytes that the parser kept as halves of pairs are read as UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(_folded(text))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
