"""Nodes: what is declared, what the spec says, how keys and digests tell nodes apart."""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from python_sources import execute

from cflow import Retry, flow, node
from cflow.compiler.spec import BARRIER, UNDECLARED, Effects
from cflow.dsl.nodes import NodeDef, binding_of, spec_of
from cflow.dsl.purelist import is_pure
from cflow.dsl.scope import FlowBinding, NodeBinding
from cflow.dsl.source import source_digest


def plain(sku: str, qty: int = 1, *rest: float, key: str | None = None, **more: Any) -> list[str]:
    """Words."""
    return [sku]


async def waiting() -> int:
    return 1


async def items() -> AsyncIterator[int]:
    yield 1


def lines() -> Iterator[str]:
    yield ""


@pytest.mark.parametrize(
    ("declared", "effects"),
    [
        ({}, UNDECLARED),
        ({"retry": 3}, UNDECLARED),
        ({"pure": True}, Effects()),
        ({"reads": "orders"}, Effects(reads=frozenset({"orders"}))),
        ({"reads": "world"}, Effects(reads=frozenset({"world"}))),
        ({"writes": ("orders", "mail")}, Effects(writes=frozenset({"orders", "mail"}))),
        ({"reads": ["a"], "writes": "b"}, Effects(frozenset({"a"}), frozenset({"b"}))),
        ({"barrier": True}, BARRIER),
        ({"barrier": True, "reads": "a"}, Effects(reads=frozenset({"a"}), barrier=True)),
        ({"pure": False}, UNDECLARED),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "",
)
def test_effects(declared: dict[str, Any], effects: Effects) -> None:
    spec = spec_of(plain, **declared)
    assert spec.effects == effects
    assert spec.effects.declared == effects.declared


def test_policies_are_plain_values() -> None:
    spec = spec_of(
        plain, retry=3, timeout="1m30s", cache=timedelta(hours=1), rate="10/s", lock="printer", default=None, once="k"
    )
    assert spec.policy == {
        "retry": Retry(3), "timeout": 90.0, "cache": 3600.0, "rate": "10/s", "lock": "printer", "default": None,
        "once": "k",
    }  # fmt: skip
    assert spec_of(plain, cache=True, retry=Retry(1, backoff=3)).policy == {"cache": True, "retry": Retry(1, backoff=3)}
    assert spec_of(plain, timeout=None, cache=False).policy == {}


@pytest.mark.parametrize(
    ("declared", "error", "words"),
    [
        ({"pur": True}, TypeError, "does not know 'pur'"),
        ({"pure": True, "reads": "a"}, ValueError, "either pure or reads"),
        ({"pure": True, "barrier": True}, ValueError, "either pure"),
        ({"reads": 3}, TypeError, "name of a resource"),
        ({"writes": ("a", 3)}, TypeError, "name of a resource"),
        ({"runs": "cloud"}, ValueError, "'auto', 'loop', 'thread', 'process'"),
        ({"undo": 3}, TypeError, "undo= is a node"),
        ({"retry": -1}, TypeError, "number of more attempts"),
        ({"retry": True}, TypeError, "number of more attempts"),
        ({"timeout": "soon"}, ValueError, "not a duration"),
        ({"timeout": -1}, ValueError, "negative"),
        ({"cache": [1]}, TypeError, "a duration is"),
        ({"rate": "10"}, ValueError, "10/s"),
        ({"rate": "0/s"}, ValueError, "10/s"),
        ({"lock": 3}, TypeError, "are text"),
    ],
    ids=str,
)
def test_wrong_declarations_fail_where_they_stand(declared: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        node(**declared)
    with pytest.raises(error, match=words):
        node(plain, **declared)


def test_signature() -> None:
    signature = spec_of(plain).signature
    assert [(p.name, str(p.type), p.kind, p.required) for p in signature.params] == [
        ("sku", "str", "pos_or_kw", True),
        ("qty", "int", "pos_or_kw", False),
        ("rest", "float", "var_pos", False),
        ("key", "str | None", "kw", False),
        ("more", "Any", "var_kw", False),
    ]
    assert str(signature.returns) == "list[str]"
    assert not spec_of(iter).signature.known or spec_of(iter).signature.params


@pytest.mark.parametrize(
    ("function", "is_async", "is_stream", "returns"),
    [
        (plain, False, False, "list[str]"),
        (waiting, True, False, "int"),
        (items, True, True, "stream[int]"),
        (lines, False, True, "stream[str]"),
        (functools.partial(waiting), True, False, "Any"),
    ],
)
def test_kinds(function: Callable[..., Any], is_async: bool, is_stream: bool, returns: str) -> None:
    spec = spec_of(function)
    assert (spec.is_async, spec.is_stream) == (is_async, is_stream)
    assert returns == "Any" or str(spec.signature.returns) == returns


def test_annotations_may_name_what_comes_later() -> None:
    names = execute(
        """
from __future__ import annotations
from typing import TYPE_CHECKING
from dataclasses import dataclass
from cflow import node
if TYPE_CHECKING:
    from nowhere import Missing
@node
def f(a: Order, b: list["Order"], c: Missing) -> Order | None: ...
@dataclass(kw_only=True)
class Order:
    id: int
    parent: Order | None = None
"""
    )
    params = names["f"].spec.signature.params
    assert [str(p.type) for p in params] == ["cell.Order", "list[cell.Order]", "Any"]
    assert str(names["f"].spec.signature.returns) == "cell.Order | None"


# ---- decorators ----------------------------------------------------------------------------------


def test_a_node_keeps_its_function() -> None:
    declared = node(plain, reads="a")
    assert isinstance(declared, NodeDef)
    assert declared.fn is plain
    assert (declared.__name__, declared.__doc__, declared.__module__) == ("plain", "Words.", __name__)
    assert repr(declared) == f"<node {__name__}.plain>"
    assert declared.fn("a") == ["a"]


def test_options_make_a_copy_with_policies_laid_over() -> None:
    first = node(plain, writes="a", retry=1, timeout=5)
    second = first.options(retry=2, undo=print)
    assert first.spec.policy == {"retry": Retry(1), "timeout": 5.0}
    assert second.spec.policy["retry"] == Retry(2)
    assert second.spec.policy["timeout"] == 5.0
    assert second.spec.effects == first.spec.effects
    assert second.spec.key != first.spec.key
    assert isinstance(second.undo, NodeBinding)
    assert second.spec.policy["undo"] == second.undo.spec.key
    with pytest.raises(TypeError, match="no option 'reads'"):
        first.options(reads="b")  # type: ignore[call-arg]


def test_node_on_a_node_declares_more() -> None:
    assert node(node(plain, reads="a"), retry=1).spec.effects == Effects(reads=frozenset({"a"}))


def test_undo_may_be_a_flow() -> None:
    names = execute("from cflow import flow\n@flow\ndef back(x): return x\n")
    made = node(plain, writes="a", undo=names["back"])
    assert isinstance(made.undo, FlowBinding)
    assert made.spec.policy["undo"] == names["back"].source.key


@pytest.mark.parametrize("thing", [3, classmethod(plain), property(plain)], ids=["int", "classmethod", "property"])
def test_what_cannot_be_a_node_or_a_flow(thing: Any) -> None:
    with pytest.raises(TypeError, match="is put on"):
        node(thing)
    with pytest.raises(TypeError, match="is put on"):
        flow(thing)


def test_nodes_and_flows_are_not_each_other() -> None:
    with pytest.raises(TypeError, match="a node is no flow"):
        flow(node(plain))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="a flow is no node"):
        node(flow(plain))
    with pytest.raises(TypeError, match="no option 'reads'"):
        flow(reads="a")  # type: ignore[call-overload]


def test_static_methods() -> None:
    class Shop:
        @staticmethod
        @node
        def inner(x: int) -> int:
            return x

        @node
        @staticmethod
        def outer(x: int) -> int:
            return x

    assert Shop.inner.fn(1) == Shop().inner.fn(1) == Shop.outer.fn(1) == 1
    assert Shop.outer.spec.key.endswith("test_static_methods.Shop.outer")


# ---- keys ----------------------------------------------------------------------------------------


def test_keys_tell_functions_of_one_name_apart() -> None:
    def make(n: int) -> Callable[[], int]:
        def same() -> int:
            return n

        return same

    a, b = make(1), make(2)
    assert spec_of(a).key != spec_of(b).key
    assert spec_of(a).key == spec_of(a).key
    assert spec_of(a, pure=True).key != spec_of(a).key
    assert binding_of(a) is binding_of(a)


# ---- digests -------------------------------------------------------------------------------------


def digest(code: str, name: str = "f", **names: Any) -> str:
    return source_digest(execute(code, **names)[name])


SAME = [
    "def f(a, b=1):\n    return a + b",
    "def f(a,b = 1):\n\n    # a comment\n    return (a\n        + b)",
    'def f(a, b=1):\n    """Words."""\n    return a + b',
    "import functools\n@functools.cache\ndef g(): ...\n\ndef f(a, b=0x1): return a + b",
]
OTHER = [
    "def f(a, b=2):\n    return a + b",
    "def f(a, b=1):\n    return a - b",
    "def f(a, b=1, *, c=None):\n    return a + b",
    "def f(a: int, b=1):\n    return a + b",
    "async def f(a, b=1):\n    return a + b",
    "def f(a, b='1'):\n    return a + b",
]


def test_a_digest_is_blind_to_layout_comments_and_docstrings() -> None:
    assert len({digest(code) for code in SAME}) == 1


def test_a_digest_sees_the_code() -> None:
    digests = [digest(code) for code in (SAME[0], *OTHER)]
    assert len(set(digests)) == len(digests)


CLOSURE = """
def make({names}):
    def helper(x): return x {op} 1
    def f(x): return helper(x) + n
    return f
f = make({values})
"""


def test_a_digest_sees_what_a_function_closes_over() -> None:
    def made(op: str, value: str) -> str:
        return digest(CLOSURE.format(names="n", values=value, op=op))

    assert made("+", "1") == made("+", "1")
    assert made("+", "1") != made("+", "2")
    assert made("+", "1") != made("-", "1")
    assert made("+", "object()") == made("+", "object()")
    assert made("+", "{3, 1, 2}") == made("+", "{2, 3, 1}")
    assert made("+", "{'a': (1, [2])}") != made("+", "{'a': (1, [3])}")


def test_functions_that_close_over_themselves_have_a_digest() -> None:
    code = "def make():\n    def f(n): return n and g(n - 1)\n    def g(n): return f(n)\n    return f\nf = make()"
    assert digest(code) == digest(code)


def test_other_decorators_are_part_of_the_digest() -> None:
    code = """
import functools
def twice(fn):
    @functools.wraps(fn)
    def run(*a): return fn(*a) {op} 2
    return run
{decorator}
def f(a): return a
"""
    digests = {digest(code.format(op=op, decorator=d)) for op, d in (("*", "@twice"), ("+", "@twice"), ("*", ""))}
    assert len(digests) == 3


def test_callables_without_source_have_a_digest() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(a):\n    'one'\n    return a + 1\ndef g(a):\n    'two'\n    return a + 1", namespace)
    exec("def h(a): return a + 2", namespace)
    assert source_digest(namespace["f"]) == source_digest(namespace["g"])
    assert source_digest(namespace["f"]) != source_digest(namespace["h"])

    class Doubler:
        def __init__(self, by: int) -> None:
            self.by = by

        def __call__(self, x: int) -> int:
            return x * self.by

        def other(self, x: int) -> int:
            return x

    for callable_ in (math.sqrt, functools.partial(plain, "a"), Doubler(2), Doubler(2).other, Doubler, str.upper):
        assert len(source_digest(callable_)) == 64
        assert source_digest(callable_) == source_digest(callable_)
    assert source_digest(functools.partial(plain, "a")) != source_digest(functools.partial(plain, "b"))


def test_a_very_long_sum_has_a_digest() -> None:
    terms = " + ".join(["a"] * 900)
    assert digest(f"def f(a): return {terms}") != digest(f"def f(a): return {terms} + a")


# ---- the pure list -------------------------------------------------------------------------------


def test_the_pure_list() -> None:
    import json
    import operator
    import os.path
    import re
    import statistics
    import time
    import urllib.parse

    for function in (json.dumps, math.sqrt, re.sub, operator.add, statistics.mean, os.path.join, urllib.parse.quote):
        assert is_pure(function)
        binding = binding_of(function)
        assert isinstance(binding, NodeBinding)
        assert binding.spec.trusted
        assert binding.spec.effects.pure
        assert binding.fn is function
    for function in (time.time, re.compile, plain, print, os.getcwd, math):  # type: ignore[assignment]
        assert not is_pure(function)
    assert not spec_of(json.dumps, writes="a").trusted

    def sqrt(x: float) -> float:
        return x

    sqrt.__module__ = "math"
    assert not is_pure(sqrt)


def test_every_name_on_the_pure_list_exists() -> None:
    import importlib

    from cflow.dsl.purelist import _NAMES, pure_names

    for module, names in _NAMES.items():
        home = importlib.import_module(module)
        missing = [n for n in names.split() if n != "*" and not hasattr(home, n)]
        assert not missing, (module, missing)
        found = [n for n in names.split() if n != "*" and not is_pure(getattr(home, n))]
        assert not found, (module, found)
    assert pure_names("nothing") is None
    assert "dumps" in (pure_names("json") or ())


@pytest.mark.parametrize("on", ["ValueError", (ValueError, "A"), 3, int])
def test_what_is_worth_another_try_is_an_exception_class(on: Any) -> None:
    with pytest.raises(TypeError, match="on= is an exception class or a tuple of them"):
        node(retry=Retry(1, on=on))


def test_classes_in_a_constant_may_be_caught() -> None:
    names = execute(
        "from cflow import flow\nERRORS = (ValueError, KeyError)\nWRONG = (ValueError, 3)\n"
        "@flow\ndef good(n: int) -> int:\n    try:\n        raise KeyError\n    except ERRORS:\n        return 1\n"
        "@flow\ndef bad(n: int) -> int:\n    try:\n        return n\n    except WRONG:\n        return 1\n"
        "@flow\ndef base(n: int) -> int:\n    try:\n        return n\n    except BaseException:\n        return 1\n"
    )
    assert names["good"].run(1) == 1
    assert [d.id for d in names["bad"].check()] == ["not-an-exception"]
    (finding,) = names["base"].check()
    assert finding.id == "forbidden-name"
    assert "cancellation is never caught" in finding.message
