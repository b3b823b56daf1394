"""Pages of an answer: by header, by address, by cursor, by number; and those that lead astray."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st
from webserver import Asked, Said, Web

import cflow
from cflow.stdlib_nodes import http
from cflow.stdlib_nodes._paging import inside, next_link


def pages(url: str, most: int = 100, **how: Any) -> list[Any]:
    async def main() -> list[Any]:
        found: list[Any] = []
        with trio.fail_after(20):
            stream = http.pages.fn(url, **how)
            async for page in stream:
                found.append(page)
                if len(found) >= most:
                    await stream.aclose()  # type: ignore[attr-defined]
                    break
        return found

    return trio.run(main)


def numbered(last: int, headers: bool = False) -> Any:
    """Pages 1 to ``last``, each with what leads to the next in every way."""

    def said(asked: Asked) -> Said:
        n = int(asked.params.get("page", asked.params.get("after", 1)))
        items = list(range(n * 10, n * 10 + 2)) if n <= last else []
        more = n + 1 if n < last else None
        links = {"next": f"/items?page={more}&q={asked.params.get('q', '')}"} if more else {}
        body = json.dumps({"items": items, "links": links, "meta": [{"cursor": more}], "n": n})
        link = f'</items?page=1>; rel="first", </items?page={more}>; rel="x next"' if more else ""
        return Said(body, 200, {"link": link} if link and headers else {})

    return said


def test_ways_from_page_to_page(web: Web) -> None:
    web.on["/items"] = numbered(3)
    url = f"{web.url}/items"
    ways: list[dict[str, Any]] = [
        {"next": "links.next"},
        {"next": "meta.0.cursor", "cursor": "after"},
        {"number": "page", "items": "items"},
    ]
    for how in ways:
        web.asked.clear()
        found = pages(url, params={"q": "a b"}, headers={"x-key": "k"}, **how)
        assert [page["n"] for page in found] == [1, 2, 3], how
        assert {(a.params["q"], a.headers["x-key"]) for a in web.asked} == {("a b", "k")}
    web.on["/items"] = numbered(3, headers=True)
    assert [page["n"] for page in pages(url)] == [1, 2, 3]
    assert [page["n"] for page in pages(url, most=2)] == [1, 2]
    web.on["/offset"] = lambda asked: Said(
        json.dumps([1, 2][: 5 - int(asked.params["from"])] if asked.params["from"] != "6" else [])
    )
    assert pages(f"{web.url}/offset", number="from", first=2, step=2) == [[1, 2], [1]]


def test_pages_in_flows(web: Web) -> None:
    web.on["/items"] = numbered(3)
    module = cflow.loads(
        """
import http

flow main(url: str) -> list[int]:
    found = for page in http.pages(url, next="links.next"):
        for item in page["items"]:
            yield item
    return found

flow first(url: str) -> int:
    for page in http.pages(url, next="links.next"):
        return page["n"]
    return 0
"""
    )
    assert module.main.run(f"{web.url}/items") == [10, 11, 20, 21, 30, 31]
    assert module.first.run(f"{web.url}/items") == 1


def test_pages_that_lead_astray(web: Web) -> None:
    secret = {"headers": {"authorization": "secret"}}

    def leads(to: Any) -> None:
        web.on["/items"] = lambda _: Said(json.dumps({"next": to}))

    def fails(text: str, **how: Any) -> None:
        with pytest.raises(ValueError, match=text):
            pages(f"{web.url}/items", **secret, **(how or {"next": "next"}))

    leads("/items")
    fails("page 1 leads back to one that was read before")
    web.on["/items"] = lambda asked: Said(json.dumps({"next": int(asked.params.get("c", 0)) ^ 1}))
    fails("page 3 leads back", next="next", cursor="c")
    web.on["/items"] = lambda asked: Said(json.dumps({"next": int(asked.params.get("c", 0)) + 1}))
    fails(r"there are more than 20 pages \(limit=\)", next="next", cursor="c", limit=20)
    web.on["/items"] = lambda _: Said("[1]")
    fails("page=2 is the page before once more", number="page")
    web.on["/items"] = numbered(3)
    fails("there are more than 2 pages", number="page", items="items", limit=2)
    assert len(pages(f"{web.url}/items", number="page", items="items", limit=3)) == 3
    for goal in (
        "http://localhost:{port}/items",
        "https://127.0.0.1:1/",
        "//evil.test/",
        "file:///etc/passwd",
        "ftp://x/",
    ):
        leads(goal.format(port=web.server_port))
        fails("on another host")
    leads("http://[::1")
    fails("is at no address")
    leads({"page": 2})
    fails("is a dict, which leads to no page")
    fails("pages go by next=", next="a", number="b")
    fails("pages go by next=", cursor="a")
    web.on["/items"] = lambda _: Said("<html>")
    fails("is not JSON")
    with pytest.raises(ValueError, match="not an http or https address"):
        pages("http://[::1")
    with pytest.raises(http.HttpError, match="404"):
        pages(f"{web.url}/missing")
    assert not any("secret" in str(a) for a in web.asked if a.headers["host"].startswith("localhost"))


def test_the_name_and_password_of_an_address_go_along(web: Web) -> None:
    web.on["/items"] = numbered(2)
    url = f"{web.url}/items".replace("http://", "http://ada:secret@")
    assert len(pages(url, next="links.next")) == 2
    assert all(a.headers["authorization"].startswith("Basic ") for a in web.asked)


LINKS = [
    ("", None),
    ("<a>; rel=next", "a"),
    ('<a>; rel="next"', "a"),
    ('<a>; rel="prev", <b>; rel="next"', "b"),
    ('<a>; title="x, <z>; rel=next"; rel=prev, <b>;REL = "NEXT last"', "b"),
    ('<a>; title="quoted \\" and \\\\"; rel=next', "a"),
    ("<a>; rel=prev; rel=next", None),  # the first counts (RFC 8288, 3.3)
    ("<a>; rel=next; anchor=\"/other\", <b>; rel=next", "b"),  # of another page than this
    ("<a>; rel=nextish", None),
    ("<a>; flag; rel=next", "a"),
    (", ,<a,b>;rel=next", "a,b"),
    ("<a; rel=next", None),
    ("<a>; rel=\"next", None),
    ("a; rel=next", None),
    ("<a> rel=next", None),
]  # fmt: skip


@pytest.mark.parametrize(("header", "address"), LINKS)
def test_forms_of_link(header: str, address: str | None) -> None:
    assert next_link(header) == address


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*'<>;,="\\ \t', "rel", "next", "<a>", '"next"', "é"])).map("".join))
def test_no_link_is_too_much(header: str) -> None:
    assert next_link(header) is None or "<" in header
    next_link(header * 200)


PLAIN = st.sampled_from("!#$%&'*+-.^_`|~/?=:@ abc,;")


@given(st.text(PLAIN), st.text(PLAIN), st.text(PLAIN))
def test_a_link_that_was_written_is_read(first: str, title: str, second: str) -> None:
    assert next_link(f'<{first}>; title="{title}"; rel="prev" , <{second}>; title="{title}"; rel="next"') == second


def test_paths_into_values() -> None:
    value = {"a": [{"b": 1}, None], "": 2}
    assert inside(value, "") is value
    assert inside(value, "a.0.b") == 1
    for path in ("a.1.b", "a.2", "a.-1", "a.x", "a.99999999999999999999", "a.0.b.c", "b", "a.²"):
        assert inside(value, path) is None
