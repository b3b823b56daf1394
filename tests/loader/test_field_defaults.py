"""The default of a record's field is part of the program: the digest sees it, alike in both spellings."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import pytest
from attrs import evolve

import cflow
from cflow import flow
from cflow.compiler.printer import print_graph
from cflow.compiler.reader import read_graph
from cflow.dsl import hints
from cflow.dsl.contents import content, factory_content

TEXT = "type A:\n    x: {type} = {default}\n\nflow main() -> Any:\n    return A()\n"


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def one() -> list[int]:
    return [1]


def two() -> list[int]:
    return [2]


def digest_of(make: Callable[[], Any]) -> str:
    """The digest of a flow that builds a record of this class."""
    A = make()

    @flow
    def main() -> Any:
        return A()

    return main.digest


def text_digest(type: str, default: str) -> str:
    digest: str = cflow.loads(TEXT.format(type=type, default=default)).main.digest
    return digest


def dataclass(type: Any, default: Any) -> Any:
    return lambda: dataclasses.make_dataclass("A", [("x", type, default)], kw_only=True)


def attrs_class(type: Any, default: Any) -> Any:
    return lambda: attrs.make_class("A", {"x": attrs.field(type=type, default=default)}, kw_only=True)


@pytest.mark.parametrize(
    ("type", "python", "default", "same", "other"),
    [
        ("int", int, "1", 1, 2),
        ("str", str, '"a"', "a", "b"),
        ("float", float, "1", 1.0, 1.5),
        ("float", float, "1.0", 1, 2),
        ("bool", bool, "True", True, False),
        ("int | None", int | None, "None", None, 1),
        ("tuple[int, ...]", tuple[int, ...], "(1, 2)", (1, 2), (2, 1)),
    ],
)
def test_both_spellings(type: str, python: Any, default: str, same: Any, other: Any) -> None:
    assert text_digest(type, default) == digest_of(dataclass(python, same))
    assert text_digest(type, default) != digest_of(dataclass(python, other))
    assert digest_of(attrs_class(python, same)) != digest_of(attrs_class(python, other))


def test_a_factory_of_something_empty_is_that_value() -> None:
    assert text_digest("list[int]", "[]") == digest_of(dataclass(list[int], dataclasses.field(default_factory=list)))
    assert text_digest("list[int]", "[]") == digest_of(attrs_class(list[int], attrs.Factory(list)))
    assert text_digest("list[int]", "[]") != text_digest("list[int]", "[1]")


def test_a_factory_is_known_by_its_source() -> None:
    first, second = (digest_of(dataclass(list[int], dataclasses.field(default_factory=f))) for f in (one, two))
    assert first != second
    assert first == digest_of(dataclass(list[int], dataclasses.field(default_factory=one)))


def test_named_tuples() -> None:
    class A(NamedTuple):
        x: int = 1

    def other() -> Any:
        class A(NamedTuple):
            x: int = 2

        return A

    assert digest_of(lambda: A) != digest_of(other)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Color.RED, Color.BLUE),
        ({"a": [1]}, {"a": [2]}),
        (hints.FieldSpec("x"), hints.FieldSpec("y")),
        (one, two),
        ("a" * 500, "a" * 501),
    ],
)
def test_contents_differ(a: Any, b: Any) -> None:
    assert content(a) != content(b)
    assert content(a) == content(evolve(a) if attrs.has(type(a)) else a)


def test_contents_are_free_of_addresses_and_orders() -> None:
    assert content({"b", "a"}) == "set(str:'a', str:'b')"
    assert content(object()) == "object"
    assert factory_content(list) == content([])
    endless: list[Any] = []
    endless.append(endless)
    assert content(endless).endswith(")")


def test_the_printed_graph_holds_it() -> None:
    module = cflow.loads(TEXT.format(type="int", default="1"))
    graph = cflow.engine.default_engine().compiled(module.main).graph
    assert "x: int? = " in print_graph(graph)
    assert read_graph(print_graph(graph)).classes == graph.classes
