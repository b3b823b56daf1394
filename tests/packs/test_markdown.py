from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import markdown, text

PAGE = """---
title: One
tags: [a, b]
---
# Totals *now*

| a | b |
|---|--:|
| 1 | 2 |

Sub
---

```python x
print(1)
```

    indented
"""


def test_to_html() -> None:
    html = markdown.to_html.fn(markdown.front_matter.fn(PAGE).body)
    assert "<h1>Totals <em>now</em></h1>" in html
    assert '<th style="text-align:right">b</th>' in html
    assert markdown.to_html.fn("~~x~~ a\\\nb") == "<p><s>x</s> a<br />\nb</p>\n"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "x <img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x]( JaVaScript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](vbscript:x)",
        "<javascript:alert(1)>",
        '[x](http://a "\\" onclick=alert(1)")',
    ],
)
def test_a_text_from_strangers_runs_nothing(hostile: str) -> None:
    html = markdown.to_html.fn(hostile)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert 'href="javascript' not in html.lower()
    assert 'href="data' not in html
    assert 'src="vbscript' not in html
    assert '" onclick' not in html


def test_from_html() -> None:
    page = "<h2>A</h2><script>x()</script><style>p{}</style><ul><li>one</li><li><a href='/x'>two</a></li></ul>"
    assert markdown.from_html.fn(page) == "## A\n\n- one\n- [two](/x)"
    table = markdown.from_html.fn("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>")
    assert table == "| a |\n| --- |\n| 1 |"
    assert markdown.from_html.fn("<div>" * 90 + "x") == "x"
    for depth in (110, 5_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            markdown.from_html.fn("<div>" * depth + "x")


def test_what_stands_in_it() -> None:
    body = markdown.front_matter.fn(PAGE).body
    assert [(h.level, h.text, h.line) for h in markdown.headings.fn(body)] == [(1, "Totals *now*", 1), (2, "Sub", 7)]
    assert markdown.code.fn(body) == ["print(1)\n", "indented\n"]
    assert markdown.code.fn(body, "Python") == ["print(1)\n"]
    assert markdown.code.fn(text.table.fn([{"a": 1}])) == []


def test_front_matter() -> None:
    found = markdown.front_matter.fn(PAGE)
    assert found.meta == {"title": "One", "tags": ["a", "b"]}
    assert found.body.startswith("# Totals")
    assert markdown.front_matter.fn("no\n---\n").meta == {}
    assert markdown.front_matter.fn("---\n---\nx") == markdown.Document(meta={}, body="x")
    for wrong, message in (
        ("---\na: 1\n", "has no end"),
        ("---\n- 1\n---\n", "the front matter is a mapping, not list"),
        ("---\na: [\n---\n", "the front matter is not YAML: .* at line 3"),
        ("---\na: 1\na: 2\n---\n", "the front matter, line 3, column 1: the key 'a'"),
    ):
        with pytest.raises(ValueError, match=message):
            markdown.front_matter.fn(wrong)


@given(st.text(alphabet="#*_`[]()<>!|-=~\\\n\t ab1.:\"'&\0", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_is_shown_safely(page: str) -> None:
    tags = "p h1 h2 h3 h4 h5 h6 em strong code pre a img ul ol li blockquote hr br table thead tbody tr th td s"
    html = markdown.to_html.fn(page)
    assert set(re.findall(r"</?([^\s>/]*)", html)) <= set(tags.split())
    markdown.headings.fn(page)


@given(st.text(alphabet="<>/tabledivph1 =\"'&;!-x", max_size=100))
@settings(max_examples=100, deadline=None)
def test_any_page_has_a_markdown(clear: Any, page: str) -> None:
    clear(lambda: markdown.from_html.fn(page), "nested too deeply")


@pytest.mark.parametrize("piece", ["[", "![", "*a ", "`", "<", "> ", "- ", "[a](", "_*", "&", "|a", "\\"])
def test_texts_that_repeat_are_no_trap(piece: str, work: Callable[[Callable[[], object]], int]) -> None:
    """Four times the text is at most quadratic work, not exponential."""
    small, large = (work(lambda n=n: markdown.to_html.fn(piece * n)) for n in (100, 400))  # type: ignore[misc]
    assert large < 20 * small
