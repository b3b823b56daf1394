"""What a program says of a call over HTTP and what it gets back: values only, shared by the packs that speak HTTP."""

from __future__ import annotations

import re
from typing import Any

import httpx
from attrs import field, frozen

from ._auth import OAuth
from ._cookies import Cookie
from ._jsontext import parse


@frozen(kw_only=True)
class Client:
    """How calls are made: a value, which any number of calls may be given.

    Parameters
    ----------
    auth: a name and a password, the text of a bearer token, or an :class:`~._auth.OAuth`. digest: the password is not
    sent, but proves itself (RFC 7616). headers: sent with each call; where a redirect leads to another
    host, only what tells of the content goes along. cookies: what an answer had set
    (``answer.cookies``), sent to the hosts that they are for.
    proxy: the address of a proxy, ``http://proxy.test:3128`` or ``socks5://proxy.test:1080``.
    at_once, rate: how many calls a host gets at once, and in a second. Calls of a run with the same figures share
    them; redirects count for the host that was called. Waiting for its turn is part of the time that a call may take.
    wait: how many seconds a server that is overloaded (429, 503) may ask for with ``Retry-After``, where repeating is
    harmless; 0: its answer is an error at once.
    max_body: how many bytes of an answer are taken into memory.
    """

    auth: tuple[str, str] | str | OAuth | None = field(default=None, repr=False)
    digest: bool = False
    headers: dict[str, str] = field(factory=dict, repr=False)
    cookies: list[Cookie] = field(factory=list, repr=False)
    proxy: str = field(default="", repr=False)
    at_once: int | None = None
    rate: float | None = None
    wait: float = 30.0
    max_body: int = 100_000_000

    def __attrs_post_init__(self) -> None:
        if (self.at_once is not None and self.at_once < 1) or (self.rate is not None and not self.rate > 0):
            msg = "at_once is 1 or more, and rate more than 0 (None: no limit)"
            raise ValueError(msg)
        auth: object = self.auth  # from data it may be anything
        pair = isinstance(auth, (tuple, list)) and len(auth) == 2
        if not pair and not isinstance(auth, str | OAuth | None):
            msg = f"auth is a token, or a name and a password, not a {type(auth).__name__}"
            raise ValueError(msg)
        if self.digest and not isinstance(self.auth, (tuple, list)):
            msg = "digest=True wants a name and a password in auth="
            raise ValueError(msg)


PLAIN = Client()


@frozen(kw_only=True)
class Response:
    """An answer; names of headers are in lower case. ``cookies``: those of the client, and what the call has set."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[Cookie] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Is the status below 400?"""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as text, in the charset that the answer names (else UTF-8)."""
        named = re.search(r"charset=[\"']?([\w.:-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        try:
            return self.body.decode(named[1] if named else "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The value that the body, a JSON text, stands for. Raises ValueError."""
        return parse(self.body, f"the answer of {self.url}")


@frozen(kw_only=True)
class Call:
    """A request to be made.

    Parameters
    ----------
    content: its body; one that is a stream is sent as it comes. harmless: may it be repeated? once: is the body gone
    when it is sent? redirects: are they followed?
    """

    method: str
    url: str
    params: dict[str, Any] | None = None
    headers: dict[str, str] | None = None
    content: str | bytes | httpx.AsyncByteStream | None = None
    form: dict[str, Any] | None = None
    client: Client = PLAIN
    harmless: bool = False
    once: bool = False
    redirects: bool = True
