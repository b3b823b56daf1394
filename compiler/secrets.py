"""Secret text: it works like any other, and is shown as ``<secret>``.

Text made from a secret is secret: what the language makes of it (slices, methods, f-strings, ``+``) is a
:class:`SecretText` again. What a node makes of it in its own code is plain to Python, so whoever shows something passes
it through :func:`hide` or :func:`redact`, which know the texts of all secrets of the process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

HIDDEN = "<secret>"

SHORTEST = 3
"""A text of fewer characters is hidden only as a value: taken out of other texts it would leave holes in every word."""

MOST = 10_000
"""Texts remembered at most; a loop may make a new one in every pass."""

_known: dict[str, None] = {}
"""The texts of secrets, in the forms in which they are shown (as they are, and as JSON and ``repr`` write them)."""


class SecretText(str):
    """A ``str`` that is shown as ``<secret>``.

    ``str(secret)`` in a node is exactly a ``str``: it is how code asks for one where no subclass will do (``pathlib``,
    ``sys.intern``). In a flow it is secret (:func:`text_of`).
    """

    __slots__ = ()

    def __new__(cls, text: str) -> SecretText:
        _remember(str.__str__(text))
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, spec: str) -> str:
        return SecretText(str.__format__(self, spec))

    def __radd__(self, other: str) -> SecretText:
        return SecretText(other + str.__str__(self)) if isinstance(other, str) else NotImplemented

    def __iter__(self) -> Iterator[str]:
        return (SecretText(c) for c in str.__iter__(self))

    def __reduce__(self) -> tuple[type[SecretText], tuple[str]]:
        return SecretText, (str.__str__(self)[:],)


def _remember(text: str) -> None:
    """Know a secret's text where it is shown. One around another secret need not be known: that one is taken out of it,
    and what stands around it was never secret."""
    if len(text) >= SHORTEST and len(_known) < MOST and not any(secret in text for secret in _known):
        _known.update(dict.fromkeys((text, *(form for once in _written(text) for form in (once, *_written(once))))))


def _written(text: str) -> tuple[str, ...]:
    """A text as JSON and Python write it. An error often shows the one in the other: ``str(KeyError(text))`` in a line
    of JSON."""
    shown = repr(text)[1:-1]
    return (
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        shown,
        shown.replace("'", "\\'"),  # where a longer text has both kinds of quotes
        repr(text.encode("utf-8", "surrogatepass"))[2:-1],
    )


def taint(value: Any, of: str = "") -> Any:
    """``value``, made from a secret: its text is secret. ``of``: the text that it was made from."""
    if isinstance(value, str):
        if of and len(value) >= SHORTEST and value in _around(of):
            return str.__new__(
                SecretText, value
            )  # secret as a value, and no reason to take the word out of other texts
        return SecretText(value)
    if isinstance(value, (list, tuple)):
        return type(value)(taint(item, of) for item in value)
    return value


def _around(text: str) -> str:
    """What stands in a secret text around the secrets that it was made from."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "\0")
    return text


def _tainting(name: str) -> Callable[..., Any]:
    plain = getattr(str, name)

    def method(self: SecretText, *args: Any, **kwargs: Any) -> Any:
        return taint(plain(self, *args, **kwargs), str.__str__(self)[:])

    method.__name__ = name
    return method


for _name in (
    "__add__ __mul__ __rmul__ __getitem__ capitalize casefold center expandtabs join ljust lower lstrip partition "
    "removeprefix removesuffix replace rjust rpartition rsplit rstrip split splitlines strip swapcase title translate "
    "upper zfill"
).split():
    setattr(SecretText, _name, _tainting(_name))


def join(parts: tuple[str, ...]) -> str:
    """The parts of an f-string, together: secret if one of them is."""
    text = "".join(parts)
    return SecretText(text) if any(isinstance(part, SecretText) for part in parts) else text


def text_of(*args: Any, **kwargs: Any) -> str:
    """``str(...)`` in a flow: secret if it is made of a secret."""
    text = str(*args, **kwargs)
    return SecretText(text) if args and isinstance(args[0], SecretText) else text


def made_with(result: Any, args: tuple[Any, ...]) -> Any:
    """The result of a method of text, secret if an argument (or an item of one) is."""
    for arg in args:
        if isinstance(arg, SecretText):
            return taint(result)
        if isinstance(arg, (list, tuple)) and any(isinstance(item, SecretText) for item in arg):
            return taint(result)
    return result


def hide(text: str) -> str:
    """``text`` without the secrets in it."""
    if isinstance(text, SecretText):
        return HIDDEN
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


_PASSWORD = re.compile(r"""(?<=://)([^\s/?#@:"]*):[^\s/?#"]+@""")


def hide_passwords(text: str) -> str:
    """``text`` without the secrets in it, and without the passwords of addresses (``redis://ada:PASSWORD@host``), for
    reports: those are often plain inputs, which nobody has called secret."""
    text = hide(text)  # first: an address that is a secret is one as a whole
    return _PASSWORD.sub(rf"\1:{HIDDEN}@", text) if "://" in text else text


DEEPEST = 100
"""Levels of containers that are looked into; what is nested deeper (or in itself) is hidden as a whole."""


def redact(value: Any) -> Any:
    """``value`` without the secrets in it: containers part by part, text that holds one as a whole, anything else whose
    ``repr`` would show one as ``<secret>``."""
    if not _known:
        return value
    try:
        return _redacted(value, 0)
    except _TooDeepError:
        return HIDDEN


class _TooDeepError(ValueError):
    pass


def _redacted(value: Any, level: int) -> Any:
    if level > DEEPEST:
        raise _TooDeepError
    level += 1
    match value:
        case SecretText():
            return HIDDEN
        case str():
            return hide(value)
        case Mapping():
            return {_redacted(key, level): _redacted(item, level) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if type(value) in (list, tuple, set, frozenset):
            return type(value)([_redacted(item, level) for item in value])
        case None | bool() | int() | float():
            return value
    shown = repr(value)
    return value if hide(shown) == shown and HIDDEN not in shown else HIDDEN


def forget() -> None:
    """Forget every secret: for tests."""
    _known.clear()
