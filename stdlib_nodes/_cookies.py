"""Cookies as values, and the jar of one call; shared by nodes that speak HTTP. Which cookie goes where is decided by
Python's ``http.cookiejar``."""

from __future__ import annotations

from http.cookiejar import Cookie as _Kept, CookieJar, DefaultCookiePolicy

import httpx
from attrs import frozen


@frozen(kw_only=True)
class Cookie:
    """What a server wants to be told again.

    Parameters
    ----------
    domain: the host it is for; with a dot before it, those below too. secure: over TLS only. expires: seconds since
    1970; None: when the program ends.
    """

    name: str
    value: str
    domain: str
    path: str = "/"
    secure: bool = False
    expires: float | None = None


class Jar:
    """The cookies of one call and of the redirects it follows: what was given, then what servers set."""

    def __init__(self, given: list[Cookie]) -> None:
        self._cookies: httpx.Cookies | None = None
        if given:
            jar = self._made().jar
            for cookie in given:
                jar.set_cookie(_kept(cookie))

    def send(self, request: httpx.Request) -> None:
        """Put the cookies that are for its address into a request."""
        if self._cookies is not None:
            self._cookies.set_cookie_header(request)

    def keep(self, response: httpx.Response) -> None:
        """Take what an answer sets."""
        if "set-cookie" in response.headers:
            self._made().extract_cookies(response)

    def values(self) -> list[Cookie]:
        """What is in it now."""
        if self._cookies is None:
            return []
        return [
            Cookie(
                name=c.name, value=c.value or "", domain=c.domain, path=c.path, secure=c.secure, expires=c.expires
            )
            for c in self._cookies.jar
        ]  # fmt: skip

    def _made(self) -> httpx.Cookies:
        if self._cookies is None:
            self._cookies = httpx.Cookies(CookieJar(DefaultCookiePolicy(strict_domain=True)))
        return self._cookies


def _kept(cookie: Cookie) -> _Kept:
    below = cookie.domain.startswith(".")
    return _Kept(
        version=0, name=cookie.name, value=cookie.value, port=None, port_specified=False, domain=cookie.domain,
        domain_specified=below, domain_initial_dot=below, path=cookie.path, path_specified=True, secure=cookie.secure,
        expires=None if cookie.expires is None else int(cookie.expires), discard=cookie.expires is None, comment=None,
        comment_url=None, rest={},
    )  # fmt: skip
