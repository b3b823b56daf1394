"""Connections to servers of mail: SMTP by Python's smtplib, IMAP by IMAPClient. It knows nothing of nodes.

Both connect where the program may (:func:`~._reach.connected`), check certificates, and tell of a failure without the
password, whatever the server has answered.
"""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email import policy
from email.message import EmailMessage
from functools import lru_cache
from typing import Any

from ._extras import needs
from ._mailtext import Unreadable
from ._mailwords import MailError
from ._reach import Server, connected, server

ANSWER_SECONDS = 60.0
_LITERAL = 256 << 20  # bytes of one value that an IMAP server sends
_SMTP = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
_IMAP = {"imaps": 993, "imap": 143, "imap+plain": 143}


class _Smtp(smtplib.SMTP):
    """smtplib over our own connection; ``_get_socket`` is what libraries for proxies override, too."""

    def __init__(self, at: Server) -> None:
        self._at = at
        super().__init__(at.host, at.port, local_hostname="localhost", timeout=ANSWER_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        return _secured(connected(host, port), self._at, "smtps", timeout)


class _Imap(imaplib.IMAP4):
    """imaplib over our own connection, with a bound for what the server says it is going to send."""

    def __init__(self, at: Server) -> None:
        self._at = at
        super().__init__(at.host, at.port, timeout=ANSWER_SECONDS)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        return _secured(connected(self._at.host, self._at.port), self._at, "imaps", timeout)

    def read(self, size: int) -> bytes:
        if size > _LITERAL:
            msg = f"the server announces {size} bytes; a value has at most {_LITERAL}"
            raise self.abort(msg)
        return super().read(size)

    def said(self) -> bool:
        """Has the server said something that nobody has read? Of what lies in a buffer no socket tells."""
        self.sock.setblocking(False)
        try:
            buffered: Any = self.file
            return bool(buffered.peek(1))
        except ssl.SSLWantReadError:
            return False
        finally:
            self.sock.settimeout(ANSWER_SECONDS)


def _secured(plain: socket.socket, at: Server, scheme: str, timeout: float | None) -> socket.socket:
    try:
        done = _tls().wrap_socket(plain, server_hostname=at.host) if at.scheme == scheme else plain
        done.settimeout(timeout)
    except BaseException:
        plain.close()
        raise
    return done


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # asked each time: SSL_CERT_FILE may name authorities of one's own


def sent(address: str, message: EmailMessage, sender: str, recipients: Sequence[str]) -> dict[str, str]:
    """Send a mail, logged in where the address has a user; the recipients that the server refuses, with its reasons."""
    at = server(address, _SMTP, "smtps://user:password@host, smtp:// (STARTTLS) or smtp+plain://")
    with _told(at):
        connection = _Smtp(at)
        try:
            if at.scheme == "smtp":
                connection.starttls(context=_tls())
            if at.user is not None:
                connection.login(at.user, at.password or "")
            # Written here: smtplib itself puts a > before lines that begin with "From ".
            wide = not all(who.isascii() for who in (sender, *recipients))
            options = ("SMTPUTF8", "BODY=8BITMIME") if wide else ()
            connection.ehlo_or_helo_if_needed()
            if wide and not connection.has_extn("smtputf8"):
                msg = "it takes no address but in ASCII"
                raise smtplib.SMTPNotSupportedError(msg)
            data = message.as_bytes(policy=policy.SMTPUTF8 if wide else policy.SMTP)
            refused = connection.sendmail(sender, recipients, data, options)
            with suppress(OSError):  # what was sent is sent, whatever becomes of QUIT
                connection.quit()
            return {who: f"{code} {_text(why)}" for who, (code, why) in refused.items()}
        finally:
            connection.close()


@contextmanager
def imap(address: str) -> Iterator[Any]:
    """An ``imapclient.IMAPClient``, logged in."""
    at = server(address, _IMAP, "imaps://user:password@host, imap:// (STARTTLS) or imap+plain://")
    with _told(at):
        client = _client()(at)
        try:
            if at.scheme == "imap":
                client.starttls(_tls())
            if at.user is not None:
                # LOGIN sends a user as it is, and ASCII only; PLAIN sends both in base64.
                if client.has_capability("AUTH=PLAIN"):
                    client.plain_login(at.user, at.password or "")
                else:
                    client.login('"' + at.user.replace("\\", "\\\\").replace('"', '\\"') + '"', at.password or "")
            yield client
            with suppress(imaplib.IMAP4.error, OSError):
                client.logout()
        finally:
            with suppress(OSError):
                client.shutdown()


@lru_cache(1)
def _client() -> Any:
    with needs("mail"):
        import imapclient

    class Client(imapclient.IMAPClient):  # type: ignore[misc, unused-ignore]
        def __init__(self, at: Server) -> None:
            self._at = at
            super().__init__(at.host, at.port, ssl=at.scheme == "imaps", timeout=ANSWER_SECONDS)

        def _create_IMAP4(self) -> Any:  # noqa: N802 - the library's name
            self.wire = _Imap(self._at)
            return self.wire

    return Client


@contextmanager
def _told(at: Server) -> Iterator[None]:
    """What goes wrong with a server: in words that name it, without the password, also further up the chain."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        reasons = ", ".join(f"{who}: {_text(why)}" for who, (_, why) in error.recipients.items())
        code = next((number for number, _ in error.recipients.values()), None)
        raise MailError(at.hidden(f"{at} refuses all recipients: {reasons}"), code) from None
    except smtplib.SMTPServerDisconnected as error:
        raise ConnectionError(at.hidden(f"{at}: {error}")) from None
    except smtplib.SMTPResponseException as error:
        msg = f"{at} refuses{_step(error)}: {error.smtp_code} {_text(error.smtp_error)}"
        raise MailError(at.hidden(msg), error.smtp_code) from None
    except smtplib.SMTPException as error:
        raise MailError(at.hidden(f"{at}: {error}")) from None
    except imaplib.IMAP4.abort as error:
        raise ConnectionError(at.hidden(f"{at}: {_text(error)}")) from None
    except imaplib.IMAP4.error as error:
        raise MailError(at.hidden(f"{at} refuses: {_text(error)}")) from None
    except UnicodeEncodeError:
        msg = f"{at} takes no user or password but in ASCII"
        raise MailError(msg) from None
    except TimeoutError:
        msg = f"{at}: no answer in time"
        raise TimeoutError(msg) from None
    except (Unreadable, PermissionError, FileNotFoundError):
        raise
    except OSError as error:  # one of TLS is a ValueError, too
        raise ConnectionError(at.hidden(f"{at}: {error}")) from None
    except (AttributeError, LookupError, TypeError, ValueError, AssertionError) as error:
        # A library has stumbled over an answer.
        msg = f"{at} has answered what cannot be understood ({type(error).__name__}: {error})"
        raise MailError(at.hidden(msg)) from None


def _step(error: smtplib.SMTPResponseException) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return " the login"
        case smtplib.SMTPSenderRefused():
            return f" the sender {error.sender}"
        case _:
            return ""


def _text(what: object) -> str:
    """What a server has answered, on one line."""
    text = what.decode("utf-8", "replace") if isinstance(what, bytes) else str(what)
    return " ".join(text.split())
