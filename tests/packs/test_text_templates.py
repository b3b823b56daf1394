"""Templates in a sandbox, differences and parts of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import text


@dataclass
class Person:
    name: str
    tags: list[str]


def test_templates() -> None:
    people = [Person("Ada", ["x", "y"]), Person("Bo", [])]
    template = (
        "{% macro row(p) %}{{ p.name }}: {{ p.tags|join(', ') or 'none' }}\n{% endmacro %}"
        "{% for p in people if p.name %}{{ loop.index }}. {{ row(p) }}{% else %}nobody{% endfor %}"
        "{% set ns = namespace(n=0) %}{% for p in people %}{% set ns.n = ns.n + p.tags|length * 10 %}{% endfor %}"
        "{{ ns.n }} {{ 'a' ~ 1 ~ 'b' }} {{ 'x-y'.upper().split('-')[1] }} {{ 'aXa'|replace('a', 'bb') }}\n"
    )
    assert text.render.fn(template, {"people": people}) == "1. Ada: x, y\n2. Bo: none\n20 a1b Y bbXbb\n"
    assert text.render.fn("{{ n }} {{ 10000 * 10000 }} {{ 7 % 4 }} {{ 2 ** 10 }}", {"n": 1}) == "1 100000000 3 1024"
    assert text.render.fn("{{ name }}", Person("A", [])) == "A"
    assert text.render.fn("{{ v|tojson }}", {"v": {"a": [1, "<"]}}) == '{"a": [1, "\\u003c"]}'


def test_escaping() -> None:
    values = {"v": "<b>&", "w": ["<i>"]}
    assert text.render.fn("<p>{{ v }}", values) == "<p><b>&"
    assert text.render.fn("<p>{{ v }}{{ v ~ w[0] }}{{ w|join('<') }}", values, escape=True) == (
        "<p>&lt;b&gt;&amp;&lt;b&gt;&amp;&lt;i&gt;&lt;i&gt;"
    )
    assert text.render.fn("{{ ('<b>'|safe) ~ v }}", values, escape=True) == "<b>&lt;b&gt;&amp;"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a\n{{ nope }}", "the template, line 2: 'nope' is undefined"),
        ("a\n\n{% if %}", "the template, line 3: "),
        ("{{ v.nope }}", "the template, line 1: .*no attribute 'nope'"),
        ("{{ 1 / 0 }}", "the template, line 1: division by zero"),
        ("{{ v + 'x' }}", "the template, line 1: "),
        ("{% include 'a' %}", "the template"),
        ("{{ v|nope }}", "the template, line 1: No filter named 'nope'"),
        ("{{ '%s' % v }}", "text has no '%' here"),
    ],
)
def test_errors_name_the_line(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        text.render.fn(template, {"v": {"a": 1}})


@pytest.mark.parametrize(
    "template",
    [
        "{{ v.__class__ }}",
        "{{ v.__class__.__mro__[1].__subclasses__() }}",
        "{{ v|attr('__class__') }}",
        "{{ ''.__class__ }}",
        "{{ v['__class__'] }}",
        "{{ f.__globals__ }}",
        "{{ f.__code__ }}",
        "{{ self.__init__ }}",
        "{{ [].append(1) }}",
        "{{ v.update({'a': 2}) }}",
        "{{ '{0.__class__}'.format(v) }}",
        "{{ '{a.__class__}'.format_map({'a': v}) }}",
        "{{ range.__self__ }}",
        "{{ cycler('a') }}",
        "{{ lipsum() }}",
        "{{ 'x'.encode() }}",
    ],
)
def test_a_template_reaches_no_objects(template: str) -> None:
    value = {"a": 1}
    with pytest.raises(ValueError, match="the template"):
        text.render.fn(template, {"v": value, "f": len})
    assert value == {"a": 1}


LOOPS = "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    "template",
    [
        LOOPS,
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(x=1) %}{% endmacro %}{% set __steps = namespace(spend=m, write=m) %}" + LOOPS,
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * [1] }}",
        "{{ 9 ** 999999999 }}",
        "{% set n = namespace(x=99999999) %}{% for i in range(100) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x|replace('', n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = [n.x, n.x]|join(n.x) %}{% endfor %}",
        "{% set x = 'ab' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60,
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a'|center(1000000000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ 'a\n'|indent(1000000000) }}",
        "{{ [1]|batch(1000000000, 'x')|list }}",
        "{{ range(100000000000) }}",
        "{% for i in range(50000) %}{{ range(50000)|list|length }}{% endfor %}",
        "{% for i in range(90000) %}{{ i }}" + "x" * 50_000 + "{% endfor %}",
    ],
)
def test_a_template_comes_to_an_end(template: str) -> None:
    with pytest.raises(ValueError, match="the template"):
        text.render.fn(template, {})


@pytest.mark.parametrize(
    "method", ["format", "format_map", "ljust", "center", "zfill", "expandtabs", "replace", "join"]
)
def test_methods_that_make_as_much_as_they_are_told_are_not_called(method: str) -> None:
    with pytest.raises(ValueError, match=f"access to attribute '{method}' of 'str' object is unsafe"):
        text.render.fn(f"{{{{ '{{:99}}'.{method}(99) }}}}", {})


@given(st.text(alphabet="{}%# abif.()[]'|~*+1\n-", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_template_is_a_text_or_a_clear_error(clear: Any, template: str) -> None:
    clear(lambda: text.render.fn(template, {"a": 1, "b": ["x"]}), "the template")


def test_diff() -> None:
    old, new = "a\nb\nc\nd", "a\nB\nc\nd\n"
    assert text.diff.fn(old, new) == "--- old\n+++ new\n@@ -1,4 +1,5 @@\n a\n-b\n+B\n c\n d\n+\n"
    assert text.diff.fn(old, old) == ""
    with pytest.raises(ValueError, match="context is at least 0"):
        text.diff.fn(old, new, -1)


def test_chunks() -> None:
    assert text.chunks.fn("one two three four", 9) == ["one two", "three", "four"]
    assert text.chunks.fn("abcdefgh", 3) == ["abc", "def", "gh"]
    assert text.chunks.fn("  ", 3) == text.chunks.fn("", 3) == []
    assert text.chunks.fn("abcdef", 4, overlap=2) == ["abcd", "cdef"]
    for size, overlap in ((0, 0), (3, 3), (3, -1)):
        with pytest.raises(ValueError, match="overlap is from 0 to below size"):
            text.chunks.fn("a", size, overlap)


@given(st.text(alphabet="ab \n", max_size=60), st.integers(1, 12), st.data())
@settings(max_examples=200, deadline=None)
def test_chunks_lose_nothing(words: str, size: int, draw: st.DataObject) -> None:
    parts = text.chunks.fn(words, size)
    assert all(0 < len(part) <= size for part in parts)
    assert "".join("".join(parts).split()) == "".join(words.split())
    overlap = draw.draw(st.integers(0, size - 1))
    assert all(len(part) <= size for part in text.chunks.fn(words, size, overlap))
