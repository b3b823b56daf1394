"""Who a call is made for: passwords, tokens, and tokens that a server of OAuth 2 gives. It knows nothing of nodes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple
from urllib.parse import quote_plus
from weakref import WeakValueDictionary

import httpx
import msgspec
import trio
from attrs import field, frozen

from .. import SecretText, hide
from ._failures import HttpError

_MOST = 256  # tokens that are kept
_EARLY = 60.0  # seconds before its end that a token is given up, or a tenth of its life: it has to arrive in time
_SHOWN = 200

Login = tuple[str, str] | None
Ask = Callable[[dict[str, str], Login], Awaitable[tuple[int, bytes]]]
"""Posts a form, with a name and a password or without: the status and the body."""


@frozen(kw_only=True)
class OAuth:
    """An application that a server of OAuth 2 knows (RFC 6749): the server gives it tokens, which end after a while.

    A token is kept, for all calls of this process with the same values, until it ends or is refused. Secrets and tokens
    are hidden wherever something is shown.

    Parameters
    ----------
    token_url: where tokens are given. id, secret: of the application. refresh: a refresh token: tokens are for whoever
    has agreed to that; without one they are for the application itself (client credentials). A new refresh token that
    comes with a token is used from then on, as long as the process lasts.
    scope: what the token is to permit, words with spaces between. more: other fields of the request, such as
    ``audience``. in_body: the secret goes as a field, too, as a few servers want it, not as a password.
    """

    token_url: str
    id: str
    secret: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    scope: str = ""
    more: dict[str, str] = field(factory=dict, repr=False)
    in_body: bool = False

    def __attrs_post_init__(self) -> None:
        named = {name: getattr(self, name) for name in ("token_url", "id", "secret", "refresh", "scope")}
        for name, value in (named | self.more).items():
            if not isinstance(value, str):  # from data it may be anything
                msg = f"{name}= of OAuth is a text, not a {type(value).__name__}"
                raise ValueError(msg)
        for text in (self.secret, self.refresh):
            SecretText(text)  # hidden from now on, whoever shows it

    def _request(self, refresh: str) -> tuple[dict[str, str], Login]:
        form = {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {}
        form = {"grant_type": "client_credentials"} | form | ({"scope": self.scope} if self.scope else {}) | self.more
        if self.secret and not self.in_body:
            return form, (quote_plus(self.id), quote_plus(self.secret))  # RFC 6749, 2.3.1
        return form | {"client_id": self.id} | ({"client_secret": self.secret} if self.secret else {}), None


class Token(NamedTuple):
    """``until``: when it is given up, on the clock of the world. ``refresh``: what the next one is asked for with."""

    text: str
    until: float
    refresh: str


class _Said(msgspec.Struct):
    """The answer of a server of tokens (RFC 6749, 5.1 and 5.2)."""

    access_token: str = ""
    token_type: str = "bearer"
    expires_in: float | str | None = None  # a number, says the standard
    refresh_token: str = ""
    error: str = ""
    error_description: str = ""


class Bearer(httpx.Auth):
    """A token (RFC 6750). What httpx takes for a password, it does not send where a redirect leads elsewhere."""

    def __init__(self, token: str) -> None:
        if not (token.isascii() and token.isprintable()):  # the text of httpx's own error would show it
            msg = "the token holds characters that no header can"
            raise ValueError(msg)
        self.token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["authorization"] = f"Bearer {self.token!s}"
        yield request


_tokens: dict[Hashable, Token] = {}
_locks: trio.lowlevel.RunVar[WeakValueDictionary[Hashable, trio.Lock]] = trio.lowlevel.RunVar("cflow.http tokens")


async def bearer(auth: OAuth, whose: Hashable, ask: Ask) -> Bearer:
    """The token that there is, or a new one; whoever wants it meanwhile waits for the same.

    Parameters
    ----------
    whose: who may share it. ask: how the server is asked.

    Raises
    ------
    HttpError: there is none; and what ``ask`` raises.
    """
    key = _key(auth, whose)
    async with _lock(key):
        token = _tokens.get(key)
        if token is None or token.until <= time.time():
            form, login = auth._request(token.refresh if token else auth.refresh)
            token = _read(auth, *await ask(form, login))
            _tokens.pop(key, None)  # the newest stands last
            while len(_tokens) >= _MOST:
                del _tokens[next(iter(_tokens))]
            _tokens[key] = token
    return Bearer(token.text)


def refused(auth: OAuth, whose: Hashable, sent: Bearer) -> None:
    """A server did not take a token: the next call gets a new one."""
    key = _key(auth, whose)
    token = _tokens.get(key)
    if token is not None and token.text == sent.token:
        _tokens[key] = token._replace(until=0.0)


def _key(auth: OAuth, whose: Hashable) -> Hashable:
    more = tuple(sorted(auth.more.items()))
    return whose, auth.token_url, auth.id, auth.secret, auth.refresh, auth.scope, more, auth.in_body


def _lock(key: Hashable) -> trio.Lock:
    try:
        locks = _locks.get()
    except LookupError:
        locks = WeakValueDictionary()
        _locks.set(locks)
    found = locks.get(key)
    if found is None:
        found = locks[key] = trio.Lock()
    return found


def _read(auth: OAuth, status: int, body: bytes) -> Token:
    """The token in an answer, whose body is never shown: it may hold one."""
    url = str(httpx.URL(auth.token_url).copy_with(userinfo=b"", query=None))
    where = f"no token from {url}"
    try:
        said = msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        said = _Said()
    for text in (said.access_token, said.refresh_token):
        SecretText(text)
    if not 200 <= status < 300 or said.error or not said.access_token:
        why = hide(" ".join(f"{said.error} {said.error_description}".split()))[:_SHOWN]
        raise HttpError(f"{where}: {status}{why and f', {why}'}", status, url)
    if said.token_type.lower() != "bearer":
        raise HttpError(f"{where}: it is of another kind than bearer", status, url)
    return Token(said.access_token, _until(said.expires_in), said.refresh_token or auth.refresh)


def _until(lasts: float | str | None) -> float:
    try:
        seconds = float("inf" if lasts is None else lasts)
    except ValueError:
        seconds = float("inf")  # until it is refused
    return time.time() + seconds - min(_EARLY, seconds / 10)
