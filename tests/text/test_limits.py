"""Texts from strangers: bounded in every direction, linear in time, and never a traceback."""
# ruff: noqa: E501 - lists of pieces

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from text_programs import Programs
from text_support import FOLDER, check

from cflow.dsl.text import errors
from cflow.dsl.text.limits import MAX_BLOCKS, MAX_BRACKETS, MAX_ERRORS, MAX_HEIGHT
from cflow.dsl.text.mistakes import MISTAKES


def in_flow(text: str) -> str:
    return f"flow f():\n    {text}\n"


TOO_MUCH = {
    "brackets": in_flow("x = " + "(" * 100_000 + ")" * 100_000),
    "open brackets": in_flow("x = " + "[" * 100_000),
    "a sum": in_flow("x = " + " + ".join("a" * 10_000)),
    "powers": in_flow("x = " + "**".join("a" * 10_000)),
    "signs": in_flow("x = " + "-" * 10_000 + "a"),
    "nots": in_flow("x = " + "not " * 10_000 + "a"),
    "attributes": in_flow("x = a" + ".b" * 10_000),
    "items": in_flow("x = a" + "[0]" * 10_000),
    "calls": in_flow("x = a" + "()" * 10_000),
    "pipes": in_flow("x = a" + " |> b" * 10_000),
    "conditionals": in_flow("x = " + "a if b else " * 10_000 + "c"),
    "suites": "flow f():\n" + "".join(" " * (i + 1) + "if x:\n" for i in range(1_000)) + " " * 1_001 + "pass\n",
    "an integer": in_flow("x = " + "9" * 100_000),
    "f-strings": in_flow('x = f"{' * 200),
    "format specs": in_flow('x = f"' + "{a:" * 100 + "}" * 100 + '"'),
    "statements": "flow f():\n" + "    x\n" * 100_100,
    "characters": "#" * 4_000_001,
    "a string": in_flow('x = "' + "a" * 1_000_001 + '"'),
    "patterns": in_flow("match x:\n        case " + "[" * 1_000 + "]" * 1_000 + ":\n            pass"),
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much(text: str) -> None:
    _, found = check(text)
    assert found[0].id in ("syntax-limit", "syntax-number", "syntax-escape")
    assert len(found) <= 2


MUCH = {
    "and": in_flow("x = " + " and ".join("a" * 20_000)),
    "comparisons": in_flow("x = " + " < ".join("a" * 20_000)),
    "items": in_flow("x = [" + "1, " * 20_000 + "]"),
    "pairs": in_flow("x = {" + "a: 1, " * 10_000 + "}"),
    "arguments": in_flow("f(" + "a, " * 20_000 + ")"),
    "named arguments": in_flow("f(" + ", ".join(f"a{i}=1" for i in range(5_000)) + ")"),
    "strings": in_flow("x = " + '"a" ' * 10_000),
    "holes": in_flow('x = f"' + "{a}b" * 10_000 + '"'),
    "targets": in_flow("a = " * 5_000 + "1"),
    "arms": in_flow("if x:\n        pass\n" + "    elif y:\n        pass\n" * 5_000),
    "clauses": in_flow("x = [a " + "for b in c " * 5_000 + "]"),
    "tests": in_flow("x = [a for b in c " + "if d " * 10_000 + "]"),
    "alternatives": in_flow("match x:\n        case " + " | ".join("1" * 10_000) + ":\n            pass"),
    "fields": "type T:\n" + "".join(f"    a{i}: int\n" for i in range(5_000)),
    "comments": "# a\n" * 50_000,
    "blank lines": "\n" * 100_000,
    "flows": "".join(f"flow f{i}(sleep: int):\n    sleep(1)\n" for i in range(1_000)),
    "an escaped string": in_flow('x = "' + "\\n" * 50_000 + '"'),
}


@pytest.mark.parametrize("text", MUCH.values(), ids=MUCH)
def test_flat_and_long_is_fine(text: str) -> None:
    module, found = check(text)
    assert module is not None
    assert not found


def test_the_bounds_themselves_are_fine() -> None:
    assert not check(in_flow("x = " + "(" * MAX_BRACKETS + "a" + ")" * MAX_BRACKETS))[1]
    assert not check(in_flow("x = " + " + ".join("a" * MAX_HEIGHT)))[1]
    assert check(in_flow("x = " + " + ".join("a" * (MAX_HEIGHT + 1))))[1]
    suites = "".join(" " * (i + 1) + "if x:\n" for i in range(MAX_BLOCKS - 1)) + " " * MAX_BLOCKS + "pass\n"
    assert not check("flow f():\n" + suites)[1]


def test_many_errors_are_cut_off() -> None:
    assert len(check("flow f():\n" + "    x y\n" * 50_000)[1]) == MAX_ERRORS


SHAPES: dict[str, Callable[[int], str]] = {
    "statements": lambda n: "flow f():\n" + "    x = g(a, 1, k=b + 2) with retry=3\n" * n,
    "errors": lambda n: "flow f():\n" + "    x y\n    if a = 1:\n        pass\n" * n,
    "muted errors": lambda n: "flow f():\n" + "    x = “ a (\n" * n,
    "unclosed brackets": lambda n: "flow f():\n" + "    x = (a,\n" * n,
    "flat chains": lambda n: in_flow("x = " + " and ".join("a" * (5 * n))),
    "texts": lambda n: in_flow('x = f"' + "{a}b" * n + '"'),
    "comments": lambda n: in_flow("x = [" + "1,  # a\n" * n + "]"),
    "bad suites": lambda n: "".join(f"{'  ' * (i % 30)}if = 1:\n" for i in range(n)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_work_is_linear(shape: Callable[[int], str], work: Callable[[Callable[[], Any]], int]) -> None:
    check(shape(2))  # tables and the like are made once
    small, large = (work(lambda text=shape(n): check(text)) for n in (300, 1_200))  # type: ignore[misc]
    assert large < 4.6 * small + 5_000


def fuzz(seconds: float, seed: int) -> int:
    """Mutates well formed and malformed texts for a while; everything that is found is a diagnostic."""
    random_ = random.Random(seed)
    corpus = [(FOLDER / "orders.cflow").read_text("utf-8"), *(Programs(i).module() for i in range(30))]
    corpus += [errors.program(example) for mistake in MISTAKES for example in mistake.examples]
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        text = mutated(random_.choice(corpus), random_)
        try:
            module, found = check(text)
        except Exception as error:
            error.add_note(f"seed {seed}, round {rounds}: {text!r}")
            raise
        assert module is not None or found, repr(text)
        assert all(d.help and d.id.startswith(("syntax-", "option-twice")) for d in found), repr(text)
        rounds += 1
    return rounds


FRAGMENTS = [
    *'( ) [ ] { } " \' """ f\' f"{ }" : = == |> , . * ** - \\ # @ ! && ; -> => {{ }} | ~ % ... := $ ? ` “ ” é \0 \ufeff \f'.split(
        " "
    ),
    *(
        " with ",
        " undo ",
        " for ",
        "if ",
        "else:",
        "try:\n",
        "except",
        "\n",
        "\n    ",
        "\n\t",
        "    ",
        "\r",
        "\r\n",
        "not ",
        "in ",
        "lambda ",
    ),
    *(
        "await ",
        "match ",
        "case ",
        "detach ",
        "race(",
        "10s",
        "1e",
        "0x",
        "\ud800",
        "x!r:>{y}",
        'test "x":\n',
        "flow f(",
        "type T:\n",
        "yield ",
    ),
    *(
        "return ",
        "import ",
        "from ",
        "as ",
        "parallel:",
        "transaction:\n",
        "mock ",
        "raises ",
        "secret ",
        "const ",
        "env ",
        "defaults with",
    ),
]


def mutated(text: str, random_: random.Random) -> str:
    for _ in range(random_.randint(1, 6)):
        start = random_.randrange(len(text) + 1)
        end = min(len(text), start + random_.randint(0, 12))
        kind = random_.random()
        if kind < 0.35:
            text = text[:start] + random_.choice(FRAGMENTS) + text[start:]
        elif kind < 0.6:
            text = text[:start] + text[end:]
        elif kind < 0.8:
            text = text[:start] + text[end : end + 20] + text[start:]
        else:
            text = text[:start] + "".join(random_.choices(FRAGMENTS, k=random_.randint(1, 8))) + text[end:]
    return text


def test_mutated_texts_end_in_diagnostics(long: bool) -> None:
    assert fuzz(60 if long else 3, random.randrange(10**6)) > 100


def test_random_characters_end_in_diagnostics() -> None:
    random_ = random.Random(7)
    for _ in range(300):
        check("".join(chr(random_.choice([random_.randrange(128), random_.randrange(0x3000)])) for _ in range(80)))
