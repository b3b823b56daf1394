"""Classes in a flow: their static methods that are nodes or flows, and enums as closed types."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.dsl.loader import check_python

HEAD = """
import enum
from typing import Any
from cflow import flow, node


class Shop:
    @staticmethod
    @node(pure=True)
    def price(x: int) -> int:
        return x * 2

    @node(reads="a")
    @staticmethod
    def stock(x: int) -> int:
        return x

    @staticmethod
    @flow
    def total(x: int) -> int:
        return Shop.price(x) + 1

    @staticmethod
    def plain(x: int) -> int:
        return x

    @classmethod
    def made(cls) -> int:
        return 1


class Corner(Shop):
    pass


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"
    AZURE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    A = enum.auto()
    B = enum.auto()


class Bits(enum.Flag):
    ONE = 1
    TWO = 2


"""
Both = Callable[[str], tuple[Any, list[str]]]


@pytest.fixture
def both(tmp_path: Path) -> Both:
    """A flow ``main`` in a file: the flow, and what is found in its text alone; running it finds the same."""

    def make(code: str) -> tuple[Any, list[str]]:
        file = tmp_path / "classes_in_flows.py"
        file.write_text(HEAD + code)
        read = [f"{d.id}: {d.message}" for d in check_python(file)]
        spec = importlib.util.spec_from_file_location("classes_in_flows", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        main = module.main
        assert [f"{d.id}: {d.message}" for d in main.check()] == read
        return main, read

    return make


def test_static_methods_are_called(both: Both) -> None:
    main, found = both(
        "@flow\ndef main(x: int) -> int:\n    return Shop.total(x) + Corner.price(x) + Shop.stock.options(retry=2)(x)\n"
    )
    assert found == []
    assert main.run(10) == 21 + 20 + 10
    (call,) = [s for s in main.plan().steps if "stock" in s.id]
    assert call is not None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return Shop.price('a')", "argument-type: price wants int for 'x', not 'a'"),
        ("return Shop.price", "not-a-value: 'Shop.price' is a node: it can be called, but it is not a value"),
        ("return Shop.plain(1)", "unknown-method: 'plain' is called on a class, and is no node or flow: a flow calls methods of values"),  # noqa: E501
        ("return Shop.made()", "unknown-method: 'made' is called on a class, and is no node or flow: a flow calls methods of values"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_cannot_be_called(both: Both, body: str, found: str) -> None:
    assert both(f"@flow\ndef main() -> Any:\n    {body}\n")[1] == [found]


def match(type: str, *cases: str) -> str:
    arms = "".join(f"        case {case}:\n            return {i}\n" for i, case in enumerate(cases))
    return f"@flow\ndef main(c: {type}) -> int:\n    match c:\n{arms}"


@pytest.mark.parametrize(
    ("type", "cases", "given"),
    [
        ("Color", ["Color.RED", "Color.BLUE"], {"red": 0, "blue": 1}),
        ("Color", ["Color.AZURE", "Color.RED"], {"red": 1, "blue": 0}),
        ("Color", ["Color.RED | Color.BLUE"], {"red": 0, "blue": 0}),
        ("Color", ["Color.RED", "Color()"], {"red": 0, "blue": 1}),
        ("Color | None", ["Color.RED", "None", "Color.BLUE"], {"red": 0, "blue": 2, None: 1}),
        ("Level", ["Level.LOW", "Level.HIGH"], {1: 0, 2: 1}),
        ("Word", ["Word.A", "Word.B"], {"a": 0, "b": 1}),
    ],
)
def test_an_enum_is_closed(both: Both, type: str, cases: list[str], given: dict[Any, int]) -> None:
    main, found = both(match(type, *cases))
    assert found == []
    assert {value: main.run(value) for value in given} == given


@pytest.mark.parametrize(
    ("type", "cases", "found"),
    [
        ("Color", ["Color.RED"], ["match-not-exhaustive: no case matches Color.BLUE"]),
        ("Color | None", ["Color.RED", "Color.BLUE"], ["match-not-exhaustive: no case matches None"]),
        ("Color", ["Color.RED if c", "Color.BLUE"], ["match-not-exhaustive: no case matches Color.RED"]),
        ("Color", ["Level.LOW", "_"], ["case-never-matches: Color is never Level"]),
        (
            "Bits",
            ["Bits.ONE", "Bits.TWO"],
            ["missing-return: the flow 'main' promises int, but some ways through it return nothing"],
        ),
    ],
)
def test_what_is_left_out_of_an_enum(both: Both, type: str, cases: list[str], found: list[str]) -> None:
    assert both(match(type, *cases))[1] == found


def test_nothing_comes_after_assert_false(both: Both) -> None:
    main, found = both('@flow\ndef main(n: int) -> int:\n    if n:\n        return 1\n    assert False, "never"\n')
    assert found == []
    assert main.run(1) == 1
    with pytest.raises(AssertionError, match="never"):
        main.run(0)


def test_the_values_of_an_enum_are_in_the_digest(tmp_path: Path) -> None:
    digests = []
    for folder, value in (("one", "2"), ("two", "3"), ("three", "2  # two")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "paint.py").write_text(
            f"import enum\nfrom cflow import node\n\nclass Color(enum.Enum):\n    RED = 1\n    BLUE = {value}\n\n"
            "@node(reads='shop')\ndef pick() -> Color:\n    return Color.BLUE\n"
        )
        module = cflow.loads(
            'from "./paint.py" import Color, pick\n\nflow main() -> bool:\n    return pick() == Color.BLUE\n',
            base=tmp_path / folder,
        )
        digests.append(module.main.digest)
    assert digests[0] == digests[2] != digests[1]
