from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import html

PAGE = """<!doctype html><title>T</title><body>
<h1 id=top class="a b">Shop</h1> <p>Fresh <b>fru</b>it,
daily.<br>Closed <script>bad()</script><style>p {}</style>on Sundays</p><ul><li>one<li>two</ul>
<a href="/a?x=1&amp;y=2">A</a> <a href=" b ">B</a> <a>none</a>
<a href="http://[">bad</a> <a href="javascript:x()">js</a>
"""


def test_select() -> None:
    (found,) = html.select.fn(PAGE, "h1.a")
    assert (found.tag, found.text, found.attributes) == ("h1", "Shop", {"id": "top", "class": "a b"})
    assert found.html == '<h1 id="top" class="a b">Shop</h1>'
    assert [e.text for e in html.select.fn(PAGE, "ul > li:nth-child(2)")] == ["two"]
    assert html.select.fn("", "p") == []
    for css in ("p[", "", ">>>", "p:nope(", "::"):
        with pytest.raises(ValueError, match="is not a CSS selector"):
            html.select.fn(PAGE, css)


def test_text() -> None:
    assert html.text.fn(PAGE).splitlines()[:6] == [
        "Shop", "Fresh fruit, daily.", "Closed on Sundays", "one", "two", "A B none bad js",
    ]  # fmt: skip
    assert html.text.fn(PAGE, "li") == "one\ntwo"
    assert html.text.fn("plain &amp; simple") == "plain & simple"


def test_links() -> None:
    found = html.links.fn(PAGE, "https://shop.test/x/")
    assert [(k.url, k.text) for k in found] == [
        ("https://shop.test/a?x=1&y=2", "A"), ("https://shop.test/x/b", "B"), ("javascript:x()", "js"),
    ]  # fmt: skip
    assert [k.url for k in html.links.fn("<img src=i.png>", css="img")] == ["i.png"]


def test_tables() -> None:
    page = """<table><thead><tr><th>name<th colspan=2>size<tbody><tr><td rowspan=2>nut<td>1<td>2<tr><td>3<td>4
    <tr><td>bolt<td><table><tr><td>inner</table></table>"""
    assert html.tables.fn(page) == [
        [
            {"name": "nut", "size": "1", "size 2": "2"},
            {"name": "nut", "size": "3", "size 2": "4"},
            {"name": "bolt", "size": "inner", "size 2": ""},
        ],
        [{"column 1": "inner"}],
    ]
    assert html.tables.fn("<table><tr><th>a<td>1<tr><th>b<td>2</table>") == [
        [{"column 1": "a", "column 2": "1"}, {"column 1": "b", "column 2": "2"}]
    ]
    assert html.tables.fn("<table></table><p>") == [[]]
    assert html.tables.fn("<table><tr><th>a<th>a 2<th>a<th><tr><td>1<td>2<td>3<td>4<td>5</table>") == [
        [{"a": "1", "a 2": "2", "a 2 (column 3)": "3", "column 4": "4", "column 5": "5"}]
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr>" + "<td colspan=1000>x" * 2_000,
        "<table>" + "<tr><td colspan=1000 rowspan=65000>x" + "<tr>" * 2_000,
        "<table><tr>" + "<td>x" * 2_000 + "<tr><td>y" * 2_000,
        "<table><tr><td colspan=999999999 rowspan=999999999999>x" + "<tr><td colspan=1000>" * 1_100,
    ],
)
def test_tables_that_grow_without_end_are_refused(page: str) -> None:
    with pytest.raises(ValueError, match="more than 1,000,000 cells"):
        html.tables.fn(page)


def test_pages_that_nest_without_end() -> None:
    page = "<div>" * 20_000 + "deep"
    assert html.text.fn(page) == "deep"
    assert len(html.select.fn("<b>" * 300 + "x", "b")) == 300


@given(st.text(alphabet="<>/tablerdhp =\"'&;!-[]1x\0\ud800", max_size=120))
@settings(max_examples=200, deadline=None)
def test_any_page_is_read(page: str) -> None:
    assert isinstance(html.text.fn(page), str)
    assert isinstance(html.tables.fn(page), list)
    assert all(link.url is not None for link in html.links.fn(page, "https://x.test/"))


@given(st.text(alphabet="ab.#[]=():>+~*,\"' \0", max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_selector_is_taken_or_refused_clearly(clear: Any, css: str) -> None:
    clear(lambda: html.select.fn("<p class=a>", css), "is not a CSS selector")
