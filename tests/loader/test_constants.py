"""Constants: what they may be made of, and that none of them can eat the machine."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from typing import Any

import pytest

from cflow.compiler.diagnostics import Collector
from cflow.compiler.types import FLOAT, STR, Type, list_of
from cflow.dsl.loader import load_text
from cflow.dsl.scope import AmbientBinding, TypeBinding, ValueBinding

VALUES: dict[str, Any] = {
    "10_000": 10_000,
    "-3 + 2 * 4 ** 2": 29,
    "(7 // 2, 7 % 4, 7 / 2, ~1, +1, not 1)": (3, 3, 3.5, -2, 1, False),
    "1 < 2 < 3 and 'x' in 'xy' or None": True,
    "1 if 0 else 2": 2,
    "[1, *[2, 3]]": [1, 2, 3],
    "{'a': 1, **{'b': 2}}": {"a": 1, "b": 2},
    "{1, 2}": {1, 2},
    "(1, 'x')[1]": "x",
    "'hello'[1:3]": "el",
    "f'{A}-{1.5:.2f}-{A!r}'": "7-1.50-7",
    "B * 2": 16,
    "'a,b'.split(',')": ["a", "b"],
    "'{}'.upper()": "{}",
    "len([1, 2]) + max(3, 4) + int('5')": 11,
    "sorted([3, 1, 2], reverse=True)": [3, 2, 1],
    "list(range(3))": [0, 1, 2],
    "[x * y for x in [1, 2] for y in [10, 20] if x < y]": [10, 20, 20, 40],
    "{k: v for k, v in [(1, 2)]}": {1: 2},
    "10s": dt.timedelta(seconds=10),
    "1h30m": dt.timedelta(minutes=90),
    "date(2026, 1, 31)": dt.date(2026, 1, 31),
    "date(2026, 1, 31).year": 2026,
    "timedelta(days=1) * 2": dt.timedelta(days=2),
    "Decimal('1.10') + 1": decimal.Decimal("2.10"),
    "Path('a') / 'b'": pathlib.Path("a/b"),
    "None": None,
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    module = load_text(f"const X = {text}\nconst B = A + 1\nconst A: int = 7\n")
    assert module is not None
    assert module.names.get("X") == VALUES[text]
    binding = module.scope.lookup("X")
    assert isinstance(binding, ValueBinding)
    assert binding.value == VALUES[text]
    assert type(binding.value) is type(VALUES[text]) or isinstance(binding.value, pathlib.PurePath)


REFUSED = [
    "open('x')", "print(1)", "__import__('os')", "nowhere", "lambda_", "(1).__class__", "''.__class__.__mro__", "[].append(1)",
    "'{0.__class__}'.format(1)", "isinstance(1, int)", "int", "len", "race(1)", "date.today()", "datetime.now()", "10 / 0", "int('x')",
    "[1][5]", "{[]: 1}", "'a' + 1", "f'{1:{10}.{5}q}'", "sum(['a'])", "(1 with retry=3)", "str.upper('a')", "'a'.encode('nowhere')",
    "[x for x in 5]", "[a for a, *b in [[1, 2]]]", "sorted([1, 'a'])", "chr(-1)",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    collector = Collector()
    load_text(f"const X = {text}\n", collector=collector)
    assert collector.failed
    assert [d.id for d in collector.items if not d.id.startswith("syntax")] in (["not-constant"], [])


BOMBS = [
    "9 ** 9 ** 9 ** 9", "2 ** 100_000_000", "1 << 10 ** 12", "'x' * 10 ** 12", "[0] * 10 ** 12", "'x' * 10 ** 6 * 10 ** 6",
    "list(range(10 ** 12))", "sum(range(10 ** 12))", "sorted(range(10 ** 9))", "range(10 ** 12)[10 ** 11:] == range(3) or list(range(10 ** 10))",
    "bytes(10 ** 12)", "'x'.ljust(10 ** 12)", "('x' * 10 ** 5).replace('x', 'y' * 10 ** 5)", "('x' * 10 ** 5).join(['y'] * 10 ** 5)",
    "'\\t'.expandtabs(10 ** 12)", "f'{1:>1000000000}'", "int('9' * 10 ** 6)", "str(2 ** 130_000 * 2 ** 130_000 * 2 ** 130_000)",
    "int(Decimal('1e999999999'))", "round(Decimal('1e99999999'))", "f\"{Decimal('1e99999999'):f}\"", "(1).to_bytes(10 ** 12)",
    "[x for x in range(10 ** 12)]", "[[y for y in range(10 ** 4)] for x in range(10 ** 4)]", "max(range(10 ** 12))",
    "('a' * 500_000).count('b') + ('a' * 500_000).count('b')", "tuple(range(10 ** 9))", "zip(range(10 ** 9), range(10 ** 9))",
    "all(range(1, 10 ** 12))", "Decimal(10) ** 10 ** 9", "'%1000000000d' % 1",
]  # fmt: skip


@pytest.mark.parametrize("text", BOMBS)
def test_bombs(text: str) -> None:
    collector = Collector()
    load_text(f"const X = {text}\n", execute=False, collector=collector)
    assert collector.failed


def test_bombs_of_many_constants() -> None:
    """Each constant is small; what it stands for doubles with every line."""
    lines = ["const A0 = [1]", *(f"const A{i} = [A{i - 1}, A{i - 1}]" for i in range(1, 60)), "const X = str(A59)"]
    collector = Collector()
    load_text("\n".join(lines) + "\n", collector=collector)
    assert collector.failed


def test_a_thousand_constants_of_one_another() -> None:
    lines = [f"const A{i} = A{i + 1}" for i in range(3000)] + ["const A3000 = 1"]
    collector = Collector()
    load_text("\n".join(lines) + "\n", execute=False, collector=collector)
    assert not collector.failed or {d.id for d in collector.items} == {"not-constant"}


def test_annotations_and_env() -> None:
    text = (
        "type Mode = 'fast' | 'safe'\nconst RATE: float = 1\nconst MODE: Mode = 'fast'\nconst XS: list[float] = [1]\n"
        "env REGION: str = 'eu'\nenv LIMIT: int\nenv WORD\nenv N = 3\nsecret KEY\nconst D: date = date(2026, 1, 31)\n"
    )
    module = load_text(text)
    assert module is not None
    assert (module.names["RATE"], type(module.names["RATE"])) == (1.0, float)
    found = {name: module.scope.lookup(name) for name in ("RATE", "XS", "REGION", "LIMIT", "WORD", "N", "KEY", "Mode")}
    assert isinstance(found["RATE"], ValueBinding)
    assert found["RATE"].type == FLOAT
    assert isinstance(found["XS"], ValueBinding)
    assert found["XS"].type == list_of(FLOAT)
    ambient = {
        n: (b.spec.kind, str(b.spec.type), b.spec.default, b.spec.required)
        for n, b in found.items()
        if isinstance(b, AmbientBinding)
    }
    assert ambient == {
        "REGION": ("env", "str", "eu", False),
        "LIMIT": ("env", "int", None, True),
        "WORD": ("env", "str", None, True),
        "N": ("env", "int", 3, False),
        "KEY": ("secret", "str", None, True),
    }
    assert found["Mode"] == TypeBinding(Type("literal", ("fast", "safe")))
    assert STR != FLOAT
