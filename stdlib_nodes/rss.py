"""RSS and Atom feeds: parse and write. All nodes are pure; ``rss.parse(http.get(url).content)`` reads one from the web.
Needs the extra ``web``.

Parsed by feedparser, which takes every dialect there is and cleans the HTML in entries; it is handed bytes only, so
nothing is fetched or opened. Written as RSS 2.0 (https://www.rssboard.org/rss-specification).
"""

from __future__ import annotations

import calendar
import datetime as dt
import io
import re
from email.utils import format_datetime
from typing import Any
from xml.etree import ElementTree

from attrs import field, frozen

from .. import node
from ._fields import as_dict
from ._libraries import library

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@frozen(kw_only=True)
class Entry:
    """An entry of a feed: ``summary`` and ``content`` are HTML without scripts; moments are in UTC."""

    id: str = ""
    title: str = ""
    link: str = ""
    author: str = ""
    summary: str = ""
    content: str = ""
    published: dt.datetime | None = None
    updated: dt.datetime | None = None
    categories: list[str] = field(factory=list)
    files: list[str] = field(factory=list)


@frozen(kw_only=True)
class Feed:
    """A feed and its entries, in the order of the feed."""

    title: str = ""
    link: str = ""
    description: str = ""
    language: str = ""
    updated: dt.datetime | None = None
    entries: list[Entry] = field(factory=list)


@node(pure=True)
def parse(content: str | bytes) -> Feed:
    """The feed in a text or its bytes, of any dialect of RSS and Atom.

    ``rss.parse("<rss version='2.0'><channel><title>News</title></channel></rss>").title`` gives ``"News"``

    Raises ValueError for what is no feed.
    """
    feedparser = library("rss", "feedparser")
    raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
    headers = {"content-type": "text/xml; charset=utf-8"} if isinstance(content, str) else {}
    # Bytes in a file: handed a text, feedparser would take it for an address or a path.
    found = feedparser.parse(io.BytesIO(raw), response_headers=headers)
    if not found.get("version") and not found.get("entries"):
        why = f": {found.bozo_exception}" if found.get("bozo_exception") else ""
        msg = f"this is no feed{why}"
        raise ValueError(msg)
    head = found.feed
    return Feed(
        title=head.get("title", ""),
        link=head.get("link", ""),
        description=head.get("subtitle", ""),
        language=head.get("language", ""),
        updated=_moment(head, "updated") or _moment(head, "published"),
        entries=[_entry(entry) for entry in found.entries],
    )


@node(pure=True)
def since(feed: Feed, moment: dt.datetime) -> list[Entry]:
    """The entries that were published or changed after a moment; those without a date are left out.

    ``new = rss.since(feed, yesterday)``
    """
    return [entry for entry in feed.entries if (at := entry.updated or entry.published) is not None and at > moment]


@node(pure=True)
def format(title: str, link: str, entries: list[Any], description: str = "") -> str:
    """The RSS 2.0 text of a feed; entries are records with the fields of ``Entry``, all but ``title`` optional.

    ``page = rss.format("News", "https://example.com/", [{"title": "One", "link": "https://example.com/1"}])``

    Raises ValueError for an entry without a title, or with a character that XML does not have.
    """
    root = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(root, "channel")
    for name, words in (("title", title), ("link", link), ("description", description)):
        _put(channel, name, words)
    for number, row in enumerate(entries, 1):
        entry = as_dict(row)
        if not entry.get("title"):
            msg = f"entry {number} has no title"
            raise ValueError(msg)
        item = ElementTree.SubElement(channel, "item")
        _put(item, "title", entry["title"])
        for name, key in (("link", "link"), ("description", "summary"), ("guid", "id"), ("author", "author")):
            if entry.get(key):
                _put(item, name, entry[key])
        if (at := entry.get("published") or entry.get("updated")) is not None:
            _put(item, "pubDate", format_datetime(at))
        for category in entry.get("categories") or ():
            _put(item, "category", category)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _put(parent: ElementTree.Element, name: str, words: Any) -> None:
    text = str(words)
    if bad := _NOT_XML.search(text):
        msg = f"{name}: XML has no character {bad[0]!r}"
        raise ValueError(msg)
    ElementTree.SubElement(parent, name).text = text


def _entry(found: Any) -> Entry:
    return Entry(
        id=found.get("id", "") or found.get("link", ""),
        title=found.get("title", ""),
        link=found.get("link", ""),
        author=found.get("author", ""),
        summary=found.get("summary", ""),
        content="".join(part.get("value", "") for part in found.get("content", ())),
        published=_moment(found, "published"),
        updated=_moment(found, "updated"),
        categories=[tag["term"] for tag in found.get("tags", ()) if tag.get("term")],
        files=[file["href"] for file in found.get("enclosures", ()) if file.get("href")],
    )


def _moment(found: Any, name: str) -> dt.datetime | None:
    if f"{name}_parsed" not in found:  # its `get` would answer with another date, and a warning
        return None
    parsed = found[f"{name}_parsed"]
    try:
        return None if parsed is None else dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC)
    except (ValueError, OverflowError, OSError):  # a year that no clock knows
        return None
