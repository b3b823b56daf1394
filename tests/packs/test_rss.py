from __future__ import annotations

import datetime as dt
import socket
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import rss

RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>News &amp; more</title><link>https://example.com/</link><description>All</description><language>en</language>
<item><title>One</title><link>https://example.com/1</link><guid>g1</guid><author>ann@example.com</author>
<description>short <![CDATA[<b>x</b><script>bad()</script>]]></description>
<content:encoded><![CDATA[<p onclick="x()">long</p>]]></content:encoded>
<pubDate>Sun, 01 Mar 2026 05:00:00 +0100</pubDate><category>a</category><category>b</category>
<enclosure url="https://example.com/1.mp3" length="1" type="audio/mpeg"/></item>
<item><title>Two</title><pubDate>never</pubDate></item></channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Atom</title><updated>2026-03-02T00:00:00Z</updated>
<entry><id>urn:1</id><title>One</title><link href="https://example.com/a"/><updated>2026-03-02T00:00:00Z</updated></entry>
</feed>"""


def test_rss() -> None:
    feed = rss.parse.fn(RSS)
    assert (feed.title, feed.link, feed.description, feed.language) == (
        "News & more", "https://example.com/", "All", "en",
    )  # fmt: skip
    one, two = feed.entries
    assert (one.id, one.title, one.link) == ("g1", "One", "https://example.com/1")
    assert one.published == dt.datetime(2026, 3, 1, 4, tzinfo=dt.UTC)
    assert (one.categories, one.files) == (["a", "b"], ["https://example.com/1.mp3"])
    assert "bad()" not in one.summary
    assert "<b>x</b>" in one.summary
    assert one.content == "<p>long</p>"
    assert (two.title, two.published, two.id) == ("Two", None, "")


def test_atom_and_since() -> None:
    feed = rss.parse.fn(ATOM.encode())
    assert (feed.title, feed.updated) == ("Atom", dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
    assert rss.since.fn(feed, dt.datetime(2026, 3, 1, tzinfo=dt.UTC)) == feed.entries
    assert rss.since.fn(feed, dt.datetime(2026, 3, 2, tzinfo=dt.UTC)) == []
    assert rss.since.fn(rss.parse.fn(RSS), dt.datetime(2020, 1, 1, tzinfo=dt.UTC))[0].title == "One"


def test_what_is_written_is_read() -> None:
    at = dt.datetime(2026, 3, 1, 4, tzinfo=dt.UTC)
    entry = rss.Entry(id="g", title="A <b> & c", link="https://x.test/", summary="s", published=at, categories=["k"])
    text = rss.format.fn("T", "https://x.test/", [entry, {"title": "B"}], description="D")
    feed = rss.parse.fn(text)
    assert (feed.title, feed.description, len(feed.entries)) == ("T", "D", 2)
    assert (feed.entries[0].id, feed.entries[0].published, feed.entries[0].categories) == ("g", at, ["k"])
    assert "A &lt;b&gt; &amp; c" in text
    with pytest.raises(ValueError, match="entry 2 has no title"):
        rss.format.fn("T", "", [entry, {"link": "x"}])
    with pytest.raises(ValueError, match=r"title: XML has no character '\\x00'"):
        rss.format.fn("T", "", [{"title": "\x00"}])


@pytest.mark.parametrize("content", ["", "text", "<html><body>page</body></html>", b"\xff\xfe\x00", "{}"])
def test_what_is_no_feed(content: Any) -> None:
    with pytest.raises(ValueError, match="this is no feed"):
        rss.parse.fn(content)


def test_nothing_is_fetched_or_opened(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(RSS)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for address in (f"http://127.0.0.1:{server.getsockname()[1]}/", str(path), path.as_uri()):
            with pytest.raises(ValueError, match="this is no feed"):
                rss.parse.fn(address)
        reaching = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{path.as_uri()}">]>' + RSS.partition("?>")[2].replace("All", "&x;")
        assert "short" not in rss.parse.fn(reaching).description
        with pytest.raises(BlockingIOError):
            server.accept()


def test_entities_do_not_multiply() -> None:
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    text = f'<!DOCTYPE r [<!ENTITY a0 "lol">{laughs}]>' + RSS.partition("?>")[2].replace("All", "&a11;")
    assert len(rss.parse.fn(text).description) < 1000


@given(st.integers(0, 2_000), st.text(alphabet="<>&;/\"'![]a \0", min_size=1, max_size=10))
@settings(max_examples=60, deadline=None)
def test_damaged_feeds_are_read_or_told(clear: Any, at: int, junk: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the parsers below say of what is none of ours
        clear(lambda: rss.parse.fn(RSS[: at % len(RSS)] + junk + RSS[at % len(RSS) :]), "this is no feed")
