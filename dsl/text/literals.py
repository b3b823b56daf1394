"""The values of number and string literals, as Python reads them, plus durations. Never ``eval``."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

from ...compiler.durations import parse_duration
from .limits import MAX_DIGITS, MAX_STRING

_DIGITS = r"\d+(?:_\d+)*"
_FLOAT = re.compile(rf"(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?\Z")
_DURATION = re.compile(rf"(?:{_DIGITS}(?:\.\d+)?(?:ms|[dhms]))+\Z")
_BASES = {"x": 16, "o": 8, "b": 2}

_ESCAPE = re.compile(
    r"\\(?:(\n)|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^}]*)\}|([\s\S]))"
)
_BYTES_ESCAPE = re.compile(r"\\(?:(\n)|([0-7]{1,3})|x([0-9a-fA-F]{2})|()()()([\s\S]))")
_SIMPLE = {
    "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip
_PREFIX = re.compile(r"[a-zA-Z]*")


class LiteralError(ValueError):
    """A literal without a value; ``.help`` says what to write instead."""

    def __init__(self, message: str, help: str) -> None:
        self.help = help
        super().__init__(message)


def number(text: str) -> int | float | complex | timedelta:
    """The value of a number or of a duration such as ``1h30m``.

    Raises
    ------
    LiteralError: it is neither.

    >>> number("0x_ff"), number("1_000.5"), number("2j"), number("1h30m")
    (255, 1000.5, 2j, datetime.timedelta(seconds=5400))
    """
    if len(text) > MAX_DIGITS:
        msg = f"a number of more than {MAX_DIGITS:,} characters"
        raise LiteralError(msg, "compute it, or read it from an input")
    try:
        if text.isdecimal() and text.isascii():
            if text[0] == "0" and text.strip("0"):
                msg = f"`{text}` begins with 0"
                raise LiteralError(msg, f"write `{text.lstrip('0')}`, or `0o{text.lstrip('0')}` for an octal number")
            return int(text)
        if text[:1] == "0" and text[1:2].lower() in _BASES:
            return int(text[2:].removeprefix("_"), _BASES[text[1].lower()])
        if text[-1] in "jJ" and _FLOAT.match(text[:-1]):
            return complex(0, float(text[:-1]))
        if _FLOAT.match(text):
            return int(text) if text.replace("_", "").isdecimal() else float(text)
        if _DURATION.match(text):
            return parse_duration(text.replace("_", ""))
    except LiteralError:
        raise
    except OverflowError:
        msg = f"`{text}` is too long a time"
        raise LiteralError(msg, "the longest duration is 999999999d") from None
    except ValueError:
        pass
    msg = f"`{text}` is not a number"
    raise LiteralError(msg, _number_help(text))


def _number_help(text: str) -> str:
    found = re.match(r"(\d+)\s*([a-zA-Z]+)\Z", text)
    units = {"sec": "s", "secs": "s", "min": "m", "mins": "m", "hr": "h", "hrs": "h", "w": "d", "y": "d", "us": "ms"}
    if found and (unit := units.get(found[2].lower())):
        if found[2].lower() == "w":
            return f"write `{int(found[1]) * 7}d`: the units are d h m s ms"
        return f"write `{found[1]}{unit}`: the units are d h m s ms" if unit != "d" else "the units are d h m s ms"
    return "numbers are like 10, 1_000, 0.5, 1e-3, 0xff; durations like 250ms, 10s, 5m, 1h30m, 2d"


def string(token: str) -> str | bytes:
    """The value of a string literal without holes, from its text with prefix and quotes.

    Raises
    ------
    LiteralError: an escape that means nothing, or a string that is too long.

    >>> string("'a'"), string(r'r"\\d"'), string('b"x"')
    ('a', '\\\\d', b'x')
    """
    prefix = ""
    first = token[0]
    if first not in "\"'":
        found = _PREFIX.match(token)
        assert found is not None
        prefix = found[0].lower()
        token = token[len(prefix) :]
    quotes = 3 if len(token) >= 6 and token[1] == token[0] == token[2] else 1
    body = token[quotes:-quotes]
    if "b" in prefix:
        return _bytes(body, "r" in prefix)
    return text(body, "r" in prefix)


def text(body: str, raw: bool) -> str:
    """The value of the inside of a string.

    Raises
    ------
    LiteralError: as for :func:`string`.
    """
    if len(body) > MAX_STRING:
        msg = f"a string of more than {MAX_STRING:,} characters"
        raise LiteralError(msg, "put it into a file and read that with a node")
    return body if raw or "\\" not in body else _ESCAPE.sub(_unescape, body)


def _bytes(body: str, raw: bool) -> bytes:
    if not body.isascii():
        msg = "a bytes literal holds ASCII characters only"
        raise LiteralError(msg, "write other bytes as \\x.., or encode a string")
    if len(body) > MAX_STRING:
        msg = f"a bytes literal of more than {MAX_STRING:,} characters"
        raise LiteralError(msg, "put it into a file and read that with a node")
    return (body if raw else _BYTES_ESCAPE.sub(_unescape, body)).encode("latin-1")


def _unescape(found: re.Match[str]) -> str:
    newline, octal, two, four, eight, name, other = found.groups()
    if newline:
        return ""
    if octal:
        code = int(octal, 8)
        if code > 255:
            msg = f"`\\{octal}` is past the last octal escape"
            raise LiteralError(msg, "octal escapes end at \\377")
        return chr(code)
    digits = two or four or eight
    if digits:
        code = int(digits, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            msg = f"`{found[0]}` is not a character"
            raise LiteralError(msg, "surrogates and numbers past 10ffff are not text: write the character itself")
        return chr(code)
    if name is not None and name != "":
        try:
            return unicodedata.lookup(name)
        except KeyError:
            msg = f"no character is named {name!r}"
            raise LiteralError(msg, "look the name up, or write the character itself") from None
    simple = _SIMPLE.get(other)
    if simple is None:
        shown = f"\\{other}"
        msg = f"`{shown}` is not an escape"
        raise LiteralError(msg, f"write `\\\\{other or 'N'}` for a backslash, or put `r` before the string")
    return simple
