"""HTML: select by CSS, take out text, links and tables. All nodes are pure and take the page first. Needs the extra
``web``.

Parsed as browsers do by selectolax (lexbor), the fastest of the kept libraries; nothing in a page is run or fetched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import escape as _escape
from typing import Any
from urllib.parse import urljoin

from attrs import frozen

from .. import node
from ._libraries import library

MAX_CELLS = 1_000_000
"""The most cells of a table: a few words of HTML can ask for a cell that spans millions."""

_ACROSS, _DOWN = 1000, 65534  # the most a cell spans: https://html.spec.whatwg.org/multipage/tables.html
_HIDDEN = ["script", "style", "noscript", "template"]


@frozen(kw_only=True)
class Element:
    """An element of a page: ``text`` is what a reader sees of it, ``html`` how it is written."""

    tag: str
    text: str
    html: str
    attributes: dict[str, str]


@frozen(kw_only=True)
class Link:
    """A link: where it leads, and its words."""

    url: str
    text: str


@node(pure=True)
def select(page: str, css: str) -> list[Element]:
    """The elements that fit a CSS selector, in order.

    ``[e.text for e in html.select("<p>one<p class='x'>two", "p.x")]`` gives ``["two"]``

    Raises ValueError for a selector that is none.
    """
    return [
        Element(
            tag=found.tag or "",
            text=_words(found),
            html=found.html or "",
            attributes={name: value or "" for name, value in found.attributes.items()},
        )
        for found in _selected(_parsed(page), css)
    ]


@node(pure=True)
def text(page: str, css: str = "body") -> str:
    """What a reader sees of the elements that fit a CSS selector: a line a block, no scripts, no styles.

    ``html.text("<h1>Title</h1><p>Some <b>words</b>.")`` gives ``"Title\\nSome words."``
    """
    tree = _parsed(page)
    tree.strip_tags(_HIDDEN)
    return "\n".join(line for found in _selected(tree, css) if (line := _lines(found)))


@node(pure=True)
def links(page: str, base: str = "", css: str = "a[href]") -> list[Link]:
    """The links of a page, made absolute where ``base`` (the address of the page) is given.

    ``[k.url for k in html.links("<a href='/a'>A</a>", "https://example.com/x/")]`` gives ``["https://example.com/a"]``
    """
    out = []
    for found in _selected(_parsed(page), css):
        address = (found.attributes.get("href") or found.attributes.get("src") or "").strip()
        try:
            out.append(Link(url=urljoin(base, address) if base else address, text=_words(found)))
        except ValueError:  # no address at all, like "http://[": a page may hold anything
            continue
    return out


@node(pure=True)
def tables(page: str, css: str = "table") -> list[list[dict[str, str]]]:
    """The tables of a page, each as records. A row of heads names the columns; cells that span are repeated.

    ``html.tables("<table><tr><th>a<th>b<tr><td>1<td>2</table>")`` gives ``[[{"a": "1", "b": "2"}]]``

    Where no row is of heads alone the columns are ``column 1``, ... Raises ValueError for a table of more than a
    million cells.
    """
    return [_table(found) for found in _selected(_parsed(page), css) if found.tag == "table"]


@node(pure=True)
def escape(text: str) -> str:
    """The text as HTML shows it literally.

    ``html.escape("a < b")`` gives ``"a &lt; b"``
    """
    return _escape(text)


def _parsed(page: str) -> Any:
    parser = library("html", "selectolax.lexbor").LexborHTMLParser
    return parser(page.encode("utf-8", "replace"))


def _selected(tree: Any, css: str) -> list[Any]:
    try:
        return list(tree.css(css))
    except Exception as error:  # lexbor's own class of errors differs between versions
        msg = f"{css!r} is not a CSS selector: {error}"
        raise ValueError(msg) from error


def _words(found: Any) -> str:
    return " ".join((found.text(deep=True, separator="") or "").split())


_BLOCKS = frozenset(
    "address article aside blockquote br caption dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
    "header hr li main nav ol option p pre section table td th tr ul body html".split()
)


def _lines(found: Any) -> str:
    """The words of an element, a line for each block in it."""
    parts: list[str] = []
    pending: list[tuple[Any, bool]] = [(found, False)]
    while pending:  # no recursion: pages may nest without end
        item, done = pending.pop()
        if done or item.tag in _BLOCKS:
            parts.append("\n")
        if done:
            continue
        if item.tag == "-text":
            parts.append(re.sub(r"\s+", " ", item.text(deep=False) or ""))
            continue
        if item.tag in _BLOCKS:
            pending.append((item, True))
        pending += [(child, False) for child in reversed(list(item.iter(include_text=True)))]
    return "\n".join(line for raw in "".join(parts).split("\n") if (line := " ".join(raw.split())))


def _table(table: Any) -> list[dict[str, str]]:
    rows: list[list[str]] = []
    heads: list[str] | None = None
    reaching: dict[int, tuple[int, str]] = {}  # column -> rows that a cell above still covers, its text
    seen = 0
    for tr in _rows(table):
        row: list[str] = []
        kinds = set()
        for cell in tr.iter():
            if cell.tag not in ("td", "th"):
                continue
            _fill_from_above(row, reaching)
            kinds.add(cell.tag)
            words, across, down = _words(cell), _span(cell, "colspan", _ACROSS), _span(cell, "rowspan", _DOWN)
            _check_cells(seen + len(row) + across)
            for _ in range(across):
                if down > 1:
                    reaching[len(row)] = (down - 1, words)
                row.append(words)
        _fill_from_above(row, reaching)
        seen += len(row)
        _check_cells(seen)
        if heads is None and not rows and kinds == {"th"}:
            heads = row
        elif row:
            rows.append(row)
    names = _names(heads or [], max(map(len, rows), default=0))
    _check_cells(len(names) * len(rows))
    return [dict(zip(names, row + [""] * (len(names) - len(row)), strict=True)) for row in rows]


def _check_cells(count: int) -> None:
    if count > MAX_CELLS:
        msg = f"a table has more than {MAX_CELLS:,} cells"
        raise ValueError(msg)


def _rows(table: Any) -> Iterator[Any]:
    """Its own rows: those of a table within it belong to that one."""
    for child in table.iter():
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in child.iter() if row.tag == "tr")


def _fill_from_above(row: list[str], reaching: dict[int, tuple[int, str]]) -> None:
    while (found := reaching.pop(len(row), None)) is not None:
        rows, words = found
        if rows > 1:
            reaching[len(row)] = (rows - 1, words)
        row.append(words)


def _span(cell: Any, name: str, most: int) -> int:
    said = (cell.attributes.get(name) or "").strip()
    return max(1, min(int(said), most)) if said.isdecimal() and len(said) < 10 else 1


def _names(heads: list[str], width: int) -> list[str]:
    """A name for each column: empty heads are numbered, and so is a head that stands there again."""
    names: dict[str, None] = {}
    times: Counter[str] = Counter()
    for i in range(max(width, len(heads))):
        head = heads[i] if i < len(heads) and heads[i] else f"column {i + 1}"
        times[head] += 1
        name = head if times[head] == 1 else f"{head} {times[head]}"
        names[name if name not in names else f"{name} (column {i + 1})"] = None
    return list(names)
