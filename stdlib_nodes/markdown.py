"""Markdown: to HTML and back, and what stands in it: headings, code, front matter. All nodes are pure. Needs the extra
``web``, and ``front_matter`` the extra ``data``.

By markdown-it-py (CommonMark, with tables and strikethrough), and markdownify for the way back. HTML within a text is
shown, not run, and links to scripts are not made, so a text from strangers is safe to show.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

from attrs import frozen

from .. import node
from ._libraries import library
from ._yamltext import load_one

DEEPEST = 100
"""Elements in each other; the converter goes down by recursion."""


@frozen(kw_only=True)
class Heading:
    """A heading: its level (1 to 6), its words, its line (from 1)."""

    level: int
    text: str
    line: int


@frozen(kw_only=True)
class Document:
    """A text and the front matter that stood above it."""

    meta: dict[str, Any]
    body: str


@node(pure=True)
def to_html(text: str) -> str:
    """The HTML of a Markdown text.

    ``markdown.to_html("# Totals")`` gives ``"<h1>Totals</h1>\\n"``
    """
    return str(_parser().render(text))


@node(pure=True)
def from_html(page: str) -> str:
    """The Markdown of an HTML page; scripts and styles are left out.

    ``markdown.from_html("<h1>Totals</h1><p>in <b>euro</b></p>")`` gives ``"# Totals\\n\\nin **euro**"``

    Raises ValueError for a page that nests too deeply.
    """
    convert = library("markdown", "markdownify").markdownify
    soup = library("markdown", "bs4").BeautifulSoup(page, "html.parser")
    for hidden in soup(["script", "style", "template", "noscript"]):
        hidden.decompose()
    if _depth(soup) > DEEPEST:
        msg = f"the page is nested too deeply: {DEEPEST} elements in each other are the most"
        raise ValueError(msg)
    return str(convert(str(soup), heading_style="ATX", bullets="-")).strip()


def _depth(soup: Any) -> int:
    """How many elements stand in each other, at the most."""
    deepest, level = 0, [soup]
    while level := [child for element in level for child in element.find_all(recursive=False)]:
        deepest += 1
    return deepest


@node(pure=True)
def headings(text: str) -> list[Heading]:
    """The headings of a Markdown text, in order.

    ``[h.text for h in markdown.headings("# One\\n## Two")]`` gives ``["One", "Two"]``
    """
    tokens = _parser().parse(text)
    return [
        Heading(level=int(opened.tag[1]), text=inline.content, line=opened.map[0] + 1)
        for opened, inline in pairwise(tokens)
        if opened.type == "heading_open"
    ]


@node(pure=True)
def code(text: str, language: str | None = None) -> list[str]:
    """The blocks of code in a Markdown text; with ``language``, only those that say it.

    ``markdown.code("Here:\\n```json\\n[1]\\n```\\n", "json")`` gives ``["[1]\\n"]``
    """
    return [
        token.content
        for token in _parser().parse(text)
        if token.type in ("fence", "code_block")
        and (language is None or token.info.strip().partition(" ")[0].lower() == language.lower())
    ]


@node(pure=True)
def front_matter(text: str) -> Document:
    """The YAML between two lines of ``---`` above a text, and the text below; no front matter gives ``{}``.

    ``markdown.front_matter("---\\ntitle: One\\n---\\nText").meta`` gives ``{"title": "One"}``

    Raises ValueError where it is not YAML or no mapping.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != "---":
        return Document(meta={}, body=text)
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        msg = "the front matter has no end: a line of --- is missing"
        raise ValueError(msg)
    meta = load_one("\n" + "".join(lines[1:end]), "the front matter") or {}
    if not isinstance(meta, dict):
        msg = f"the front matter is a mapping, not {type(meta).__name__}"
        raise ValueError(msg)
    return Document(meta=meta, body="".join(lines[end + 1 :]))


@lru_cache(1)
def _parser() -> Any:
    made = library("markdown", "markdown_it").MarkdownIt("commonmark", {"html": False})
    return made.enable(["table", "strikethrough"])
