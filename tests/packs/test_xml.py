from __future__ import annotations

import bz2
import datetime as dt
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import xml


@dataclass
class Item:
    name: str
    tags: list[str]


def streamed(path: Path, tag: str, **how: Any) -> list[Any]:
    async def main() -> list[Any]:
        return [item async for item in xml.items.fn(path, tag, **how)]

    return trio.run(main)


def test_loads() -> None:
    assert xml.loads.fn("<a/>") == {"a": ""}
    assert xml.loads.fn("<a> x <!-- no --><?no?></a>") == {"a": " x "}
    assert xml.loads.fn("<a><b/><b x='1'>t</b>words<c>1</c></a>") == {
        "a": {"b": ["", {"@x": "1", "#text": "t"}], "c": "1", "#text": "words"}
    }
    assert xml.loads.fn("<a><b>1</b></a>", lists=["b"]) == {"a": {"b": ["1"]}}
    assert xml.loads.fn('<?xml version="1.0" encoding="latin-1"?><a>ü</a>') == {"a": "ü"}
    assert xml.loads.fn('<?xml version="1.0" encoding="iso-8859-1"?><a>ü</a>'.encode("latin-1")) == {"a": "ü"}
    assert xml.loads.fn("<a><![CDATA[<b>]]></a>") == {"a": "<b>"}


def test_namespaces_there_and_back() -> None:
    text = '<a xmlns="urn:a" xmlns:p="urn:p"><p:b p:x="1" xml:lang="de">t</p:b><c>u</c></a>'
    value = xml.loads.fn(text)
    assert value == {
        "a": {"@xmlns": "urn:a", "@xmlns:p": "urn:p", "p:b": {"@p:x": "1", "@xml:lang": "de", "#text": "t"}, "c": "u"}
    }
    assert xml.loads.fn(xml.dumps.fn(value)) == value
    assert xml.dumps.fn(value, indent=False) == text
    with pytest.raises(ValueError, match=r"the element 'p:a': the prefix .* is declared nowhere: give '@xmlns:p'"):
        xml.dumps.fn({"p:a": 1})


def test_dumps() -> None:
    value = {
        "order": {
            "@paid": True,
            "item": [Item("nut", ["a", "b"]), Item("<&>", [])],
            "day": dt.date(2026, 3, 1),
            "n": None,
        }
    }
    assert xml.dumps.fn(value) == (
        '<order paid="true">\n  <item>\n    <name>nut</name>\n    <tags>a</tags>\n    <tags>b</tags>\n  </item>\n'
        "  <item>\n    <name>&lt;&amp;&gt;</name>\n  </item>\n  <day>2026-03-01</day>\n  <n/>\n</order>\n"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "a dict with one entry"),
        ({"a": 1, "b": 2}, "a dict with one entry"),
        ({"a": [1, 2]}, "a document has one root, not 2"),
        ({"a b": 1}, "the element 'a b': "),
        ({"a": {"b": "\x00"}}, "the element 'b': "),
        ({"a": {"@b": [1]}}, "an attribute or '#text' is text, not list"),
        ({"a": {"": 1}}, "the element '': "),
    ],
)
def test_values_without_a_form(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xml.dumps.fn(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is not XML"),
        ("<a>\n<b></a>", r"the text is not XML: .*line 2"),
        ("<a>" * 400 + "</a>" * 400, "the text is not XML: .*depth"),
        ("<a/><b/>", "the text is not XML"),
        ("<a>&nope;</a>", "the text is not XML"),
        ("<p:a/>", "the text is not XML"),
    ],
)
def test_bad_texts(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xml.loads.fn(text)


LAUGHS = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))


@pytest.mark.parametrize(
    "head",
    [
        f'<!DOCTYPE a [<!ENTITY a0 "lol">{LAUGHS}]>',
        '<!DOCTYPE a [<!ENTITY a11 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
        f'<!DOCTYPE a [<!ENTITY a11 "{"x" * 100_000}">]>',
    ],
)
def test_entities_are_refused(head: str, tmp_path: Path) -> None:
    text = f"{head}<a>&a11;</a>" if "% p" not in head else f"{head}<a/>"
    path = tmp_path / "a.xml"
    path.write_text(text.replace("<a>", "<a><b>x</b>"))
    for call in (
        lambda: xml.loads.fn(text),
        lambda: xml.read.fn(path),
        lambda: xml.select.fn(text, "//text()"),
        lambda: streamed(path, "b"),
    ):
        with pytest.raises(ValueError, match=r"declares entities: refused|is not XML"):
            call()


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        for text in (
            f'<!DOCTYPE a SYSTEM "{address}/a.dtd"><a/>',
            f'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{address}/b"/></a>',
            f'<?xml-stylesheet href="{address}/c"?><a/>',
        ):
            xml.loads.fn(text)
        with pytest.raises(BlockingIOError):
            server.accept()
        with pytest.raises(ValueError, match="the XPath"):
            xml.select.fn("<a/>", f"document('{address}/d')")


def test_select() -> None:
    text = '<a xmlns:p="urn:p"><p:b n="1">x<c/></p:b><p:b n="2">y</p:b></a>'
    assert xml.select.fn(text, "//q:b[@n='2']/text()", {"q": "urn:p"}) == ["y"]
    assert xml.select.fn(text, "//q:b[@n='2']", {"q": "urn:p"}) == [{"@n": "2", "#text": "y"}]
    assert xml.select.fn(text, "count(//c)") == [1.0]
    assert xml.select.fn(text, "//nothing") == []
    for wrong in ("//q:b", "//[", "nope()"):
        with pytest.raises(ValueError, match="the XPath"):
            xml.select.fn(text, wrong)


def test_files_and_streams(tmp_path: Path) -> None:
    value = {"wiki": {"page": [{"@id": str(i), "title": f"t{i}", "page": "inner"} for i in range(2_500)], "end": "x"}}
    path = xml.write.fn(tmp_path / "new" / "a.xml", value)
    assert path.read_text().startswith('<?xml version="1.0" encoding="UTF-8"?>\n<wiki>')
    assert xml.read.fn(path) == value
    assert streamed(path, "page") == value["wiki"]["page"]
    assert streamed(path, "nothing") == []
    packed = tmp_path / "a.xml.bz2"
    packed.write_bytes(bz2.compress(path.read_bytes()))
    assert len(streamed(packed, "title", lists=["x"])) == 2_500
    with pytest.raises(ValueError, match=r"a\.xml: the item has more than 1,000 bytes"):
        streamed(path, "end", max_item=1_000)
    path.write_text("<wiki><page>1</page><page>")
    with pytest.raises(ValueError, match=r"a\.xml is not XML"):
        streamed(path, "page")


NAMES = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=5)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=3),
    max_leaves=8,
)


@given(NAMES, VALUES)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(name: str, content: Any) -> None:
    text = xml.dumps.fn({name: content}, indent=False)
    if "\ufffe" not in text and "\uffff" not in text:
        assert xml.loads.fn(text) == {name: content}


@given(st.text(alphabet="<>/a b=\"'&;!-[]?x1\n", max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_document_or_a_clear_error(clear: Any, text: str) -> None:
    clear(lambda: xml.loads.fn(text), "the text")
