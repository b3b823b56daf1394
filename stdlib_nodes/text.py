"""Text: regular expressions, templates, splitting and joining, tables. All nodes are pure and take the text first,
so they chain: ``name |> text.truncate(40) |> text.slug``.

Patterns are those of Python's ``re``, and end: after ``seconds`` with a TimeoutError. By ``regex``, which knows such a
limit and lets others run meanwhile.
"""

from __future__ import annotations

import difflib
import html
import re
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from attrs import frozen

from .. import node
from ._fields import as_dict, each, field
from ._templates import render as _render

SECONDS = 10.0
"""How long the search for a pattern may take unless the caller asks for more: some take twice as long for each letter
of the text."""


@frozen(kw_only=True)
class Match:
    """Where a pattern fits: ``text`` is what it covers, ``groups`` its brackets in order, ``names`` the named ones."""

    text: str
    groups: list[str | None]
    names: dict[str, str | None]
    start: int
    end: int


@node(pure=True)
def find(text: str, pattern: str, ignore_case: bool = False, seconds: float = SECONDS) -> Match | None:
    """The first place where the regular expression fits, or None.

    ``year = text.find(line, r"(\\d{4})-\\d\\d").groups[0]``

    Raises ValueError for a pattern that is none.
    """
    with _within(seconds, pattern, text) as limits:
        found = _compiled(pattern, ignore_case).search(text, **limits)
        return _match(found) if found else None


@node(pure=True)
def find_all(text: str, pattern: str, ignore_case: bool = False, seconds: float = SECONDS) -> list[Match]:
    """Every place where the regular expression fits, from left to right.

    ``links = [m.text for m in text.find_all(page, r"https?://\\S+")]``
    """
    with _within(seconds, pattern, text) as limits:
        return [_match(found) for found in _compiled(pattern, ignore_case).finditer(text, **limits)]


@node(pure=True)
def matches(text: str, pattern: str, ignore_case: bool = False, seconds: float = SECONDS) -> bool:
    """Does the regular expression fit the whole text?

    ``if text.matches(code, r"[A-Z]{3}\\d+"): ...``
    """
    with _within(seconds, pattern, text) as limits:
        return _compiled(pattern, ignore_case).fullmatch(text, **limits) is not None


@node(pure=True)
def replace(
    text: str, pattern: str, by: str, count: int = 0, ignore_case: bool = False, seconds: float = SECONDS
) -> str:
    """The text with what the regular expression fits replaced (``\\1`` is its first bracket); ``count`` 0: everywhere.

    ``clean = text.replace(raw, r"\\s+", " ")``
    """
    found = _compiled(pattern, ignore_case)
    try:
        with _within(seconds, pattern, text) as limits:
            return str(found.sub(by, text, count=count, **limits))
    except (_regex().error, IndexError) as error:
        msg = f"the replacement {by!r} does not fit the pattern {pattern!r}: {error}"
        raise ValueError(msg) from error


@node(pure=True)
def split(text: str, pattern: str = r"\s+", limit: int = 0, seconds: float = SECONDS) -> list[str]:
    """The parts between the places where the regular expression fits, empty ones left out; ``limit`` 0: all.

    ``words = text.split(line)``
    """
    with _within(seconds, pattern, text) as limits:
        return [part for part in _compiled(pattern, False).split(text, maxsplit=limit, **limits) if part]


@node(pure=True)
def join(items: list[Any], separator: str = "") -> str:
    """The items as one text.

    ``line = text.join(words, ", ")``
    """
    return separator.join(map(str, items))


@node(pure=True)
def lines(text: str) -> list[str]:
    """The lines of a text, without their ends.

    ``for line in text.lines(page): ...``
    """
    return text.splitlines()


@node(pure=True)
def fill(template: str, values: Any) -> str:
    """Each ``{{ name }}`` of the template replaced by that field of ``values``; dots go into records within records.

    ``text.fill("Dear {{ name }},", {"name": "Ada"})``

    Raises ValueError for a name that ``values`` does not have.
    """
    return re.sub(r"\{\{\s*([^{}]*?)\s*\}\}", lambda found: str(_lookup(values, found[1])), template)


@node(pure=True)
def render(template: str, values: Any, escape: bool = False) -> str:
    """The text of a Jinja template with the fields of ``values``: loops, tests, filters and macros, in a sandbox.

    ``text.render("{% for p in people %}{{ p.name|upper }};{% endfor %}", {"people": [{"name": "Ada"}]})``
    gives ``"ADA;"``

    By jinja2 (extra ``text``). A template reaches fields, not Python's objects, and comes to an end: at most 200,000
    steps and 10 million characters. ``escape``: for HTML, so that no value is read as markup. Raises ValueError that
    names the line, for a missing name too.
    """
    return _render(template, as_dict(values), escape)


@node(pure=True)
def diff(old: str, new: str, context: int = 3) -> str:
    """What differs between two texts, line by line, as a unified diff; "" where nothing does. ``context``: the lines
    around each change.

    ``text.diff("a\\nb\\n", "a\\nc\\n", context=0)`` gives ``"--- old\\n+++ new\\n@@ -2 +2 @@\\n-b\\n+c\\n"``
    """
    if context < 0:
        msg = f"context is at least 0, not {context}"
        raise ValueError(msg)
    pieces = difflib.unified_diff(old.split("\n"), new.split("\n"), "old", "new", n=context, lineterm="")
    return "".join(f"{line}\n" for line in pieces)


@node(pure=True)
def chunks(text: str, size: int, overlap: int = 0) -> list[str]:
    """The text in parts of at most ``size`` characters, cut between words where it can be; each begins with about the
    last ``overlap`` characters of the one before.

    ``text.chunks("one two three", 8)`` gives ``["one two", "three"]``

    Raises ValueError where ``overlap`` is not smaller than ``size``.
    """
    if not 0 <= overlap < size:
        msg = f"overlap is from 0 to below size, not {overlap} of {size}"
        raise ValueError(msg)
    out: list[str] = []
    start, least = 0, 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text) and not text[end].isspace():
            cut = next((i for i in range(end, max(start, least), -1) if text[i - 1].isspace()), end)
            end = cut
        if part := text[start:end].strip():
            out.append(part)
        if end == len(text):
            break
        least, start = end, max(end - overlap, start + 1)
    return out


@node(pure=True)
def slug(text: str, separator: str = "-") -> str:
    """Lower-case ASCII letters and digits, all else a separator: fit for file names and addresses.

    ``text.slug("Crème brûlée, 2 pieces")`` gives ``"creme-brulee-2-pieces"``
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", lambda _: separator, plain).strip(separator)


@node(pure=True)
def truncate(text: str, length: int, ending: str = "…") -> str:
    """The text, cut to at most ``length`` characters, the ending included.

    ``text.truncate(title, 60)``
    """
    if length < 0:
        msg = f"length is at least 0, not {length}"
        raise ValueError(msg)
    if len(text) <= length:
        return text
    return (text[: max(0, length - len(ending))].rstrip() + ending)[:length]


@node(pure=True)
def wrap(text: str, width: int = 80, indent: str = "") -> str:
    """The words of the text in lines of at most ``width`` characters, each begun with ``indent``.

    ``text.wrap(story, 60, "> ")``
    """
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


@node(pure=True)
def escape(text: str) -> str:
    """The text as HTML shows it literally: ``&``, ``<``, ``>`` and quotes escaped.

    ``cell = "<td>" + text.escape(name) + "</td>"``
    """
    return html.escape(text)


@node(pure=True)
def table(rows: list[Any], columns: list[str] | None = None) -> str:
    """Records as a Markdown table; numbers stand to the right. Columns: those given, else those of the first record.

    ``report = "# Totals\\n\\n" + text.table(totals)``
    """
    records = each(rows, as_dict)
    names = columns if columns is not None else list(records[0]) if records else []
    if not names:
        return ""
    body = each(records, lambda record: [_cell(field(record, name)) for name in names])
    numeric = [bool(records) and all(isinstance(record[name], (int, float)) for record in records) for name in names]
    widths = [max(3, len(name), *(len(row[i]) for row in body)) for i, name in enumerate(names)]
    head = [name.ljust(width) for name, width in zip(names, widths, strict=True)]
    rule = ["-" * (width - right) + ":" * right for width, right in zip(widths, numeric, strict=True)]
    out = [head, rule]
    for row in body:
        cells = zip(row, widths, numeric, strict=True)
        out.append([cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in out)


def _regex() -> Any:
    """The library `regex`, at first use. Python's own `re` knows no limit, and lets nobody else run meanwhile."""
    return import_module("regex")


def _compiled(pattern: str, ignore_case: bool) -> Any:
    regex = _regex()
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        msg = f"{pattern!r} is not a regular expression: {error}"
        raise ValueError(msg) from error


@contextmanager
def _within(seconds: float, pattern: str, text: str) -> Iterator[dict[str, Any]]:
    """What bounds a search, as keywords: a pattern may take longer than anybody lives."""
    try:
        yield {"timeout": seconds, "concurrent": True}
    except TimeoutError:
        msg = f"the pattern {pattern!r} took longer than {seconds:g} s on a text of {len(text):,} characters (seconds=)"
        raise TimeoutError(msg) from None


def _match(found: Any) -> Match:
    return Match(
        text=found[0], groups=list(found.groups()), names=found.groupdict(), start=found.start(), end=found.end()
    )


def _lookup(values: Any, path: str) -> Any:
    """``a.b`` in records within records; only fields, never Python's own attributes."""
    for name in path.split("."):
        if isinstance(values, Mapping) and name not in values:
            msg = f"the template asks for {path!r}, but there is no {name!r} (there is: {', '.join(map(str, values))})"
            raise ValueError(msg)
        values = field(values, name)
    return values


def _cell(value: Any) -> str:
    if value is None:
        return ""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return shown.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
